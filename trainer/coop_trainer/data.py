"""Training pictures: files or built-in ones, as arrays in [−1, 1], and random crops of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from coop_runtime.errors import CoopError

__all__ = ["BUILT_IN", "Pictures", "load_pictures", "random_crops"]

BUILT_IN = ("brick", "grass", "gravel")
Mode = Literal["L", "RGB"]


@dataclass(frozen=True)
class Pictures:
    """Training pictures, all grey or all colour.

    Attributes
    ----------
    names
        File names, or names of built-in pictures, without folders.
    images
        uint8 arrays of shape (height, width, channels).
    source_range
        Smallest and largest grey level of all; they become −1 and 1.
    """

    names: tuple[str, ...]
    images: tuple[NDArray[np.uint8], ...]
    source_range: tuple[float, float]

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return int(self.images[0].shape[2])

    def tensors(self, device: torch.device) -> list[Tensor]:
        """Give each picture as float32 (channels, height, width) in [−1, 1]."""
        low, high = self.source_range
        scaled = [(i.astype(np.float32) - low) * (2 / (high - low)) - 1 for i in self.images]
        return [torch.from_numpy(s.transpose(2, 0, 1).copy()).to(device) for s in scaled]


def load_pictures(sources: Sequence[str], *, size: int | None, crop: int) -> Pictures:
    """Read training pictures.

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
    grey = all(image.mode == "L" for image in opened)
    images = tuple(_array(image, "L" if grey else "RGB", size) for image in opened)
    low, high_level = min(int(i.min()) for i in images), max(int(i.max()) for i in images)
    if low == high_level:
        raise CoopError(f"{sources[0]}: the picture is one single grey level; there is no texture")
    names = tuple(Path(source).name for source in sources)
    return Pictures(names, images, (float(low), float(high_level)))


def random_crops(pictures: Sequence[Tensor], count: int, crop: int, rng: torch.Generator) -> Tensor:
    """Draw ``count`` crops, shape (count, channels, crop, crop), uniformly over all positions."""
    room = [[s - crop + 1 for s in p.shape[1:]] for p in pictures]
    ends = torch.tensor([rows * columns for rows, columns in room]).cumsum(0)
    # Drawn on the CPU, so that the order of the data is the same on every device.
    positions = torch.randint(int(ends[-1]), (count,), generator=rng)
    crops = []
    for position in positions.tolist():
        k = int((ends <= position).sum())
        row, column = divmod(position - int(ends[k - 1] if k else 0), room[k][1])
        crops.append(pictures[k][:, row : row + crop, column : column + crop])
    return torch.stack(crops)


def _open(source: str) -> Image.Image:
    """Open a picture as grey ("L") or colour ("RGB")."""
    path = Path(source)
    if not path.is_file() and source in BUILT_IN:
        import skimage.data  # half a second, and only the built-in pictures need it

        return Image.fromarray(getattr(skimage.data, source)())
    try:
        with Image.open(path) as image:
            image.load()
            return _eight_bits(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise CoopError(
            f"{source}: no such picture; give a file, or one of {', '.join(BUILT_IN)}"
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        why = "it is a folder" if path.is_dir() else str(error).replace("\n", " ")
        raise CoopError(f"{source}: not a picture that can be read ({why})") from None
    except Image.DecompressionBombError:
        raise CoopError(f"{source}: the picture is too large; make it smaller first") from None


def _eight_bits(image: Image.Image) -> Image.Image:
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


def _array(image: Image.Image, mode: Mode, size: int | None) -> NDArray[np.uint8]:
    image = image.convert(mode)
    if size is not None and size != min(image.size):
        scale = size / min(image.size)
        wide, high = (max(size, round(side * scale)) for side in image.size)
        image = image.resize((wide, high), Image.Resampling.LANCZOS)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
