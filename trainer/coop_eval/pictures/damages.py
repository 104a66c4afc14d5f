"""What is done to pictures so that features learn to tell it: how generated pictures go wrong."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from coop_runtime import Array

__all__ = ["DAMAGES", "damaged"]

Floats = NDArray[np.floating[Any]]

#: Names of the kinds: their numbers are their places.
DAMAGES = (
    "none",
    "blurred",
    "noisy",
    "washed out",
    "colours shifted",
    "bent",
    "patches shuffled",
    "averaged",
    "upside down",
    "streaked",
)


def damaged(
    pictures: Array, kinds: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Damage each picture in its way, and by a random amount.

    Parameters
    ----------
    pictures
        (n, channels, height, width) in [0, 1].
    kinds
        (n,), numbers of `DAMAGES`; pictures of kind 0 stay as they are.
    rng
        Of amounts and places.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.random((4, 1, 16, 16), np.float32)
    >>> y = damaged(x, np.array([0, 1, 2, 6]), rng)
    >>> [bool(value) for value in (x != y).any(axis=(1, 2, 3))]
    [False, True, True, True]
    """
    others = pictures[rng.permutation(len(pictures))]
    parts = [
        _damage(x, other, DAMAGES[kind], rng)
        for x, other, kind in zip(pictures, others, kinds, strict=True)
    ]
    return np.clip(np.stack(parts), 0, 1).astype(np.float32)


def _damage(x: Floats, other: Floats, kind: str, rng: np.random.Generator) -> Floats:
    """Damage one picture (channels, height, width)."""
    size = x.shape[-1]
    match kind:
        case "blurred":
            return _blurred(x, rng.uniform(0.6, 1.8) * size / 32)
        case "noisy":
            return x + rng.uniform(0.03, 0.15) * rng.standard_normal(x.shape)
        case "washed out":
            mean = np.float64(x.mean())
            return mean + rng.uniform(0.3, 0.7) * (x - mean)
        case "colours shifted":
            return x + 0.15 * rng.standard_normal((len(x), 1, 1))
        case "bent":
            return _bent(x, rng)
        case "patches shuffled":
            return _shuffled(x, rng)
        case "averaged":
            return x + rng.uniform(0.25, 0.5) * (other - x)
        case "upside down":
            return x[:, ::-1]
        case "streaked":
            return x + _checks(size, rng)
        case _:
            return x


def _blurred(x: Floats, width: float) -> Floats:
    blurred: Floats = ndimage.gaussian_filter(x, (0, width, width))
    return blurred


def _bent(x: Floats, rng: np.random.Generator) -> Floats:
    """Move every place a little, smoothly: shapes are wrong, textures are not."""
    size = x.shape[1:]
    shift = _blurred(rng.standard_normal((2, *size)), size[0] / 10)
    shift *= rng.uniform(0.04, 0.1) * size[0] / shift.std()
    places = np.indices(size) + shift
    return np.stack([ndimage.map_coordinates(c, places, order=1, mode="reflect") for c in x])


def _shuffled(x: Floats, rng: np.random.Generator) -> Floats:
    """Shuffle the squares of a 4×4 board: every detail is right, and nothing is in its place."""
    cell = x.shape[1] // 4, x.shape[2] // 4
    y, places = x.copy(), rng.permutation(16)
    for k, place in enumerate(places):
        (i, j), (a, b) = divmod(k, 4), divmod(int(place), 4)
        y[:, i * cell[0] : (i + 1) * cell[0], j * cell[1] : (j + 1) * cell[1]] = x[
            :, a * cell[0] : (a + 1) * cell[0], b * cell[1] : (b + 1) * cell[1]
        ]
    return y


def _checks(size: int, rng: np.random.Generator) -> Floats:
    """Give a faint regular pattern, as transposed convolutions leave one."""
    period = int(rng.choice([2, 4, 8]))
    tile = rng.standard_normal((1, period, period))
    repeats = -(-size // period)
    pattern: Floats = np.tile(tile, (1, repeats, repeats))[:, :size, :size]
    return rng.uniform(0.03, 0.12) * pattern
