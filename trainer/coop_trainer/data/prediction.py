"""Linear prediction of sounds, which whitens them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["linear_prediction"]

FLOOR = 1e-4  # of the power, as white noise: bands 40 dB below are not brought up


def linear_prediction(sounds: Sequence[NDArray[np.float32]], order: int) -> tuple[float, ...]:
    """Give a₁ … aₚ that foretell x[t] from the p samples before it with the least squared error.

    The autocorrelation method (Makhoul, Linear Prediction: A Tutorial Review, 1975), of which
    1 / (1 − Σ aₖ z⁻ᵏ) is stable. Silence before and after each sound.

    Parameters
    ----------
    sounds
        Each (time,), not all silent.
    order
        p ≥ 0.

    Examples
    --------
    >>> decay = 0.5 ** np.arange(40, dtype=np.float32)
    >>> [round(a, 3) for a in linear_prediction([decay], 2)]
    [0.5, 0.0]
    """
    if order == 0:
        return ()
    correlation = np.zeros(order + 1)
    for sound in sounds:
        padded = 1 << (len(sound) + order).bit_length()
        power = np.abs(np.fft.rfft(sound.astype(np.float64), padded)) ** 2
        correlation += np.fft.irfft(power, padded)[: order + 1]
    correlation[0] *= 1 + FLOOR
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    found: list[float] = np.linalg.solve(correlation[lags], correlation[1:]).tolist()
    return tuple(found)
