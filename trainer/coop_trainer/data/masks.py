"""Masks: which values of the training data were observed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_runtime.errors import CoopError

from .files import read_numpy
from .images import picture_files
from .pictures import open_picture, pixels
from .signals import Signals

__all__ = ["MASKS", "draw_masks", "hide", "load_masks"]

HIDDEN_SHARE = {"P.5": 0.5, "P.7": 0.7, "P.9": 0.9}
BLOCKS = {"MB10": (10, 10), "B20": (1, 20), "B30": (1, 30)}  # number of blocks, side
MASKS = (*HIDDEN_SHARE, *BLOCKS)


def draw_masks(name: str, count: int, shape: Sequence[int], seed: int) -> NDArray[np.bool_]:
    """Draw one mask per example.

    The patterns are those of Han et al., *Divergence Triangle for Joint Training of Generator
    Model, Energy-based Model, and Inference Model* ("Learning from incomplete images"), with the
    sizes meant for images of 64×64.

    Parameters
    ----------
    name
        ``P.5``, ``P.7``, ``P.9``: salt and pepper, that share of the pixels is hidden, each
        independently of the others. ``MB10``: ten blocks of 10×10, which may overlap, are hidden;
        ``B20``, ``B30``: one block of 20×20 or 30×30. Blocks lie uniformly at random. Small
        letters mean the same.
    shape
        Size along each spatial axis; blocks need exactly two, (height, width).

    Returns
    -------
    bool (count, *shape, 1), True where observed. Mask k of a seed is the same for every count.

    Raises
    ------
    CoopError
        Another name, or images smaller than the block.

    Examples
    --------
    >>> seen = draw_masks("B20", 3, (64, 64), seed=0)
    >>> seen.shape, (~seen).sum(axis=(1, 2, 3)).tolist()
    ((3, 64, 64, 1), [400, 400, 400])
    """
    rng, kind = np.random.default_rng(seed), name.upper()
    seen = np.ones((count, *shape, 1), np.bool_)
    if kind in HIDDEN_SHARE:
        for mask in seen:
            mask[:] = rng.random(mask.shape) >= HIDDEN_SHARE[kind]
        return seen
    if kind not in BLOCKS:
        raise CoopError(f"no mask '{name}'; expected one of {', '.join(MASKS)}, or a file")
    number, side = BLOCKS[kind]
    if len(shape) != 2 or min(shape) < side:
        raise CoopError(
            f"mask {name} hides {side}x{side} pixels of an image; expected images of at least "
            f"that, found {'x'.join(map(str, shape))}; take larger images or one of "
            f"{', '.join(HIDDEN_SHARE)}"
        )
    for mask in seen:
        for _ in range(number):
            top, left = (int(rng.integers(s - side + 1)) for s in shape)
            mask[top : top + side, left : left + side] = False
    return seen


def hide(signals: Signals, mask: str, seed: int) -> Signals:
    """Hide entries of training data: ``mask`` is a name of `draw_masks`, or a file of masks.

    Raises
    ------
    CoopError
        As `draw_masks` and `load_masks`.
    """
    seen = []
    for array in signals.arrays:
        count, shape = len(array), array.shape[1:-1]
        drawn = mask.upper() in MASKS or not Path(mask.partition(".npz:")[0]).exists()
        seen.append(
            draw_masks(mask, count, shape, seed) if drawn else load_masks(mask, count, shape)
        )
    return signals.with_masks(seen)


def load_masks(path: str, count: int, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Read masks from files, where **1 or white means missing**, as usual for inpainting.

    Parameters
    ----------
    path
        A picture or a folder of pictures (in order of their paths; levels from 128 are missing),
        or an ``.npy`` or ``.npz`` (array ``masks``, or the only one, or ``file.npz:name``) of
        bool, 0 and 1, or 0 and 255, of shape ``(count, *shape)``, or ``shape`` for all examples.
    count, shape
        Number of examples and their size along each spatial axis.

    Returns
    -------
    bool (count, *shape, 1), True where observed: the reverse of the files.

    Raises
    ------
    CoopError
        Nothing there, unreadable, other values, or another shape.
    """
    shape = tuple(shape)
    file, colon, key = path.rpartition(":") if ".npz:" in path.lower() else (path, "", "")
    source, key = (file, key) if colon else (path, "masks")
    if Path(source).suffix.lower() in (".npz", ".npy"):
        missing = _missing(path, read_numpy(Path(source), key)[key])
    else:
        missing = _from_pictures(source)
    if missing.shape in ((1, *shape), (*shape, 1)):
        missing = missing.reshape(shape)
    if missing.shape not in (shape, (count, *shape), (count, *shape, 1)):
        raise CoopError(
            f"{path}: expected masks of shape {(count, *shape)}, or {shape} for all, "
            f"found {missing.shape}"
        )
    one_each = missing.reshape(-1, *shape, 1)
    return np.broadcast_to(~one_each, (count, *shape, 1)).copy()


def _missing(path: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind not in "biuf" or not (
        np.isin(values, (0, 1)).all() or np.isin(values, (0, 255)).all()
    ):
        raise CoopError(
            f"{path}: expected masks of 0 (observed) and 1 or 255 (missing), found other values"
        )
    return values.astype(np.bool_)


def _from_pictures(source: str) -> NDArray[np.bool_]:
    files = picture_files(source)
    masks = [pixels(open_picture(file).convert("L"))[..., 0] >= 128 for file in files]
    for file, mask in zip(files, masks, strict=True):
        if mask.shape != masks[0].shape:
            raise CoopError(
                f"masks of several shapes: {files[0]} {masks[0].shape}, {file} {mask.shape}"
            )
    return np.stack(masks)
