"""Files that visitors send: looked at before anything decodes them."""

import threading
import warnings
from pathlib import Path

from PIL import Image

from coop_runtime import CoopError

from .limits import Limits
from .moving import gif_size, webp_size

__all__ = ["check_upload"]

_SUFFIXES = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "WAV": (".wav",),
    "FLAC": (".flac",),
    "OGG": (".ogg", ".oga", ".opus"),
    "MP3": (".mp3",),
}
_SOUNDS = ("WAV", "FLAC", "OGG", "MP3")
_EXPECTED = "expected PNG, JPEG, WebP, GIF, BMP, WAV, FLAC, OGG or MP3"
_RATES = (4000, 384_000)
_CHANNELS = 8
_SCANS = 64  # of a progressive JPEG; each costs as much as the whole picture
_one = threading.Lock()  # headers alone can cost memory


def check_upload(path: Path, limits: Limits) -> None:
    """Refuse a file that is none of the known formats by its content, or too large by its header.

    Nothing is decoded. The name's ending, if it has one, must be its format's.

    Raises
    ------
    CoopError
        One line for the visitor.
    """
    with _one, path.open("rb") as stream:
        start = stream.read(32)
    kind = _kind(start)
    if kind is None:
        raise CoopError(f"'{path.name}': not a picture or a sound that is known here; {_EXPECTED}")
    if path.suffix and path.suffix.lower() not in _SUFFIXES[kind]:
        raise CoopError(f"'{path.name}': this is {kind} by its content; rename it")
    if path.stat().st_size > limits.file_bytes:
        raise CoopError(f"'{path.name}': larger than {limits.file_bytes / 2**20:g} MiB")
    with _one:
        if kind in _SOUNDS:
            _check_sound(path, kind, limits)
        else:
            _check_picture(path, kind, limits)


def _kind(start: bytes) -> str | None:
    if start[:4] in (b"RIFF", b"RF64"):
        return {b"WAVE": "WAV", b"WEBP": "WEBP"}.get(start[8:12])
    for magic, kind in (
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"BM", "BMP"),
        (b"fLaC", "FLAC"),
        (b"OggS", "OGG"),
        (b"ID3", "MP3"),
    ):
        if start.startswith(magic):
            return kind
    layer_3 = len(start) > 2 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2
    return "MP3" if layer_3 else None


def _check_picture(path: Path, kind: str, limits: Limits) -> None:
    if kind in ("GIF", "WEBP"):
        size = gif_size if kind == "GIF" else webp_size
        width, height, frames = size(path.read_bytes(), limits.upload_frames)
    else:
        width, height, frames = _opened(path, kind)
    if width * height > limits.upload_pixels or frames * width * height > limits.upload_pixels:
        raise CoopError(
            f"'{path.name}': {f'{frames} × ' * (frames > 1)}{width} × {height} pixels are too "
            f"many; expected at most {limits.upload_pixels}: scale it down or cut it first"
        )
    if frames > limits.upload_frames:
        raise CoopError(f"'{path.name}': more than {limits.upload_frames} frames; cut it first")


def _opened(path: Path, kind: str) -> tuple[int, int, int]:
    """Give width, height and frames of a picture whose header Pillow reads without decoding."""
    if kind == "JPEG" and path.read_bytes().count(b"\xff\xda") > _SCANS:
        raise CoopError(f"'{path.name}': a JPEG of too many parts; save it again")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=[kind]) as image:
            return (*image.size, getattr(image, "n_frames", 1))
    except Exception:  # damage raises whatever Pillow's parsers run into
        raise CoopError(f"'{path.name}': a damaged {kind} file") from None


def _check_sound(path: Path, kind: str, limits: Limits) -> None:
    import soundfile  # slow to import

    try:
        found = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError):
        raise CoopError(f"'{path.name}': a damaged {kind} file") from None
    if not (_RATES[0] <= found.samplerate <= _RATES[1] and 1 <= found.channels <= _CHANNELS):
        raise CoopError(
            f"'{path.name}': expected {_RATES[0]} to {_RATES[1]} samples per second and at most "
            f"{_CHANNELS} channels, found {found.samplerate} and {found.channels}"
        )
    if not 0 < found.frames <= limits.upload_seconds * found.samplerate:
        raise CoopError(
            f"'{path.name}': expected a sound of at most {limits.upload_seconds:g} seconds; "
            "cut it first"
        )
