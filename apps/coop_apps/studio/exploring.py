"""What a model can draw: planes and sheets of pictures, ways between two, uploads read again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import coop_runtime
from coop_runtime import Array, Card, CoopError, Model
from coop_runtime.tasks.resize import resize

from ..inputs import read_input
from ..pictures import Pixels, encode_clip, grid

__all__ = ["cell_at", "drawn", "enlargement", "fitted", "moving", "sheet", "visible"]

_LARGEST = 256  # side of the part of a texture that is looked at
_PER_SECOND = 10.0


def enlargement(size: Sequence[int], side: int = 256) -> int:
    """Give how many times larger a small picture is shown, so that it is about ``side`` long."""
    return max(1, side // max(size))


def visible(pixels: Pixels, side: int = 256) -> Pixels:
    """Give a small picture (height, width, 1 or 3) in larger pixels, and in colours.

    Examples
    --------
    >>> visible(np.zeros((28, 20, 1), np.uint8)).shape
    (252, 180, 3)
    """
    times = enlargement(pixels.shape[:2], side)
    large = pixels.repeat(times, axis=0).repeat(times, axis=1)
    return large.repeat(3, axis=2) if large.shape[2] == 1 else large


def drawn(model: Model, count: int, seed: int, refine: int) -> Iterator[Array]:
    """Draw pictures one by one, refined if asked; each time all there are, (k, channels, *size)."""
    found: list[Array] = []
    for k in range(count):
        x = model.generate(1, seed, first=k)
        if refine:
            x = model.refined(x, refine, seed, first=k, chain=False).x
        found.append(x[0])
        yield np.stack(found)


def sheet(x: Array, card: Card, columns: int | None = None) -> Pixels:
    """Lay signals (n, channels, height, width) on a sheet, as ``coop-run`` does."""
    return grid(coop_runtime.to_uint8(x, card.signal), columns)


def cell_at(place: Sequence[int], sheet: Sequence[int], rows: int, columns: int) -> int:
    """Give the number, row by row, of the picture at a place of a sheet.

    Parameters
    ----------
    place
        To the right, and down.
    sheet
        Height and width, in the same units.

    Examples
    --------
    >>> cell_at((70, 10), (90, 90), 9, 9), cell_at((89, 89), (90, 90), 9, 9)
    (16, 80)
    """
    across, down = place
    row = min(rows - 1, rows * down // sheet[0])
    return int(row * columns + min(columns - 1, columns * across // sheet[1]))


def moving(pictures: Pixels) -> bytes:
    """Give pictures one after another, again and again: WebP, as ``coop-run`` writes it."""
    return encode_clip(pictures, _PER_SECOND, "webp")


def fitted(path: str, card: Card) -> tuple[Array, str]:
    """Read an upload as the model takes it, and say what was done to it.

    Of a texture, the middle of what is large; else the picture is scaled to the model's size.

    Returns
    -------
    (1, channels, *size), and a sentence, empty where nothing was done.

    Raises
    ------
    CoopError
        Not a picture, or a texture smaller than the model's trained size.
    """
    x = read_input(path, card, any_size=True).x
    size, trained = x.shape[2:], card.signal.trained_shape
    if size == trained:
        return x, ""
    if not any(card.signal.extendable):
        return resize(x, trained), f"It was scaled to {_by(trained)} for the model. "
    if any(n < least for n, least in zip(size, trained, strict=True)):
        raise CoopError(
            f"'{Path(path).name}' is {_by(size)}; expected {_by(trained)} pixels at least"
        )
    if max(size) <= _LARGEST:
        return x, ""
    down, across = (slice((n - m) // 2, (n + m) // 2) for n in size for m in [min(n, _LARGEST)])
    x = np.ascontiguousarray(x[:, :, down, across])
    return x, f"The model looked at the {_by(x.shape[2:])} in its middle. "


def _by(size: Sequence[int]) -> str:
    height, width = size
    return f"{width} × {height}"
