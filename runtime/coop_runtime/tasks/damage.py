"""Damaged signals, to test recovery: salt and pepper, scribble, a block."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arguments import check_choice, check_number
from ..arrays import Array, check_array, signal_shape
from ..core import Core
from ..errors import ArgumentError
from ..philox import Purpose, Stream, streams, uniform
from .masks import Mask

__all__ = ["Damaged", "Kind", "damage", "salt_and_pepper"]

Kind = Literal["salt-and-pepper", "scribble", "block"]
_DRAWS = 64  # numbers drawn at once for a stroke
_LAST_STEP = 2**32 - 1


class Damaged(NamedTuple):
    """Damaged signals.

    Attributes
    ----------
    x
        Like the originals, which entries outside the mask still are, bit for bit.
    mask
        (batch, 1, *size), bool: True where an entry is damaged.
    """

    x: Array
    mask: Mask


def damage(core: Core, x: Array, kind: Kind, share: float, seed: int, first: int) -> Damaged:
    """Damage signals; see `Model.damage`."""
    x = check_array("x", x, signal_shape(core.card))
    check_number("share", share)
    if not share < 1:
        raise ArgumentError("share", f"expected between 0 and 1, found {share}")
    check_choice("kind", kind, "salt-and-pepper", "scribble", "block")
    low, high = core.card.signal.value_range
    size, masks, values = x.shape[2:], [], []
    if max(size) == 1:
        raise ArgumentError("x", "one place cannot be damaged in part")
    for stream in streams(seed, first, len(x), Purpose.DAMAGE):
        if kind == "salt-and-pepper":
            chance = uniform(stream, (1, *size))
            masks.append(chance < share)
            values.append(np.where(chance < share / 2, low, high))
        else:
            masks.append((_scribble if kind == "scribble" else _block)(stream, size, share)[None])
            values.append(np.full((1, *size), high if kind == "scribble" else (low + high) / 2))
        _leave_some(masks[-1], stream)
    mask = np.stack(masks)
    return Damaged(np.where(mask, np.stack(values).astype(np.float32), x), mask)


def salt_and_pepper(x: Array, value_range: tuple[float, float]) -> Mask:
    """Find salt and pepper: places at an end of the range in all channels, unlike their neighbours.

    Unlike is more than a quarter of the range from the median of the neighbourhood, 5 places of a
    sound, else 3 along each axis.

    Returns
    -------
    (batch, 1, *size).
    """
    low, high = value_range
    axes = tuple(range(2, x.ndim))
    reach = 2 if len(axes) == 1 else 1
    padded = np.pad(x, [(0, 0), (0, 0), *[(reach, reach)] * len(axes)], "symmetric")
    around = sliding_window_view(padded, [2 * reach + 1] * len(axes), axes)
    median = np.median(around.reshape(*x.shape, -1), axis=-1)
    far = np.abs(x - median) > 0.25 * (high - low)
    mask: Mask = (((x <= low) | (x >= high)) & far).all(axis=1, keepdims=True)
    return mask


def _leave_some(mask: Mask, stream: Stream) -> None:
    """Damage one place, anywhere, where none is, or spare one where all are."""
    if mask.all() or not mask.any():
        place = int(uniform(stream, (1, 1), _LAST_STEP)[0, 0] * mask.size)
        mask.flat[place] = not mask.flat[place]


def _block(stream: Stream, size: tuple[int, ...], share: float) -> Mask:
    """Hide a box of that share, of the signal's proportions, anywhere inside."""
    mask = np.zeros(size, bool)
    where = uniform(stream, (1, len(size)))[0]
    keep = []
    for n, u in zip(size, where, strict=True):
        side = min(n, max(1, round(n * share ** (1 / len(size)))))
        at = int(u * (n - side + 1))
        keep.append(slice(at, at + side))
    mask[tuple(keep)] = True
    return mask


def _scribble(stream: Stream, size: tuple[int, ...], share: float) -> Mask:
    """Draw strokes that wander about, a twentieth of the signal thick, until they hide that share.

    Step s of the stream's numbers is stroke s: where it starts, and how it turns.
    """
    mask, stroke = np.zeros(size, bool), 0
    sides = np.array(size, np.float64)
    radius = np.maximum(sides / 40, 0.5)
    places = np.ogrid[tuple(slice(n) for n in size)]
    while mask.mean() < share:
        draws = uniform(stream, (len(size), _DRAWS), stroke).astype(np.float64)
        at, course = draws[:, 0] * (sides - 1), draws[:, 1] - 0.5
        for turn in draws[:, 2:].T:
            course = course / max(float(np.linalg.norm(course)), 1e-9) + (turn - 0.5)
            at = np.clip(at + radius * course, 0, sides - 1)
            distance = sum(((p - a) / r) ** 2 for p, a, r in zip(places, at, radius, strict=True))
            mask |= distance <= 1
            if mask.mean() >= share:
                break
        stroke += 1
    return mask
