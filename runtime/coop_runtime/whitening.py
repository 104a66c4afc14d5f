"""Whitened sounds: what each sample has that the ones before it do not foretell, and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array

__all__ = ["RINGING", "colour", "whiten"]

RINGING = 2**15  # samples in which the response of ``colour`` has died away


def whiten(x: NDArray[Any], prediction: Sequence[float]) -> Array:
    """Give y[t] = x[t] − Σ aₖ x[t − k], k = 1 … p, with zeros before the beginning.

    Parameters
    ----------
    x
        (…, time).
    prediction
        a₁ … aₚ of a stable 1 / (1 − Σ aₖ z⁻ᵏ); () leaves x as it is.

    Examples
    --------
    >>> whiten(np.array([1.0, 0.5, 0.25, 0.5]), [0.5])
    array([1.   , 0.   , 0.   , 0.375], dtype=float32)
    """
    y = x.astype(np.float64)
    for k, a in enumerate(prediction, 1):
        y[..., k:] -= a * x[..., :-k]
    return y.astype(np.float32)


def colour(
    y: NDArray[Any], prediction: Sequence[float], before: NDArray[Any] | None = None
) -> Array:
    """Undo `whiten`: x[t] = y[t] + Σ aₖ x[t − k], computed by a division of spectra.

    Parameters
    ----------
    y
        (…, time).
    prediction
        a₁ … aₚ.
    before
        What of x came before, (…, places): the last p are used, zeros stand for what is missing.

    Examples
    --------
    >>> colour(np.array([1.0, 0.0, 0.0, 0.375]), [0.5]).round(6)
    array([1.  , 0.5 , 0.25, 0.5 ], dtype=float32)
    """
    if not prediction:
        return y.astype(np.float32)
    length = y.shape[-1]
    if before is not None:
        y = y.astype(np.float64)
        for k, a in enumerate(prediction, 1):  # samples before the k-th look back beyond the start
            past = before[..., -k:]
            there = y[..., k - past.shape[-1] : k]
            there += a * past[..., : there.shape[-1]]
    padded = 1 << (length + RINGING - 1).bit_length()
    response = np.fft.rfft(np.concatenate([[1.0], -np.asarray(prediction)]), padded)
    x = np.fft.irfft(np.fft.rfft(y.astype(np.float64), padded) / response, padded)
    return x[..., :length].astype(np.float32)
