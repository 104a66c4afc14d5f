"""Opening pictures with care, and textures: one or several photographs, or built-in ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coop_runtime.errors import CoopError

from ..decoding import decode_picture
from .files import name_of, one_line
from .signals import Signals

__all__ = [
    "BUILT_IN",
    "common_mode",
    "load_texture",
    "open_picture",
    "pixels",
    "shorter_side",
    "square",
]

BUILT_IN = ("brick", "grass", "gravel")
Mode = Literal["L", "RGB"]


def load_texture(sources: Sequence[str], *, size: int | None, crop: int) -> Signals:
    """Read the photographs of a texture.

    Parameters
    ----------
    sources
        Paths, or names in ``BUILT_IN`` (scikit-image's CC0 photographs). A file of that very
        name wins. Alpha is laid over white, 16-bit levels are brought to 8 bits, and one
        colour picture makes all of them colour.
    size
        Shorter side after scaling (Lanczos), in pixels; None keeps the pictures as they are.
    crop
        Side of the training crops: no picture may be smaller.

    Returns
    -------
    Signals of kind ``texture``: uint8 (1, height, width, channels) per picture; the smallest and
    the largest level of all become −1 and 1.

    Raises
    ------
    CoopError
        No such picture, not a picture, smaller than the crop, or one single grey level.
    """
    if not sources:
        raise CoopError(f"no picture given: give a file, or one of {', '.join(BUILT_IN)}")
    opened = [_open(source) for source in sources]
    for source, image in zip(sources, opened, strict=True):
        side = min(image.size)
        if side < crop:
            wide, high = image.size
            raise CoopError(
                f"{source}: the picture is {wide}x{high}, smaller than the training crop of "
                f"{crop}x{crop}; give a larger picture, or --set data.crop to a smaller one"
            )
    if size is not None and size < crop:
        raise CoopError(
            f"--size {size} is smaller than the training crop of {crop}; "
            f"give --size {crop} or more, or --set data.crop={size}"
        )
    mode = common_mode(opened)
    arrays = tuple(pixels(shorter_side(image.convert(mode), size))[None] for image in opened)
    low, high_level = min(int(a.min()) for a in arrays), max(int(a.max()) for a in arrays)
    if low == high_level:
        raise CoopError(f"{sources[0]}: the picture is one single grey level; there is no texture")
    names = tuple(name_of(source) for source in sources)
    return Signals("texture", names, arrays, (float(low), float(high_level)))


def open_picture(path: Path) -> Image.Image:
    """Open a picture, of several frames the first, as grey ("L") or colour ("RGB").

    The EXIF orientation is followed, alpha laid over white, 16 bits brought to 8.

    Raises
    ------
    CoopError
        No such picture, not a picture, damaged, or so large that it must be an attack.
    """
    try:
        return decode_picture(path)
    except FileNotFoundError:
        raise CoopError(f"{path}: no such picture; give another file") from None
    except Image.DecompressionBombError:
        raise CoopError(f"{path}: the picture is too large; make it smaller first") from None
    except Exception as error:  # damage raises whatever Pillow's decoders run into
        why = "it is a folder" if path.is_dir() else one_line(error)
        raise CoopError(f"{path}: not a picture that can be read ({why})") from None


def common_mode(images: Sequence[Image.Image], grey: bool | None = None) -> Mode:
    """Give the mode for all: grey or colour as told or, if None, grey if all pictures are."""
    if grey is None:
        grey = all(image.mode == "L" for image in images)
    return "L" if grey else "RGB"


def shorter_side(image: Image.Image, size: int | None) -> Image.Image:
    """Scale a picture to a shorter side of ``size`` pixels (Lanczos); None keeps it."""
    if size is None or size == min(image.size):
        return image
    scale = size / min(image.size)
    wide, high = (max(size, round(side * scale)) for side in image.size)
    return image.resize((wide, high), Image.Resampling.LANCZOS)


def square(image: Image.Image, size: int | None) -> Image.Image:
    """Cut the central square out of a picture and scale it (Lanczos) to ``size``; None: neither."""
    if size is None or image.size == (size, size):
        return image
    side = min(image.size)
    left, top = ((s - side) // 2 for s in image.size)
    middle = image.crop((left, top, left + side, top + side))
    return middle.resize((size, size), Image.Resampling.LANCZOS)


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    """Give a picture of mode "L" or "RGB" as uint8 (height, width, channels)."""
    array = np.asarray(image, dtype=np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def _open(source: str) -> Image.Image:
    path = Path(source)
    if not path.exists():
        if source in BUILT_IN:
            import skimage.data  # half a second, and only the built-in pictures need it

            return Image.fromarray(getattr(skimage.data, source)())
        raise CoopError(f"{source}: no such picture; give a file, or one of {', '.join(BUILT_IN)}")
    return open_picture(path)
