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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coop_runtime import Array, CoopError, write_atomically

from .damages import DAMAGES, damaged

__all__ = ["Classifier", "Labels", "classifier", "train"]

Labels = NDArray[np.integer[Any]]

#: Pictures in a step of training, and in a call of `Classifier.features`.
_BATCH = 64
#: Steps of training of pictures of 32×32; a larger picture takes its share of time.
_STEPS = 900
_CHANNELS = (24, 48, 96, 128)


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

    network: "_Network"
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
            parts = [self.network(part) for part in _batches(pictures)]
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


def classifier(
    file: Path,
    pictures: Array,
    test: Array,
    labels: Labels | None = None,
    test_labels: Labels | None = None,
    seed: int = 0,
) -> Classifier:
    """Read the classifier of a file, or `train` it and keep it there.

    A file of other pictures, labels or seed is replaced. Parameters are those of `train`.
    """
    of = _fingerprint(seed, pictures, labels)
    if file.is_file():
        with np.load(file) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        if str(kept.pop("of", "")) == of:
            return _read(kept, pictures.shape[1])
    trained = train(pictures, test, labels, test_labels, seed)
    buffer = io.BytesIO()
    np.savez(buffer, of=np.array(of), **_written(trained))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, buffer.getvalue())
    return trained


def train(
    pictures: Array,
    test: Array,
    labels: Labels | None = None,
    test_labels: Labels | None = None,
    seed: int = 0,
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
    """
    check_pictures("pictures", pictures)
    check_pictures("test", test)
    classes = 0 if labels is None else int(labels.max()) + 1
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order are other numbers
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = _Network(pictures.shape[1], classes).to(memory_format=torch.channels_last)
        _learn(network, pictures, labels, np.random.default_rng(seed))
        scored = _scores(network, test, test_labels, np.random.default_rng(seed + 1))
        with torch.no_grad():
            square = [network(part).square().mean() for part in _batches(pictures[:2000])]
    finally:
        torch.set_num_threads(threads)
    scale = float(np.mean([float(value) for value in square]) ** -0.5)
    return Classifier(network, scale, *scored, _hash(network))


class _Network(nn.Module):
    """Convolutions, a mean over the picture, and a head for each task."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels = channels
        widths = (channels, *_CHANNELS)
        self.body = nn.Sequential(
            *(_level(*pair, k) for k, pair in enumerate(zip(widths, widths[1:], strict=False)))
        )
        self.damage = nn.Linear(widths[-1], len(DAMAGES))
        self.label = nn.Linear(widths[-1], classes) if classes else None

    def forward(self, x: Tensor) -> Tensor:
        """Give the features (n, d) of pictures (n, channels, height, width) in [0, 1]."""
        features: Tensor = self.body(2 * x - 1).mean(dim=(2, 3))
        return features


def _level(inputs: int, outputs: int, k: int) -> nn.Module:
    """Give one level: a convolution, and half the size from there on."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 5 if k == 0 else 3, padding="same", bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2) if k < 3 else nn.Identity(),
    )


def _learn(
    network: _Network, pictures: Array, labels: Labels | None, rng: np.random.Generator
) -> None:
    """Learn both tasks, each on its half of every batch; classes of undamaged pictures only."""
    steps = round(_STEPS * min(1.0, (32 * 32 / pictures[0, 0].size) ** 0.5))
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    network.train()
    for _ in range(steps):
        which = rng.integers(len(pictures), size=_BATCH)
        kinds = rng.integers(len(DAMAGES), size=_BATCH)
        if labels is not None:
            kinds[: _BATCH // 2] = 0
        h = network(torch.from_numpy(damaged(pictures[which], kinds, rng)))
        loss = functional.cross_entropy(network.damage(h), torch.from_numpy(kinds))
        if labels is not None and network.label is not None:
            clean = torch.from_numpy(np.flatnonzero(kinds == 0))
            target = torch.from_numpy(labels[which].astype(np.int64))[clean]
            loss = loss + functional.cross_entropy(network.label(h[clean]), target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rates.step()
    network.eval()


def _scores(
    network: _Network, test: Array, labels: Labels | None, rng: np.random.Generator
) -> tuple[float | None, float]:
    """Give the shares of test pictures whose class, and whose damage, was found."""
    kinds = rng.integers(len(DAMAGES), size=len(test))
    with torch.no_grad():
        found = [network.damage(network(part)) for part in _batches(damaged(test, kinds, rng))]
        of_damage = float((torch.cat(found).argmax(1).numpy() == kinds).mean())
        if labels is None or network.label is None:
            return None, of_damage
        classes = torch.cat([network.label(network(part)) for part in _batches(test)])
    return float((classes.argmax(1).numpy() == labels).mean()), of_damage


def _batches(pictures: Array) -> Iterator[Tensor]:
    for k in range(0, len(pictures), _BATCH):
        yield torch.from_numpy(np.ascontiguousarray(pictures[k : k + _BATCH], np.float32))


def _hash(network: _Network) -> str:
    digest = hashlib.sha256()
    for name, values in network.state_dict().items():
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()


def _fingerprint(seed: int, pictures: Array, labels: Labels | None) -> str:
    digest = hashlib.sha256(repr((seed, _STEPS, _CHANNELS, DAMAGES, pictures.shape)).encode())
    digest.update(np.ascontiguousarray(pictures, np.float32).tobytes())
    digest.update(b"" if labels is None else labels.astype(np.int64).tobytes())
    return digest.hexdigest()


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
    network = _Network(channels, 0 if heads is None else len(heads))
    network.load_state_dict({name[2:]: torch.from_numpy(w) for name, w in kept.items()})
    network.to(memory_format=torch.channels_last).eval()
    return Classifier(
        network, scale, None if np.isnan(accuracy) else accuracy, of_damage, _hash(network)
    )
