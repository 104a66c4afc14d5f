"""Other sizes of pictures, and a smooth fill of what is missing, in numpy alone."""

from collections.abc import Sequence

import numpy as np

from ..arrays import Array
from .masks import Mask

__all__ = ["filled", "resize"]


def resize(x: Array, size: Sequence[int]) -> Array:
    """Scale the spatial axes by linear interpolation, averaging where they shrink.

    The kernel is a triangle, as wide as two places of the coarser grid; a grid's first and last
    places lie half a place inside the ends.

    Parameters
    ----------
    x
        (batch, channels, *size).
    size
        The new spatial size, ≥ 1.

    Examples
    --------
    >>> resize(np.array([[[0.0, 1.0, 2.0, 3.0]]], np.float32), (8,)).round(2)
    array([[[0.  , 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.  ]]], dtype=float32)
    """
    for axis, wanted in enumerate(size, start=2):
        if x.shape[axis] != wanted:
            x = _along(x, axis, wanted)
    return x


def _along(x: Array, axis: int, wanted: int) -> Array:
    """Scale one axis: a sum of weighted neighbours, entry by entry."""
    there = x.shape[axis]
    scale = there / wanted
    reach = max(1.0, scale)
    centre = (np.arange(wanted) + 0.5) * scale - 0.5
    first = np.floor(centre - reach).astype(int) + 1
    places = first[:, None] + np.arange(int(np.ceil(2 * reach)))
    weights = np.maximum(0, 1 - np.abs(places - centre[:, None]) / reach)
    weights[(places < 0) | (places >= there)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    column = [-1] + [1] * (x.ndim - 1 - axis)
    total = np.zeros((*x.shape[:axis], wanted, *x.shape[axis + 1 :]), np.float32)
    for place, weight in zip(places.T, weights.T, strict=True):
        entries = x.take(np.clip(place, 0, there - 1), axis)
        total += weight.astype(np.float32).reshape(column) * entries
    return total


def filled(x: Array, known: Mask) -> Array:
    """Fill unknown entries smoothly: by the average of what is known around, as near as there is.

    Known entries stay what they are; some entry of each example and channel must be known.

    Examples
    --------
    >>> x = np.array([[[1.0, 0.0, 0.0, 3.0]]], np.float32)
    >>> filled(x, np.array([[[True, False, False, True]]])).round(2)
    array([[[1. , 1.5, 2.5, 3. ]]], dtype=float32)
    """
    size = x.shape[2:]
    if known.all() or max(size) == 1:
        return x
    half = [-(-n // 2) for n in size]
    share = resize(known.astype(np.float32), half)
    there = share > 1e-3
    average = resize(np.where(known, x, np.float32(0)), half) / np.where(there, share, 1)
    return np.where(known, x, resize(filled(average.astype(np.float32), there), size))
