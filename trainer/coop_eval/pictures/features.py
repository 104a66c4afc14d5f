"""Features of pictures, of a small classifier that is trained on the spot.

Published scores use Inception's features; nothing here needs weights from elsewhere, so a small
network is trained on the very set that a model has learned. Its task is twofold, one head each:

- the class of a picture, where the set has labels;
- which of `DAMAGES` was done to it. Class labels alone make features that overlook how models
  fail: a blurred coat is a coat. Features that tell real pictures from blurred, noisy, washed out,
  bent, and shuffled ones rise with what is to be judged, and sets without labels need no others.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from coop_runtime import Array, CoopError, write_atomically

from .damages import DAMAGES
from .feature_network import (
    CHANNELS,
    STEPS,
    FeatureNetwork,
    Labels,
    batches,
    learn,
    scores,
)

__all__ = ["Classifier", "check_pictures", "classifier", "train"]


@dataclass(frozen=True)
class Classifier:
    """A trained network: ``features`` is what it is for.

    Attributes
    ----------
    network
        The trained network, in evaluation mode.
    scale
        Features are multiplied by it, so that those of the training pictures have a mean square of
        1: then kernel distances of different sets can be compared.
    accuracy
        Share of test pictures whose class was found, in [0, 1]; None without labels.
    damage_accuracy
        Share of test pictures whose damage was found, in [0, 1]; chance is 1/len(DAMAGES).
    sha256
        Of the weights: two figures can be compared if this is the same.
    """

    network: FeatureNetwork
    scale: float
    accuracy: float | None
    damage_accuracy: float
    sha256: str

    def features(self, pictures: Array) -> NDArray[np.float64]:
        """Give the features of pictures: the layer before the heads.

        Parameters
        ----------
        pictures
            (n, channels, height, width) in [0, 1], of the channels that were learned.

        Returns
        -------
        (n, 128), ≥ 0.

        Raises
        ------
        CoopError
            Not such pictures.
        """
        check_pictures("pictures", pictures)
        learned = self.network.channels
        if pictures.shape[1] != learned:
            raise CoopError(
                f"pictures: expected {learned} channels, those that the features were trained on, "
                f"found {pictures.shape[1]}; train features on pictures of these"
            )
        with torch.no_grad():
            parts = [self.network(part) for part in batches(pictures)]
        return self.scale * torch.cat(parts).double().numpy()


def check_pictures(name: str, pictures: Array) -> None:
    """Refuse what is no array of pictures (n, channels, height, width) in [0, 1].

    Raises
    ------
    CoopError
        In one line.
    """
    if pictures.ndim != 4 or not len(pictures):
        raise CoopError(
            f"{name}: expected pictures (n, channels, height, width), found {pictures.shape}"
        )
    low, high = float(pictures.min()), float(pictures.max())
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # NaN too
        raise CoopError(f"{name}: expected values in [0, 1], found {low:g} to {high:g}")


def _check_labels(pictures: Array, labels: Labels | None) -> None:
    if labels is not None and labels.shape != (len(pictures),):
        raise CoopError(
            f"labels: expected one for each of {len(pictures)} pictures, found {labels.shape}"
        )


def classifier(
    file: Path,
    pictures: Array,
    test: Array,
    labels: Labels | None = None,
    test_labels: Labels | None = None,
    seed: int = 0,
    steps: int = STEPS,
) -> Classifier:
    """Read the classifier of a file, or `train` it and keep it there.

    A file of other pictures, labels or seed is replaced. Other parameters are those of `train`.

    Raises
    ------
    CoopError
        As `train`, or the file is none that this function wrote.
    """
    of = _fingerprint((seed, steps), pictures, labels)
    if file.is_file():
        kept = _opened(file)
        if str(kept.pop("of", "")) == of:
            return _read(kept, pictures.shape[1])
    trained = train(pictures, test, labels, test_labels, seed, steps)
    buffer = io.BytesIO()
    arrays: dict[str, Any] = _written(trained)
    np.savez(buffer, of=np.array(of), **arrays)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, buffer.getvalue())
    return trained


def train(
    pictures: Array,
    test: Array,
    labels: Labels | None = None,
    test_labels: Labels | None = None,
    seed: int = 0,
    steps: int = STEPS,
) -> Classifier:
    """Train a classifier, on one core, always alike on one machine.

    Parameters
    ----------
    pictures, test
        (n, channels, height, width) in [0, 1], height and width at least 16.
    labels, test_labels
        (n,), whole numbers from 0; None: the set has none.
    seed
        Of the network and of what it sees.
    steps
        Of training, ≥ 1; of pictures larger than 32×32 fewer, by the ratio of the sides.

    Raises
    ------
    CoopError
        Not such pictures, or labels that are not theirs.
    """
    check_pictures("pictures", pictures)
    check_pictures("test", test)
    _check_labels(pictures, labels)
    _check_labels(test, test_labels)
    classes = 0 if labels is None else int(labels.max()) + 1
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order are other numbers
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = FeatureNetwork(pictures.shape[1], classes)
        learn(network, pictures, labels, steps, np.random.default_rng(seed))
        scored = scores(network, test, test_labels, np.random.default_rng(seed + 1))
        with torch.no_grad():
            square = [network(part).square().mean() for part in batches(pictures[:2000])]
    finally:
        torch.set_num_threads(threads)
    scale = float(np.mean([float(value) for value in square]) ** -0.5)
    return Classifier(network, scale, *scored, _hash(network))


def _hash(network: FeatureNetwork) -> str:
    digest = hashlib.sha256()
    for name, values in network.state_dict().items():
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()


def _fingerprint(settings: tuple[int, int], pictures: Array, labels: Labels | None) -> str:
    digest = hashlib.sha256(repr((settings, CHANNELS, DAMAGES, pictures.shape)).encode())
    digest.update(np.ascontiguousarray(pictures, np.float32).tobytes())
    digest.update(b"" if labels is None else labels.astype(np.int64).tobytes())
    return digest.hexdigest()


def _opened(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise CoopError(
            f"{file.name}: expected a classifier of features; delete it to train another ({error})"
        ) from None


def _written(trained: Classifier) -> dict[str, NDArray[Any]]:
    figures = {
        "scale": trained.scale,
        "accuracy": np.nan if trained.accuracy is None else trained.accuracy,
        "damage_accuracy": trained.damage_accuracy,
    }
    weights = trained.network.state_dict().items()
    return {k: np.array(v) for k, v in figures.items()} | {f"w {k}": v.numpy() for k, v in weights}


def _read(kept: dict[str, NDArray[Any]], channels: int) -> Classifier:
    scale, accuracy, of_damage = (
        float(kept.pop(name)) for name in ("scale", "accuracy", "damage_accuracy")
    )
    heads = kept.get("w label.bias")
    network = FeatureNetwork(channels, 0 if heads is None else len(heads))
    network.load_state_dict({name[2:]: torch.from_numpy(w) for name, w in kept.items()})
    network.eval()
    return Classifier(
        network, scale, None if np.isnan(accuracy) else accuracy, of_damage, _hash(network)
    )
