"""Real data for a report: what was given, or what a run learned from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from coop_runtime import CoopError
from coop_trainer.data.files import read_numpy
from coop_trainer.data.images import read_idx

from ..subject import Subject, read_signals, units
from .asked import Floats, Labels, Real

__all__ = ["read_labels", "read_real"]

Number = TypeVar("Number", bound=np.generic)


def read_real(
    subject: Subject,
    data: Sequence[str],
    train: Sequence[str] = (),
    other: Sequence[str] = (),
    labels: Path | None = None,
    train_labels: Path | None = None,
    seed: int = 0,
) -> Real:
    """Read real data in the format of a model.

    Pictures to be judged by come in a random order, for chapters take the first so many, and
    folders and files are often sorted by class.

    Parameters
    ----------
    data
        Pictures that the model has not seen, or the originals of a texture, a sound or a clip; of
        a run these are known.
    train
        Pictures that it learned from; of a run these are known.
    other
        Other pictures, each with a name of its own.
    labels, train_labels
        Files of the classes of ``data`` and of ``train``, see `read_labels`.
    seed
        Of the order.

    Raises
    ------
    CoopError
        Needed and not given, unreadable, or of another kind than the model's.
    """
    model, learned = subject.model, subject.learned
    if learned is not None and learned.seen is not None:
        learned = None  # incomplete: what a run could not see is no yardstick
    kind = model.card.signal.kind
    if kind != "images" and (train or other or labels or train_labels):
        raise CoopError("--train, --other and --labels are for sets of pictures; leave them out")
    if not data and (kind == "images" or learned is None):
        what = "pictures that the model has not seen" if kind == "images" else "the original"
        raise CoopError(f"--data: give {what}, as coop-train takes it")
    read = read_signals(data, model) if data else learned
    assert read is not None  # noqa: S101  one of the two
    known: list[Floats] | None = None
    if train:
        known = units(read_signals(train, model), model)
    elif kind == "images" and learned is not None:
        known = units(learned, model)
    others = {
        source: _mixed(units(read_signals([source], model), model)[0], seed) for source in other
    }
    test = units(read, model)
    of_test = None if labels is None else read_labels("--labels", labels, len(test[0]))
    if kind == "images":
        test = [_mixed(test[0], seed)]
        of_test = None if of_test is None else _mixed(of_test, seed)
    of_train = None
    if train_labels is not None:
        if known is None:
            raise CoopError("--train-labels: give --train, the pictures that they belong to")
        of_train = read_labels("--train-labels", train_labels, len(known[0]))
    return Real(test, known, tuple(data) or read.names, others, of_test, of_train)


def _mixed(a: NDArray[Number], seed: int) -> NDArray[Number]:
    return np.random.default_rng(seed).permutation(a)


def read_labels(option: str, path: Path, count: int) -> Labels:
    """Read the classes of ``count`` pictures: ``labels`` of an .npz or .npy, or an idx file.

    Raises
    ------
    CoopError
        Unreadable, or not a whole number ≥ 0 for each picture.
    """
    if not path.is_file():
        raise CoopError(f"{option}: '{path}' is not a file; give an .npz, .npy or idx file")
    numpy = path.suffix.lower() in (".npz", ".npy")
    found = read_numpy(path, "labels")["labels"] if numpy else read_idx(path)
    if found.ndim != 1 or found.dtype.kind not in "iu" or len(found) != count:
        raise CoopError(
            f"{option}: expected a whole number for each of {count} pictures, found "
            f"{found.dtype} {found.shape} in '{path}'"
        )
    if int(found.min(initial=0)) < 0:
        raise CoopError(f"{option}: expected numbers ≥ 0, found {int(found.min())} in '{path}'")
    return found.astype(np.int64)
