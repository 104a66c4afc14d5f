"""Signals to work on: pictures, sounds and clips in files, folders, globs and standard input."""

import glob
import hashlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from coop_runtime import Array, Card, CoopError, from_samples, from_uint8
from coop_runtime.arrays import drawable
from coop_trainer.decoding import (
    ANIMATED,
    PICTURES,
    SOUNDS,
    VIDEOS,
    decode_picture,
    eight_bits,
    quiet,
)

from .movies import read_video
from .pictures import Pixels
from .sounds import decode_sound

__all__ = ["STANDARD", "Input", "find_inputs", "fingerprint", "open_picture", "read_input"]

#: The name of standard input and standard output.
STANDARD = "-"

_SUFFIXES = {1: SOUNDS, 2: PICTURES, 3: (*ANIMATED, *VIDEOS)}
_FIRST_FRAME = "frame-0000.png"


class Input(NamedTuple):
    """A signal that was read.

    Attributes
    ----------
    name
        As it was given or found; ``"-"`` of standard input.
    sha256
        Of its bytes, see `fingerprint`.
    x
        (1, channels, *size), in the units of the model.
    """

    name: str
    sha256: str
    x: Array


def find_inputs(sources: Sequence[str], dims: int, more: Sequence[str] = ()) -> list[str]:
    """Give the files that files, folders (searched recursively), globs and ``"-"`` name.

    Parameters
    ----------
    sources
        In this order; of a folder and of a glob those with a fitting ending, sorted.
    dims
        1 for sounds, 2 for pictures, 3 for clips: GIF, WebP, videos and folders of frames.
    more
        Further endings that fit.

    Raises
    ------
    CoopError
        Nothing there, or nothing that fits.
    """
    if list(sources).count(STANDARD) > 1:
        raise CoopError("'-': standard input can be read once only")
    suffixes = (*_SUFFIXES[dims], *more)
    return [found for source in sources for found in _found(source, dims == 3, suffixes)]


def _found(source: str, clips: bool, suffixes: Sequence[str]) -> list[str]:
    path = Path(source)
    if source == STANDARD or path.is_file() or (clips and _is_clip(path)):
        return [source]
    if path.is_dir():
        candidates = [p for p in path.rglob("*") if not _hidden(p.relative_to(path))]
    elif glob.has_magic(source):
        candidates = [Path(name) for name in glob.glob(source, recursive=True)]  # noqa: PTH207
    else:
        raise CoopError(f"'{source}': no such file or folder")
    frames = {p for p in candidates if clips and _is_clip(p)}
    files = {p for p in candidates if p.suffix.lower() in suffixes and p.is_file()}
    found = [str(p) for p in sorted(frames | files)]
    if not found:
        raise CoopError(f"'{source}': nothing to work on in it; expected {' '.join(suffixes)}")
    return found


def read_input(source: str, card: Card, *, any_size: bool = False) -> Input:
    """Read a signal for a model; on stderr it is said what was made of it.

    Pictures are read as in training: the EXIF orientation is followed, alpha laid over white,
    16 bits brought to 8, colour made grey for a grey model, grey repeated for a colour model.
    Sounds: channels are averaged for a model of one, and brought to the model's rate.

    Parameters
    ----------
    any_size
        Whether sizes are let through that the model does not take.

    Raises
    ------
    CoopError
        One line: not there, not such a signal, damaged, or another size than the model's.
    """
    signal, path = card.signal, Path(source)
    if signal.dims == 3 and _is_clip(path):
        digest = fingerprint(path)
        frames = [open_picture(file.read_bytes(), str(file)) for file in _frames(path)]
    else:
        data = _bytes(source)
        digest = hashlib.sha256(data).hexdigest()
        if signal.dims == 1:
            if signal.rate is None:
                raise CoopError(f"the card of '{card.name}' has no rate; use Python")
            sound = decode_sound(data, source, round(signal.rate), signal.channels)
            return _sized(Input(source, digest, from_samples(sound[None], signal)), card, any_size)
        frames = _clip(data, source) if signal.dims == 3 else [open_picture(data, source)]
    if len({frame.size for frame in frames}) > 1:
        raise CoopError(f"'{source}': frames of several sizes")
    pixels = _coloured(np.stack([np.asarray(f.convert("RGB")) for f in frames]), source, card)
    x = from_uint8(pixels[None] if signal.dims == 3 else pixels, signal)
    return _sized(Input(source, digest, x), card, any_size)


def fingerprint(path: Path) -> str:
    """Give the SHA-256 of a file's bytes; of a folder of frames, that of its frames' hashes.

    Raises
    ------
    OSError
        It is not there, or cannot be read.
    """
    if path.is_dir():
        hashes = "".join(fingerprint(frame) for frame in _frames(path))
        return hashlib.sha256(hashes.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_picture(data: bytes, source: str) -> Image.Image:
    """Decode a picture as `decode_picture`, as in training.

    Raises
    ------
    CoopError
        Not a picture, damaged, or too large.
    """
    try:
        return decode_picture(io.BytesIO(data))
    except Exception as error:  # damage raises whatever Pillow's decoders run into
        raise CoopError(f"'{source}': not a picture that can be read ({_why(error)})") from None


def _clip(data: bytes, source: str) -> list[Image.Image]:
    if Path(source).suffix.lower() in VIDEOS:
        return read_video(data, source)
    open_picture(data, source)
    try:
        with quiet(), Image.open(io.BytesIO(data)) as opened:
            return [eight_bits(frame) for frame in ImageSequence.Iterator(opened)]
    except Exception as error:  # as above
        raise CoopError(f"'{source}': not a clip that can be read ({_why(error)})") from None


def _why(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "too large"
    if isinstance(error, UnidentifiedImageError):  # whose message is about a BytesIO
        return "no known format"
    return " ".join(str(error).split())[:200] or type(error).__name__


def _coloured(pixels: Pixels, source: str, card: Card) -> Pixels:
    """Give pixels (n, height, width, 3) the channels of the model."""
    if card.signal.channels == 3:
        return pixels
    if card.signal.channels != 1:
        raise CoopError(f"'{card.name}' has {card.signal.channels} channels; a picture has 1 or 3")
    if (pixels == pixels[..., :1]).all():
        return pixels[..., :1]
    click.echo(f"'{source}': colour is made grey, as in training", err=True)
    return np.stack([np.asarray(Image.fromarray(p).convert("L")) for p in pixels])[..., None]


def _sized(read: Input, card: Card, any_size: bool) -> Input:
    """Refuse a size that the model does not take."""
    expected, found = drawable(card), read.x.shape[2:]
    fits = all(n in ("N", side) for n, side in zip(expected, found, strict=True))
    if fits or any_size:
        return read
    sizes = ["x".join(map(str, size)) for size in (expected, found)]
    raise CoopError(
        f"'{read.name}': expected the size {sizes[0]} (height first), found {sizes[1]}; "
        "scale or crop it first"
        if card.signal.dims > 1
        else f"'{read.name}': expected {sizes[0]} samples, found {sizes[1]}; cut it first"
    )


def _bytes(source: str) -> bytes:
    return sys.stdin.buffer.read() if source == STANDARD else Path(source).read_bytes()


def _is_clip(path: Path) -> bool:
    return (path / _FIRST_FRAME).is_file()


def _frames(folder: Path) -> list[Path]:
    return sorted(folder.glob("frame-*.png"))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
