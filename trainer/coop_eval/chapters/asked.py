"""What a report is asked for: real data, and how much is computed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ask", "Real"]

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Real:
    """Real data, in this package's units.

    Attributes
    ----------
    test
        Pictures (n, channels, height, width) that the model has not seen, in random order; of a
        texture, a sound or a clip the originals, an array each.
    train
        What it learned from, if that is known.
    names
        Of all these, as they were given.
    other
        Other pictures of the same shape, whose energies are compared, by what they are.
    labels, train_labels
        Classes of ``test`` and of ``train``, whole numbers ≥ 0, (n,), if they are known.
    """

    test: list[Floats]
    train: list[Floats] | None
    names: tuple[str, ...]
    other: dict[str, Floats] = field(default_factory=dict)
    labels: Labels | None = None
    train_labels: Labels | None = None


def _silent(what: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Ask:
    """How much is computed, by which seed, where what is worth keeping is put, and who is told.

    Attributes
    ----------
    samples
        Pictures, textures, sounds or clips that are drawn.
    examples
        Real pictures that are completed and reconstructed.
    seed
        Of all chance.
    cache
        Folder of the classifier whose features are compared.
    run
        Folder of the run that is evaluated; None: a bundle is.
    tell
        Called with what is begun, where a chapter takes minutes.
    """

    samples: int
    examples: int
    seed: int
    cache: Path
    run: Path | None = None
    tell: Callable[[str], None] = _silent
