"""From the pixels of the data to the arrays of ``coop_eval``."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "unit_pictures"]

Floats = NDArray[np.float32]


def unit_pictures(pixels: NDArray[np.uint8]) -> Floats:
    """Turn pixels (n, height, width, channels) into (n, channels, height, width) of 0 to 1.

    Examples
    --------
    >>> unit_pictures(np.full((1, 2, 2, 3), 255, np.uint8)).shape
    (1, 3, 2, 2)
    """
    floats: Floats = np.moveaxis(pixels, -1, 1).astype(np.float32) / np.float32(255)
    return floats
