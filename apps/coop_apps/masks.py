"""Masks of what is missing or damaged, from pictures and NumPy files."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_runtime import Array, Card, CoopError

from .inputs import STANDARD, find_inputs, fingerprint, open_picture

__all__ = ["MASK", "Masks", "find_masks", "read_mask"]

#: Help of an option --mask.
MASK = (
    "Light (or 1 in .npz, .npy) where something is {}: a file for all inputs; or a folder or a "
    "glob, one for each, in their order."
)

_NUMPY = (".npz", ".npy")


class Masks:
    """The mask of each input: found before anything is computed, read when it is needed."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._names: list[str] = []

    def find(self, count: int) -> list[str]:
        """Find those of so many inputs, and give their names; see `find_masks`."""
        self._names = find_masks(self._source, count)
        return self._names

    def of(self, index: int, x: Array, card: Card) -> tuple[NDArray[np.bool_], dict[str, Any]]:
        """Read that of input number ``index``; give too what `write_sidecar` must know of it."""
        name = self._names[index]
        mask, sha256 = read_mask(name, card, x.shape[2:])
        return mask, {"files": {name: sha256}, "changes": {"mask": name}}


def find_masks(source: str, count: int) -> list[str]:
    """Give the mask of each of ``count`` inputs: one for all, or as many as there are inputs.

    Parameters
    ----------
    source
        A file, a folder or a glob, as in `find_inputs`.

    Raises
    ------
    CoopError
        Nothing there, or another number of masks.
    """
    if source == STANDARD:
        raise CoopError("--mask -: a mask is not read from standard input; give a file")
    masks = find_inputs([source], 2, _NUMPY)
    if len(masks) not in (1, count):
        raise CoopError(
            f"--mask '{source}': expected one mask, or {count}, as many as inputs; "
            f"found {len(masks)}"
        )
    return masks * count if len(masks) == 1 else masks


def read_mask(source: str, card: Card, size: Sequence[int]) -> tuple[NDArray[np.bool_], str]:
    """Read a mask, True where something is missing.

    Parameters
    ----------
    source
        A picture, light (≥ 128) where something is missing; or .npz or .npy, an array (*size) or
        (1 or channels, *size) of zeros and ones, or zeros and 255, named ``mask`` or the only one.
        A picture, or an array of its size, stands for all frames of a clip.
    size
        Of the signal.

    Returns
    -------
    The mask, (1, 1 or channels, *size), and the file's SHA-256.

    Raises
    ------
    CoopError
        Not a mask, or one of another size.
    """
    path, size = Path(source), tuple(size)
    data, digest = path.read_bytes(), fingerprint(path)
    if path.suffix.lower() in _NUMPY:
        mask = _numpy(data, source)
    else:
        mask = np.asarray(open_picture(data, source).convert("L")) >= 128
    channels = mask.shape[:1] if mask.ndim == len(size) + 1 else ()
    if mask.shape == (*channels, *size) and channels in ((), (1,), (card.signal.channels,)):
        return mask.reshape(1, *(channels or (1,)), *size), digest
    if len(size) == 3 and mask.shape == size[1:]:
        return np.broadcast_to(mask, (1, 1, *size)).copy(), digest
    sizes = ["x".join(map(str, s)) for s in (size, mask.shape)]
    raise CoopError(f"'{source}': expected a mask of the input's size {sizes[0]}, found {sizes[1]}")


def _numpy(data: bytes, source: str) -> NDArray[np.bool_]:
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            names = list(loaded)
            if "mask" not in names and len(names) != 1:
                raise CoopError(f"expected one array, or one named mask; found {len(names)}")
            loaded = loaded["mask" if "mask" in names else names[0]]
    except Exception as error:  # damage raises whatever numpy, zipfile and zlib run into
        why = " ".join(str(error).split())[:200]
        raise CoopError(f"'{source}': no mask that can be read ({why})") from None
    known = loaded.dtype.kind in "biuf" and any(np.isin(loaded, (0, n)).all() for n in (1, 255))
    if not known:
        raise CoopError(f"'{source}': expected zeros, and 1 or 255 where something is missing")
    mask: NDArray[np.bool_] = loaded.astype(np.bool_)
    return mask
