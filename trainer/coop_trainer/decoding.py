"""Decoding pictures and videos, for training and for the commands alike; without torch."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    import av  # heavy, and the commands do without

__all__ = [
    "ANIMATED",
    "PICTURES",
    "SOUNDS",
    "VIDEOS",
    "decode_picture",
    "decode_video",
    "eight_bits",
    "quiet",
]

# Endings of files that are taken from folders.
PICTURES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".pbm", ".pgm", ".ppm", ".jp2", ".avif"),
)
ANIMATED = (".gif", ".webp")
VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv")
SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")


def decode_picture(file: Path | BinaryIO) -> Image.Image:
    """Decode a picture, of several frames the first, as grey ("L") or colour ("RGB").

    The EXIF orientation is followed, alpha laid over white, 16 bits brought to 8. Damage raises
    whatever Pillow's decoders run into.
    """
    with quiet(), Image.open(file) as image:
        image.load()
        return eight_bits(ImageOps.exif_transpose(image))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow's warnings, of damaged metadata for instance, off the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def eight_bits(image: Image.Image) -> Image.Image:
    """Bring any mode to "L" or "RGB": 16-bit levels are scaled, alpha is laid over white."""
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image, dtype=np.float64)
        top = 65535.0 if levels.max() > 255 else 255.0
        top = 1.0 if image.mode == "F" and levels.max() <= 1 else top
        return Image.fromarray(np.clip(levels * (255 / top) + 0.5, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        flat = Image.alpha_composite(white, rgba).convert("RGB")
        return flat.convert("L") if image.mode in ("LA", "La") else flat
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def decode_video(container: "av.container.InputContainer") -> Iterator[Image.Image]:
    """Decode the frames of a video, grey ("L") or colour ("RGB"), turned as they are to be seen."""
    for frame in container.decode(video=0):
        grey = frame.format.name.startswith("gray")
        image = Image.fromarray(frame.to_ndarray(format="gray" if grey else "rgb24"))
        yield image.rotate(frame.rotation, expand=True) if frame.rotation else image
