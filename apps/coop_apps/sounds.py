"""Samples to WAV files."""

import io
import wave

import numpy as np

from coop_runtime import Array

__all__ = ["encode_wav"]

_FULL_SCALE = 32767


def encode_wav(samples: Array, rate: float) -> bytes:
    """Encode a sound (time, channels) as 16-bit PCM.

    Parameters
    ----------
    samples
        Full scale is ±1; what lies beyond is clipped.
    rate
        Samples per second, rounded to a whole number ≥ 1.

    Examples
    --------
    >>> len(encode_wav(np.zeros((100, 2), np.float32), 8000.0))
    444
    """
    levels = np.rint(np.clip(samples, -1, 1) * _FULL_SCALE).astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(max(1, round(rate)))
        file.writeframes(levels.tobytes())
    return stream.getvalue()
