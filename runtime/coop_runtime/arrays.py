"""Checking, padding and cropping of batches of signals (batch, channels, *spatial)."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .card import Card, Latent
from .errors import ArgumentError, shown

__all__ = [
    "Array",
    "allocate",
    "check_array",
    "check_size",
    "check_whole",
    "crop",
    "drawable",
    "latent_shape",
    "pad_up",
    "round_up",
    "signal_shape",
]

Array = NDArray[np.float32]
Kind = TypeVar("Kind", bound=np.generic)


def check_array(name: str, value: Any, shape: tuple[int | str, ...]) -> Array:
    """Check an array that a caller gave: float32, finite, not empty, of this shape.

    Parameters
    ----------
    name
        Its name, for the error.
    shape
        A number must be met; a name stands for any size ≥ 1.

    Raises
    ------
    ArgumentError
        One line that says what was expected.

    Examples
    --------
    >>> check_array("x", np.zeros(3), ("batch",))
    Traceback (most recent call last):
    ...
    coop_runtime.errors.ArgumentError: x: expected float32, found float64; use x.astype('float32')
    """
    array = np.asarray(value)
    if array.dtype != np.float32:
        raise ArgumentError(
            name, f"expected float32, found {array.dtype}; use {name}.astype('float32')"
        )
    fits = array.ndim == len(shape) and array.size > 0
    if not fits or any(
        isinstance(axis, int) and axis != size
        for axis, size in zip(shape, array.shape, strict=True)
    ):
        expected = ", ".join(map(str, shape))
        raise ArgumentError(name, f"expected the shape ({expected}), found {array.shape}")
    if not np.isfinite(array).all():
        raise ArgumentError(name, "expected finite numbers, found NaN or infinity")
    return np.ascontiguousarray(array, dtype=np.float32)


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Check a whole number that a caller gave.

    Raises
    ------
    ArgumentError
        Not a whole number, below ``least``, or above ``most``.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ArgumentError(name, f"expected a whole number ≥ {least}, found {shown(value)}")
    if most is not None and value > most:
        raise ArgumentError(name, f"expected a whole number ≤ {most}, found {shown(value)}")
    return int(value)


def check_size(size: int | Sequence[int] | None, card: Card) -> tuple[int, ...]:
    """Give the spatial size that a caller means.

    One number stands for every axis that can be extended (for every axis if none can), None for
    the size of training.

    Raises
    ------
    ArgumentError
        Not whole numbers ≥ 1, not one per axis, or another size than that of training along an
        axis that cannot be extended.
    """
    signal = card.signal
    if size is None:
        return signal.trained_shape
    if isinstance(size, Sequence):
        sizes = tuple(size)
    else:
        kept = any(signal.extendable)
        sizes = tuple(
            n if kept and not free else size
            for n, free in zip(signal.trained_shape, signal.extendable, strict=True)
        )
    if len(sizes) != signal.dims:
        raise ArgumentError("size", f"expected {signal.dims} numbers, found {len(sizes)}")
    sizes = tuple(check_whole("size", side, 1) for side in sizes)
    allowed = drawable(card)
    if any(isinstance(n, int) and n != side for n, side in zip(allowed, sizes, strict=True)):
        shown = "x".join(map(str, allowed))
        advice = "give any number for N" if any(signal.extendable) else "leave size out"
        raise ArgumentError("size", f"'{card.name}' draws {shown} only; {advice}")
    return sizes


def drawable(card: Card) -> tuple[int | str, ...]:
    """Give the sizes that can be drawn and judged, per axis: a number, or "N" for any."""
    signal = card.signal
    return tuple(
        "N" if free else n for n, free in zip(signal.trained_shape, signal.extendable, strict=True)
    )


def signal_shape(card: Card) -> tuple[int | str, ...]:
    """Give the shape that `check_array` expects of a batch of the card's signals."""
    return "batch", card.signal.channels, *("size" if n == "N" else n for n in drawable(card))


def latent_shape(latent: Latent, size: Sequence[int]) -> tuple[int, ...]:
    """Give (latent channels, *cells) of a signal of this size, in whole cells.

    Examples
    --------
    >>> latent_shape(Latent(channels=2, strides=(4, 4)), (8, 9))
    (2, 2, 3)
    """
    whole = round_up(size, latent.strides)
    return latent.channels, *(n // stride for n, stride in zip(whole, latent.strides, strict=True))


def allocate(shape: tuple[int, ...]) -> Array:
    """Give an uninitialised array.

    Raises
    ------
    ArgumentError
        There is no memory for it.
    """
    try:
        return np.empty(shape, np.float32)
    except (MemoryError, ValueError):
        raise ArgumentError("size", f"no memory for {'×'.join(map(str, shape))} numbers") from None


def round_up(size: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Give the smallest multiples of ``strides``, one per axis, that are no smaller.

    Examples
    --------
    >>> round_up((8, 9), (4, 2))
    (8, 10)
    """
    return tuple(-(-n // stride) * stride for n, stride in zip(size, strides, strict=True))


def pad_up(x: NDArray[Kind], strides: Sequence[int], mode: str = "edge") -> NDArray[Kind]:
    """Pad the ends of the spatial axes up to multiples of ``strides``, one per axis.

    ``mode`` is ``"edge"`` (repeat the last entries) or ``"constant"`` (zeros).
    """
    size = x.shape[2:]
    more = [(0, to - n) for n, to in zip(size, round_up(size, strides), strict=True)]
    if not any(after for _, after in more):
        return x
    pad: Any = np.pad  # numpy types the mode as literals, one signature each
    padded: NDArray[Kind] = pad(x, [(0, 0), (0, 0), *more], mode)
    return padded


def crop(x: Array, size: Sequence[int]) -> Array:
    """Keep the first ``size`` entries of the spatial axes (a view)."""
    keep: tuple[slice, ...] = (slice(None), slice(None), *(slice(n) for n in size))
    return x[keep]
