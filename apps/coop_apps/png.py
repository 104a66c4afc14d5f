"""Pictures larger than memory to PNG, rows by rows."""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from .pictures import Pixels

__all__ = ["write_png"]

_ROWS = 64  # at once
_GREY, _COLOUR = 0, 2  # colour types of PNG
_LEFT, _ABOVE = 1, 2  # filters of PNG: a byte less that of the pixel before it, or above it


def write_png(file: BinaryIO, bands: Iterable[Pixels], size: tuple[int, int, int]) -> None:
    """Write a picture as 8-bit PNG, without seeking: standard output will do.

    Parameters
    ----------
    file
        Open for writing.
    bands
        Rows (rows, width, channels), from the top on.
    size
        Height, width and channels, 1 or 3.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> picture = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    >>> file = io.BytesIO()
    >>> write_png(file, [picture[:2], picture[2:]], picture.shape)
    >>> bool((np.asarray(Image.open(file)) == picture).all())
    True
    """
    height, width, channels = size
    kind = _GREY if channels == 1 else _COLOUR
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    pack, above = zlib.compressobj(), np.zeros((1, width * channels), np.uint8)
    for band in bands:
        rows = band.reshape(len(band), -1)
        for top in range(0, len(rows), _ROWS):
            some = rows[top : top + _ROWS]
            _chunk(file, b"IDAT", pack.compress(_filtered(some, above, channels)))
            above = some[-1:]
    _chunk(file, b"IDAT", pack.flush())
    _chunk(file, b"IEND", b"", always=True)


def _filtered(rows: Pixels, above: Pixels, channels: int) -> bytes:
    """Filter rows by what leaves less, the pixel before or above; ``above``: the row before."""
    left = rows.copy()
    left[:, channels:] -= rows[:, :-channels]
    up = rows - np.concatenate([above, rows[:-1]])
    costs = [np.abs(kind.view(np.int8).astype(np.int16)).sum(1) for kind in (left, up)]
    use_left = (costs[0] < costs[1])[:, None]
    kinds = np.where(use_left, np.uint8(_LEFT), np.uint8(_ABOVE))
    return np.concatenate([kinds, np.where(use_left, left, up)], axis=1).tobytes()


def _chunk(file: BinaryIO, name: bytes, data: bytes, always: bool = False) -> None:
    if data or always:
        check = zlib.crc32(name + data)
        file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", check))
