"""Samples to WAV files, and sound files to samples."""

import io
import wave

import click
import numpy as np

from coop_runtime import Array, CoopError

__all__ = ["decode_sound", "encode_wav"]

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


def decode_sound(data: bytes, source: str, rate: int, channels: int) -> Array:
    """Decode what libsndfile reads as (time, channels) at a rate; what was changed is said.

    Parameters
    ----------
    source
        Its name, for messages.
    rate
        Samples per second to which it is resampled (soxr, high quality), as in training.
    channels
        Of one, the channels of the file are averaged, as in training.

    Raises
    ------
    CoopError
        Not a sound, empty, not finite, or too few channels.
    """
    try:
        import soundfile
        import soxr
    except ModuleNotFoundError as error:
        raise CoopError(
            f"reading sounds needs {error.name}: pip install 'coopnets[apps]'"
        ) from None
    try:
        samples, found = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        why = " ".join(str(error).split()).rpartition(">: ")[2]
        raise CoopError(f"'{source}': not a sound that can be read ({why})") from None
    if not len(samples) or not np.isfinite(samples).all():
        raise CoopError(f"'{source}': no samples, or some that are not finite numbers")
    if samples.shape[1] != channels:
        if channels > 1:
            raise CoopError(f"'{source}': expected {channels} channels, found {samples.shape[1]}")
        click.echo(f"'{source}': {samples.shape[1]} channels are averaged", err=True)
        samples = samples.mean(1, keepdims=True, dtype=np.float64).astype(np.float32)
    if found != rate:
        click.echo(f"'{source}': {found} samples per second become {rate}", err=True)
        samples = soxr.resample(samples, found, rate)
    return np.ascontiguousarray(samples, np.float32)
