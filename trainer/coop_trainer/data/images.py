"""Image sets: folders of pictures, NumPy files, and the idx files of MNIST and Fashion-MNIST."""

import gzip
import struct
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coop_runtime.errors import CoopError

from ..decoding import PICTURES
from .files import Say, find_files, name_of, read_each, read_numpy
from .pictures import common_mode, open_picture, pixels, square
from .signals import Signals

__all__ = ["load_images", "picture_files"]

IDX_UINT8 = 8
GZIP = b"\x1f\x8b"
Examples = NDArray[np.uint8]


def load_images(
    sources: Sequence[str],
    *,
    size: int | None,
    grey: bool | None = None,
    limit: int | None = None,
    skip_broken: bool = False,
    say: Say = print,
) -> Signals:
    """Read a set of images that are all of one size.

    Parameters
    ----------
    sources
        Each a folder (searched recursively, pictures in order of their paths), a picture, an
        ``.npz`` (array ``images``, or the only one) or ``.npy`` of uint8 (N, height, width) or
        (N, height, width, channels), or an idx file, gzipped or not.
    size
        The central square of every image is scaled to that side (Lanczos); None keeps the images,
        which must then all be of one size.
    grey
        Make all grey, or all colour; None: one colour image makes all colour.
    limit
        Take only so many, the first ones.
    skip_broken
        Leave out pictures that cannot be read, and say so.

    Returns
    -------
    Signals of kind ``images``: one uint8 array (N, height, width, channels); 0 and 255 become −1
    and 1. ``names`` are those of the sources.

    Raises
    ------
    CoopError
        Nothing there, something unreadable, other shapes or types, several sizes, or one level.
    """
    if not sources:
        raise CoopError("no images given: give a folder, .npz, .npy or idx file")
    sets: list[Examples] = []
    for source in sources:
        left = None if limit is None else limit - sum(map(len, sets))
        if left == 0:
            break
        file = Path(source)
        if file.is_file() and file.suffix.lower() not in PICTURES:
            found = _coloured(_sized(_examples(file)[:left], size), grey)
        else:
            files = picture_files(source)
            found = _pictures(files, size, grey, left, skip_broken, say)
        sets.append(found)
        if found.shape[1:3] != sets[0].shape[1:3]:
            raise CoopError(_differ(sources[0], sets[0].shape, source, found.shape))
    colour = any(found.shape[3] == 3 for found in sets)
    arrays = [_coloured(found, not colour) for found in sets]
    images = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    if images.min() == images.max():
        raise CoopError(f"{sources[0]}: all images are one single level; there is nothing to learn")
    return Signals("images", tuple(map(name_of, sources)), (images,), (0.0, 255.0))


def picture_files(source: str) -> list[Path]:
    """Give the picture, or those of the folder and its subfolders, in order of their paths.

    Raises
    ------
    CoopError
        Nothing there, or no picture in the folder.
    """
    return find_files(source, PICTURES)


def _pictures(
    files: Sequence[Path],
    size: int | None,
    grey: bool | None,
    limit: int | None,
    skip_broken: bool,
    say: Say,
) -> Examples:
    def read(file: Path) -> Image.Image:
        image = open_picture(file)
        return square(image.convert("L") if grey else image, size)

    read_ones = read_each(files, read, skip_broken=skip_broken, say=say, limit=limit)
    (first, model), *others = read_ones
    for file, image in others:
        if image.size != model.size:
            shapes = (pixels(model).shape, pixels(image).shape)
            raise CoopError(_differ(first, (1, *shapes[0]), file, (1, *shapes[1])))
    mode = common_mode([image for _, image in read_ones], grey)
    return np.stack([pixels(image.convert(mode)) for _, image in read_ones])


def _differ(one: object, shape: tuple[int, ...], other: object, another: tuple[int, ...]) -> str:
    return (
        f"images of several sizes: {one} is {shape[2]}x{shape[1]}, {other} is "
        f"{another[2]}x{another[1]}; give --size to cut squares out and scale them"
    )


def _examples(path: Path) -> NDArray[Any]:
    """Read uint8 (N, height, width, 1 or 3) from a NumPy or idx file."""
    if path.suffix.lower() in (".npz", ".npy"):
        array = read_numpy(path, "images")["images"]
    else:
        array = read_idx(path)
        if array.ndim == 1:
            raise CoopError(f"{path}: these are labels; give the file of the images")
    if array.dtype != np.uint8 or not (
        array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3))
    ):
        raise CoopError(
            f"{path}: expected images as uint8 (N, height, width) or (N, height, width, 1 or 3), "
            f"found {array.dtype} {array.shape}"
        )
    if 0 in array.shape:
        raise CoopError(f"{path}: no images in it, its shape is {array.shape}")
    return array if array.ndim == 4 else array[..., None]


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file: 0, 0, type, number of axes, each size as uint32, and the values.

    The format is described with MNIST, http://yann.lecun.com/exdb/mnist/.

    Raises
    ------
    CoopError
        Not such a file, or a damaged one.
    """
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == GZIP
        with gzip.open(path) if packed else path.open("rb") as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] != IDX_UINT8:
                raise CoopError(
                    f"{path}: no images; expected a folder of pictures, a picture, "
                    ".npz, .npy or an idx file of bytes"
                )
            shape = struct.unpack(f">{head[3]}I", stream.read(4 * head[3]))
            values = np.frombuffer(stream.read(prod(shape) + 1), np.uint8)
    except (OSError, EOFError, zlib.error, struct.error, OverflowError, MemoryError) as error:
        raise CoopError(f"{path}: cannot be read, cut short? ({error}); get it again") from None
    if len(values) != prod(shape):
        fault = "cut short" if len(values) < prod(shape) else "longer than its head says"
        raise CoopError(f"{path}: {fault}, expected {shape} bytes; get it again")
    return values.reshape(shape)


def _sized(images: Examples, size: int | None) -> Examples:
    if size is None or images.shape[1:3] == (size, size):
        return images
    grey = images.shape[3] == 1
    opened = (Image.fromarray(image[..., 0] if grey else image) for image in images)
    return np.stack([pixels(square(image, size)) for image in opened])


def _coloured(images: Examples, grey: bool | None) -> Examples:
    """Make (N, height, width, channels) grey or colour; None keeps it."""
    if grey is None or grey == (images.shape[3] == 1):
        return images
    if not grey:
        return np.repeat(images, 3, axis=3)
    n, height, width, _ = images.shape
    tall = Image.fromarray(np.ascontiguousarray(images).reshape(n * height, width, 3))
    return np.asarray(tall.convert("L")).reshape(n, height, width, 1)
