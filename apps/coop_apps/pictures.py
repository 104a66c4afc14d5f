"""Pixels to PNG files and to moving GIF or WebP files."""

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

__all__ = ["Pixels", "encode_clip", "encode_png", "grid"]

Pixels = NDArray[np.uint8]
_GAP = 4
_ROW = 5


def encode_png(pixels: Pixels) -> bytes:
    """Encode a picture (height, width, 1 or 3 channels) as PNG.

    Examples
    --------
    >>> encode_png(np.zeros((2, 2, 3), np.uint8))[1:4]
    b'PNG'
    """
    stream = io.BytesIO()
    _image(pixels).save(stream, "PNG")
    return stream.getvalue()


def encode_clip(frames: Pixels, rate: float, kind: str, comment: str = "") -> bytes:
    """Encode a clip (time, height, width, 1 or 3 channels) that plays again and again.

    Parameters
    ----------
    frames
        At least one.
    rate
        Frames per second, > 0; GIF rounds a frame's time to hundredths of a second.
    kind
        ``"gif"``, at most 256 colours a frame, or ``"webp"``, without loss.
    comment
        To be kept in the file: the comment of a GIF, the Exif description of a WebP.

    Examples
    --------
    >>> encode_clip(np.zeros((2, 4, 4, 3), np.uint8), 10.0, "gif")[:6]
    b'GIF89a'
    """
    first, *rest = [_image(frame) for frame in frames]
    options: dict[str, Any] = {"lossless": True} if kind == "webp" else {}
    if comment and kind == "webp":
        options["exif"] = Image.Exif()
        options["exif"][ExifTags.Base.ImageDescription] = comment
    elif comment:
        options["comment"] = comment.encode()
    stream = io.BytesIO()
    first.save(
        stream,
        kind,
        save_all=True,
        append_images=rest,
        duration=max(1, round(1000 / rate)),
        loop=0,
        **options,
    )
    return stream.getvalue()


def grid(pictures: Pixels, columns: int | None = None) -> Pixels:
    """Join pictures or clips (n, …, height, width, channels) into one, with white gaps.

    Without ``columns``, up to five stand in a row, more in about as many rows as columns.

    Examples
    --------
    >>> grid(np.zeros((3, 2, 5, 1), np.uint8)).shape
    (2, 23, 1)
    >>> grid(np.zeros((7, 2, 5, 1), np.uint8)).shape
    (14, 23, 1)
    """
    n, *frames, height, width, channels = pictures.shape
    columns = columns or (n if n <= _ROW else math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    sides = rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP
    sheet = np.full((*frames, *sides, channels), 255, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // columns * (height + _GAP), k % columns * (width + _GAP)
        sheet[..., top : top + height, left : left + width, :] = picture
    return sheet


def _image(pixels: Pixels) -> Image.Image:
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    return Image.fromarray(np.ascontiguousarray(pixels))
