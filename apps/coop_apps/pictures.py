"""Pixels to PNG files."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["encode_png", "side_by_side"]

Pixels = NDArray[np.uint8]
_GAP = 4


def encode_png(pixels: Pixels) -> bytes:
    """Encode a picture (height, width, 1 or 3 channels) as PNG.

    Examples
    --------
    >>> encode_png(np.zeros((2, 2, 3), np.uint8))[1:4]
    b'PNG'
    """
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return stream.getvalue()


def side_by_side(pictures: Pixels) -> Pixels:
    """Join pictures (n, height, width, channels) into one, left to right, with white gaps.

    Examples
    --------
    >>> side_by_side(np.zeros((3, 2, 5, 1), np.uint8)).shape
    (2, 23, 1)
    """
    n, height, width, channels = pictures.shape
    sheet = np.full((height, n * (width + _GAP) - _GAP, channels), 255, np.uint8)
    for k, picture in enumerate(pictures):
        left = k * (width + _GAP)
        sheet[:, left : left + width] = picture
    return sheet
