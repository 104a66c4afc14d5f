"""Samples to WAV, FLAC and raw files, and sound files to samples."""

import importlib.util
import io
import struct
import wave
from collections.abc import Iterable
from typing import BinaryIO, Literal

import click
import numpy as np
from numpy.typing import NDArray

from coop_runtime import Array, CoopError

__all__ = [
    "Kind",
    "check_sound",
    "decode_sound",
    "encode_sound",
    "levels_of",
    "with_comment",
    "write_sound",
]

Kind = Literal["wav", "flac", "raw"]

_FULL_SCALE = 32767
_LARGEST_WAV = 2**32 - 64  # bytes, without the header


def encode_sound(samples: Array, rate: float, kind: Kind = "wav") -> bytes:
    """Encode a sound (time, channels); see `write_sound`.

    Examples
    --------
    >>> len(encode_sound(np.zeros((100, 2), np.float32), 8000.0))
    444
    """
    stream = io.BytesIO()
    write_sound(stream, [samples], rate, (len(samples), samples.shape[1]), kind)
    return stream.getvalue()


def write_sound(
    file: BinaryIO,
    parts: Iterable[Array],
    rate: float,
    size: tuple[float, int],
    kind: Kind = "wav",
) -> None:
    """Write a sound of 16 bits part by part.

    Parameters
    ----------
    file
        Open for writing; FLAC must be able to seek.
    parts
        Samples (time, channels), one part after another. Full scale is ±1; what lies beyond is
        clipped.
    rate
        Samples per second, rounded to a whole number ≥ 1.
    size
        Number of samples, which may be infinite for ``"raw"``, and channels.
    kind
        ``"wav"``; ``"flac"``, without loss; or ``"raw"``: the samples alone, channels together, as
        little-endian 16-bit numbers, of which each part is sent at once.

    Raises
    ------
    CoopError
        See `check_sound`.
    """
    check_sound(size, kind)
    levels = (levels_of(part) for part in parts)
    whole_rate = max(1, round(rate))
    if kind == "raw":
        for part in levels:
            file.write(part.tobytes())
            file.flush()
    elif kind == "flac":
        import soundfile  # not needed for WAV

        with soundfile.SoundFile(file, "w", whole_rate, size[1], "PCM_16", format="FLAC") as sound:
            for part in levels:
                sound.write(part)
    else:
        with wave.open(file, "wb") as sound:
            sound.setparams((size[1], 2, whole_rate, int(size[0]), "NONE", ""))
            for part in levels:
                sound.writeframesraw(part.tobytes())


def levels_of(samples: Array) -> NDArray[np.int16]:
    """Give samples as whole numbers of 16 bits, little-endian; what lies beyond ±1 is clipped.

    Examples
    --------
    >>> levels_of(np.array([0.5, -2.0], np.float32)).tolist()
    [16384, -32767]
    """
    levels: NDArray[np.int16] = np.rint(np.clip(samples, -1, 1) * _FULL_SCALE).astype("<i2")
    return levels


def with_comment(wav: bytes, comment: str) -> bytes:
    """Add a comment to a WAV file: the chunk ICMT of a RIFF list INFO, after the samples.

    Examples
    --------
    >>> import soundfile
    >>> wav = with_comment(encode_sound(np.zeros((3, 1), np.float32), 8000.0), "rain")
    >>> soundfile.SoundFile(io.BytesIO(wav)).comment
    'rain'
    """
    text = comment.encode() + b"\0"
    text += b"\0" * (len(text) % 2)
    info = b"INFOICMT" + struct.pack("<I", len(text)) + text
    body = wav[8:] + b"\0" * (len(wav) % 2) + b"LIST" + struct.pack("<I", len(info)) + info
    return wav[:4] + struct.pack("<I", len(body)) + body


def check_sound(size: tuple[float, int], kind: Kind) -> None:
    """Refuse, before computing, a sound that could not be written; arguments as in `write_sound`.

    Raises
    ------
    CoopError
        FLAC without the package soundfile; a WAV file of 4 GiB or more.
    """
    if kind == "flac" and importlib.util.find_spec("soundfile") is None:
        raise CoopError("writing FLAC needs soundfile: pip install 'coopnets[apps]'")
    if kind == "wav" and 2 * size[0] * size[1] > _LARGEST_WAV:
        raise CoopError(
            f"{size[0]:.0f} samples: a WAV file holds less than 4 GiB; write .flac, or --raw "
            "-o - for a program that makes RF64"
        )


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
