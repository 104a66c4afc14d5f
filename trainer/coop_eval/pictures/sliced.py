"""Multi-scale sliced Wasserstein distance of pictures. Karras et al., ICLR 2018, section 5.

Patches of 7×7 of each level of a Laplacian pyramid, normalised per channel, are compared by the
mean of their 1-D Wasserstein distances along random directions: coarse levels tell whether large
shapes are right, the finest whether edges and noise are.
"""

import numpy as np
import ot
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage

from coop_runtime import Array, CoopError

__all__ = ["laplacian_pyramid", "multiscale_sliced"]

_SIDE = 7
#: A level is halved again while it is at least twice as large: Karras et al. stop at 16.
_SMALLEST = 14
_BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def multiscale_sliced(
    x: Array,
    y: Array,
    pictures: int = 500,
    patches: int = 16,
    directions: int = 128,
    seed: int = 0,
) -> dict[int, float]:
    """Give the sliced Wasserstein distance at each level of the pyramid, by the level's height.

    Parameters
    ----------
    x, y
        Pictures (n, channels, height, width), (m, channels, height, width) in [0, 1], at least
        14×14.
    pictures
        Taken of each set at most; of both as many.
    patches
        Of each picture, at random places.
    directions
        Random directions of projection.
    seed
        Of places and directions.

    Returns
    -------
    From the finest level to the coarsest; in units of a patch's standard deviation.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((8, 1, 32, 32), np.float32)
    >>> multiscale_sliced(x, x)
    {32: 0.0, 16: 0.0}
    """
    if x.ndim != 4 or x.shape[1:] != y.shape[1:] or min(x.shape[2:]) < _SMALLEST:
        raise CoopError(
            f"pictures: expected two arrays (n, channels, height, width) of one size, at least "
            f"{_SMALLEST}×{_SMALLEST}; found {x.shape} and {y.shape}"
        )
    pictures = min(pictures, len(x), len(y))
    x, y = x[:pictures], y[:pictures]
    distances = {}
    for level_x, level_y in zip(laplacian_pyramid(x), laplacian_pyramid(y), strict=True):
        # The same places in both, so that equal sets have equal patches.
        ours, theirs = (
            _patches(level, patches, np.random.default_rng(seed)) for level in (level_x, level_y)
        )
        distances[level_x.shape[2]] = float(
            ot.sliced_wasserstein_distance(ours, theirs, n_projections=directions, p=1, seed=seed)
        )
    return distances


def laplacian_pyramid(x: Array) -> list[NDArray[np.float32]]:
    """Give the levels of a Laplacian pyramid (Burt, Adelson 1983), the finest first.

    Parameters
    ----------
    x
        (n, channels, height, width).

    Returns
    -------
    What each halving loses, and the smallest picture itself; each half the size before, rounded up.
    """
    levels, x = [], np.asarray(x, np.float32)
    while min(x.shape[2:]) >= 2 * _SMALLEST:
        smaller = _blur(x)[:, :, ::2, ::2]
        larger = np.zeros_like(x)
        larger[:, :, ::2, ::2] = 4 * smaller
        levels.append(x - _blur(larger))
        x = smaller
    return [*levels, x]


def _blur(x: NDArray[np.float32]) -> NDArray[np.float32]:
    for axis in (2, 3):
        x = ndimage.convolve1d(x, _BINOMIAL, axis=axis, mode="mirror")
    return x


def _patches(x: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give patches (n · count, channels · 7 · 7), of mean 0 and deviation 1 in each channel."""
    windows = sliding_window_view(x, (_SIDE, _SIDE), axis=(2, 3))
    shape = (len(x), count)
    i, j = (rng.integers(size, size=shape) for size in windows.shape[2:4])
    patches = windows[np.arange(len(x))[:, None], :, i, j]  # (n, count, channels, 7, 7)
    axes = (0, 1, 3, 4)
    spread = patches.std(axis=axes, keepdims=True)
    whole = (patches - patches.mean(axis=axes, keepdims=True)) / np.maximum(spread, 1e-8)
    return np.ascontiguousarray(whole.reshape(len(x) * count, -1))
