"""From a model's signals to the units of their source, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, check_array
from .card import Signal
from .colours import mix, unmix
from .errors import ArgumentError
from .whitening import RINGING, colour, whiten

__all__ = ["from_samples", "from_uint8", "loop_to_samples", "to_samples", "to_uint8"]


def to_uint8(x: Array, signal: Signal) -> NDArray[np.uint8]:
    """Turn signals into 8-bit values, channels last, as image libraries take them.

    ``signal.colours`` are mixed to channels, ``signal.value_range`` goes to
    ``signal.source_range`` linearly; then values are rounded, and clipped to 0 … 255.

    Parameters
    ----------
    x
        (n, channels, *spatial), float32, finite.
    signal
        The card's ``signal``.

    Returns
    -------
    (n, *spatial, channels), uint8.

    Raises
    ------
    ArgumentError
        A shape that is not the signal's, or entries that are not finite.

    Examples
    --------
    >>> grey = Signal("texture", 1, 1, (-1.0, 1.0), (0.0, 255.0), (2,), (True,))
    >>> to_uint8(np.array([[[-1, 0, 1.5]]], np.float32), grey)[0, :, 0]
    array([  0, 128, 255], dtype=uint8)
    """
    return np.clip(np.rint(_in_units(x, signal)), 0, 255).astype(np.uint8)


def from_uint8(pixels: NDArray[np.uint8], signal: Signal) -> Array:
    """Turn 8-bit values, channels last, into signals: the inverse of `to_uint8`.

    Parameters
    ----------
    pixels
        (n, *spatial, channels), uint8.
    signal
        The card's ``signal``.

    Returns
    -------
    (n, channels, *spatial), float32.

    Raises
    ------
    ArgumentError
        Not uint8, or a shape that is not the signal's.

    Examples
    --------
    >>> grey = Signal("texture", 1, 1, (-1.0, 1.0), (0.0, 255.0), (2,), (True,))
    >>> from_uint8(np.array([[[0], [255]]], np.uint8), grey)
    array([[[-1.,  1.]]], dtype=float32)
    """
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8:
        raise ArgumentError("pixels", f"expected uint8, found {pixels.dtype}")
    return _from_units("pixels", pixels, signal)


def to_samples(x: Array, signal: Signal, before: Array | None = None) -> Array:
    """Turn signals into samples in the units of their source, channels last, as sound needs them.

    ``signal.value_range`` goes to ``signal.source_range`` linearly; then values are clipped to
    that range, and what ``signal.whitening`` took from a sound is given back.

    Parameters
    ----------
    x
        (n, channels, *spatial), float32, finite.
    signal
        The card's ``signal``.
    before
        Of a sound in parts, what this function gave for the part before, or the end of it:
        (n, time, channels). A whitened sound needs it to go on without a click.

    Returns
    -------
    (n, *spatial, channels), float32.

    Raises
    ------
    ArgumentError
        A shape that is not the signal's, or entries that are not finite.

    Examples
    --------
    >>> sound = Signal("sound", 1, 1, (-1.0, 1.0), (-0.5, 0.5), (2,), (True,), rate=8000.0)
    >>> to_samples(np.array([[[-1, 0, 1.5]]], np.float32), sound)[0, :, 0]
    array([-0.5,  0. ,  0.5], dtype=float32)
    """
    samples = np.clip(_in_units(x, signal), *signal.source_range)
    if signal.whitening:
        past = None if before is None else np.swapaxes(before, 1, -1)
        coloured = colour(np.swapaxes(samples, 1, -1), signal.whitening, past)
        samples = np.swapaxes(coloured, 1, -1)
    return np.ascontiguousarray(samples)


def loop_to_samples(x: Array, signal: Signal) -> Array:
    """Turn loops (`Model.stream`) into samples as `to_samples` does, but so that they stay loops.

    What was taken from a whitened sound is given back as if the loop had played before.

    Examples
    --------
    >>> sound = Signal("sound", 1, 1, (-1.0, 1.0), (-1.0, 1.0), (4,), (True,), whitening=(0.5,))
    >>> click = np.array([[[1.0, 0.0, 0.0, 0.0]]], np.float32)
    >>> (loop_to_samples(click, sound)[0, :, 0] * 15 / 16).round(6).tolist()
    [1.0, 0.5, 0.25, 0.125]
    """
    if not signal.whitening:
        return to_samples(x, signal)
    end = x.take(range(-RINGING, 0), axis=-1, mode="wrap")
    return to_samples(x, signal, before=to_samples(end, signal)[:, -len(signal.whitening) :])


def from_samples(samples: Array, signal: Signal) -> Array:
    """Turn samples in the units of their source into signals: the inverse of `to_samples`.

    Parameters
    ----------
    samples
        (n, *spatial, channels), float32, finite.
    signal
        The card's ``signal``.

    Returns
    -------
    (n, channels, *spatial), float32.

    Raises
    ------
    ArgumentError
        Not float32, entries that are not finite, or a shape that is not the signal's.

    Examples
    --------
    >>> sound = Signal("sound", 1, 1, (-1.0, 1.0), (-0.5, 0.5), (2,), (True,), rate=8000.0)
    >>> from_samples(np.array([[[-0.5], [0.25]]], np.float32), sound)
    array([[[-1. ,  0.5]]], dtype=float32)
    """
    samples = check_array("samples", samples, ("n", *["size"] * signal.dims, signal.channels))
    if signal.whitening:
        samples = np.swapaxes(whiten(np.swapaxes(samples, 1, -1), signal.whitening), 1, -1)
    return _from_units("samples", samples, signal)


def _in_units(x: Array, signal: Signal) -> Array:
    """Give x in the units of its source, channels last."""
    x = mix(check_array("x", x, ("n", signal.channels, *["size"] * signal.dims)), signal.colours)
    (low, high), (bottom, top) = signal.value_range, signal.source_range
    return np.moveaxis((x - low) * ((top - bottom) / (high - low)) + bottom, 1, -1)


def _from_units(name: str, values: NDArray[Any], signal: Signal) -> Array:
    """Give values in the units of the source, channels last, as signals."""
    if values.ndim != signal.dims + 2 or values.shape[-1] != signal.channels:
        expected = ", ".join(["n", *["size"] * signal.dims, str(signal.channels)])
        raise ArgumentError(name, f"expected the shape ({expected}), found {values.shape}")
    (low, high), (bottom, top) = signal.value_range, signal.source_range
    units = np.moveaxis(values, -1, 1).astype(np.float32)
    y = (units - bottom) * ((high - low) / (top - bottom)) + low
    return np.ascontiguousarray(unmix(y, signal.colours))
