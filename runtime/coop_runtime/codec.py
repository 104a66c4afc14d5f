"""From a model's signals to the 8-bit units of their source, and back."""

import numpy as np
from numpy.typing import NDArray

from .card import Signal
from .errors import CoopError
from .langevin import Array

__all__ = ["from_uint8", "to_uint8"]


def to_uint8(x: Array, signal: Signal) -> NDArray[np.uint8]:
    """Turn signals into 8-bit values, channels last, as image libraries take them.

    ``signal.value_range`` goes to ``signal.source_range`` linearly; then values are
    rounded, and clipped to 0 … 255.

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
    CoopError
        A shape that is not the signal's, or entries that are not finite.

    Examples
    --------
    >>> grey = Signal("texture", 1, 1, (-1.0, 1.0), (0.0, 255.0), (2,))
    >>> to_uint8(np.array([[[-1, 0, 1.5]]], np.float32), grey)[0, :, 0]
    array([  0, 128, 255], dtype=uint8)
    """
    if x.ndim != signal.dims + 2 or x.shape[1] != signal.channels:
        expected = ", ".join(["n", str(signal.channels), *["size"] * signal.dims])
        raise CoopError(f"x: expected the shape ({expected}), found {x.shape}")
    if not np.isfinite(x).all():
        raise CoopError("x: expected finite numbers, found NaN or infinity")
    (low, high), (bottom, top) = signal.value_range, signal.source_range
    units = (x - low) * ((top - bottom) / (high - low)) + bottom
    return np.moveaxis(np.clip(np.rint(units), 0, 255).astype(np.uint8), 1, -1)


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
    CoopError
        Not uint8, or a shape that is not the signal's.

    Examples
    --------
    >>> grey = Signal("texture", 1, 1, (-1.0, 1.0), (0.0, 255.0), (2,))
    >>> from_uint8(np.array([[[0], [255]]], np.uint8), grey)
    array([[[-1.,  1.]]], dtype=float32)
    """
    fits = pixels.ndim == signal.dims + 2 and pixels.shape[-1] == signal.channels
    if pixels.dtype != np.uint8 or not fits:
        expected = ", ".join(["n", *["size"] * signal.dims, str(signal.channels)])
        raise CoopError(
            f"pixels: expected uint8 of the shape ({expected}), "
            f"found {pixels.dtype} of {pixels.shape}"
        )
    (low, high), (bottom, top) = signal.value_range, signal.source_range
    units = np.moveaxis(pixels, -1, 1).astype(np.float32)
    return np.ascontiguousarray((units - bottom) * ((high - low) / (top - bottom)) + low)
