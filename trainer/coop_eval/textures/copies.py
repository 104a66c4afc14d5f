"""Copied patches: is a sample pasted together from the picture that it was learned from."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .crops import crop_side, quadrants

__all__ = ["copied_patches", "copied_patches_real"]

Floats = NDArray[np.floating]
Patches = NDArray[np.float32]

PATCH = 16
PATCH_STRIDE = 8
COPY_CORRELATION = 0.95
FLAT_RATIO = 0.25


def copied_patches(sample: Floats, picture: Floats, threshold: float = COPY_CORRELATION) -> float:
    """Fraction of the sample's patches that have a near-copy in the picture.

    16×16 patches at stride 8 against every patch of the picture, each channel's mean removed; a
    near-copy has normalised correlation above `threshold`. Patches with less than a quarter of the
    picture's standard deviation are left out on both sides: their correlation is that of their
    noise. Compare with `copied_patches_real`: a texture repeats itself.

    Parameters
    ----------
    sample
        (channels, height, width), any size from 16.
    picture
        (channels, height, width), the training picture, same units.
    threshold
        Correlation from which a patch counts as copied.

    Returns
    -------
    Fraction in [0, 1]; 0 where the sample has no patch with contrast.

    Examples
    --------
    >>> picture = np.random.default_rng(0).random((1, 40, 40))
    >>> copied_patches(picture[:, 5:30, 7:30], picture), copied_patches(1 - picture, picture)
    (1.0, 0.0)
    """
    smallest = _flat(picture)
    return _copied(
        _unit_patches(sample, PATCH_STRIDE, smallest)[0],
        _unit_patches(picture, 1, smallest)[0],
        threshold,
    )


def copied_patches_real(picture: Floats, threshold: float = COPY_CORRELATION) -> float:
    """`copied_patches` of the picture itself: each quadrant against patches clear of it.

    Parameters
    ----------
    picture
        (channels, height, width).
    threshold
        As in `copied_patches`.

    Raises
    ------
    CoopError
        The picture is smaller than 128×128.
    """
    smallest = _flat(picture)
    side = crop_side(picture)
    patches, corners = _unit_patches(picture, 1, smallest)
    fractions = []
    for r0, c0 in quadrants(picture, side):
        quadrant = picture[:, r0 : r0 + side, c0 : c0 + side]
        row, column = corners.T
        meets_rows = (row > r0 - PATCH) & (row < r0 + side)
        meets_columns = (column > c0 - PATCH) & (column < c0 + side)
        clear = ~(meets_rows & meets_columns)
        own = _unit_patches(quadrant, PATCH_STRIDE, smallest)[0]
        fractions.append(_copied(own, patches[clear], threshold))
    return float(np.mean(fractions))


def _flat(picture: Floats) -> float:
    """Give the standard deviation per pixel below which a patch counts as flat."""
    return FLAT_RATIO * float(np.sqrt(picture.var(axis=(1, 2)).sum()))


def _unit_patches(
    image: Floats, stride: int, smallest_std: float
) -> tuple[Patches, NDArray[np.intp]]:
    """Patches with mean 0 and norm 1, (n, channels · 256), and their corners; no flat ones."""
    windows = sliding_window_view(image, (PATCH, PATCH), axis=(1, 2))[:, ::stride, ::stride]
    places = windows.shape[1:3]
    patches = windows.transpose(1, 2, 0, 3, 4).reshape(-1, len(image), PATCH * PATCH)
    patches = patches.astype(np.float32)
    patches = (patches - patches.mean(2, keepdims=True)).reshape(len(patches), -1)
    corners = np.indices(places).reshape(2, -1).T * stride
    norms = np.linalg.norm(patches, axis=1)
    keep = norms > smallest_std * PATCH
    return patches[keep] / norms[keep, None], corners[keep]


def _copied(patches: Patches, originals: Patches, threshold: float) -> float:
    if not len(patches) or not len(originals):
        return 0.0
    best = [(block @ originals.T).max(1) for block in np.array_split(patches, 8) if len(block)]
    return float(np.mean(np.concatenate(best) > threshold))
