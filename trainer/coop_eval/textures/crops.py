"""The yardstick of every figure of a texture: one quadrant left out, against the rest.

A texture is one picture, (channels, height, width) within [0, 1]. How far apart two pieces of the
same texture are is told by the picture itself: each of its four quadrants is measured against what
does not share a pixel with it. Samples are measured by crops of that same side.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coop_runtime.errors import CoopError

__all__ = ["check_texture", "corner_crops", "crop_side", "quadrants"]

Floats = NDArray[np.floating]
Corner = tuple[int, int]

#: Sides of crops are multiples of this: four halvings, as the steerable pyramid needs.
STEP = 16
SMALLEST = 64


def check_texture(picture: Floats, name: str = "the picture") -> None:
    """Raise unless a picture is finite numbers, (channels, height, width).

    Raises
    ------
    CoopError
        It is not.
    """
    if picture.ndim != 3 or not np.issubdtype(picture.dtype, np.floating):
        raise CoopError(
            f"{name}: expected floats (channels, height, width), "
            f"found {picture.dtype} {picture.shape}"
        )
    if not np.isfinite(picture).all():
        raise CoopError(f"{name} has values that are not finite; give values within [0, 1]")


def crop_side(picture: Floats) -> int:
    """Side of a quadrant: half of the shorter side, cut down to a multiple of 16.

    Raises
    ------
    CoopError
        The picture is smaller than 128×128.

    Examples
    --------
    >>> crop_side(np.zeros((3, 224, 224))), crop_side(np.zeros((1, 256, 300)))
    (112, 128)
    """
    height, width = picture.shape[1:]
    side = int(min(height, width)) // 2 // STEP * STEP
    if side < SMALLEST:
        least = 2 * SMALLEST
        raise CoopError(f"the picture is {width}x{height}, expected at least {least}x{least}")
    return side


def quadrants(picture: Floats, side: int) -> list[Corner]:
    """Top left corners, (row, column), of the square quadrants in the picture's four corners.

    Raises
    ------
    CoopError
        The picture is smaller than a quadrant.

    Examples
    --------
    >>> quadrants(np.zeros((3, 224, 224)), 112)
    [(0, 0), (0, 112), (112, 0), (112, 112)]
    """
    height, width = picture.shape[1:]
    if min(height, width) < side:
        raise CoopError(f"the sample is {width}x{height}, expected at least {side}x{side}")
    return [(r, c) for r in (0, height - side) for c in (0, width - side)]


def corner_crops(picture: Floats, corners: Sequence[Corner], side: int) -> list[Floats]:
    """Cut squares out of a picture, each (channels, side, side), at these top left corners."""
    return [picture[:, r : r + side, c : c + side] for r, c in corners]
