"""Real data for a report: what was given, or what a run learned from."""

from collections.abc import Sequence

from coop_runtime import CoopError

from ..subject import Subject, read_signals, units
from .asked import Floats, Real

__all__ = ["read_real"]


def read_real(
    subject: Subject, data: Sequence[str], train: Sequence[str] = (), other: Sequence[str] = ()
) -> Real:
    """Read real data in the format of a model.

    Parameters
    ----------
    data
        Pictures that the model has not seen, or the originals of a texture, a sound or a clip; of
        a run these are known.
    train
        Pictures that it learned from; of a run these are known.
    other
        Other pictures, each with a name of its own.

    Raises
    ------
    CoopError
        Needed and not given, unreadable, or of another kind than the model's.
    """
    model, learned = subject.model, subject.learned
    if learned is not None and learned.seen is not None:
        learned = None  # incomplete: what a run could not see is no yardstick
    kind = model.card.signal.kind
    if kind != "images" and (train or other):
        raise CoopError("--train and --other are for sets of pictures; leave them out")
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
    others = {source: units(read_signals([source], model), model)[0] for source in other}
    return Real(units(read, model), known, tuple(data) or read.names, others)
