"""Which entries are missing, and signals of which some are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, check_array
from ..errors import ArgumentError

__all__ = ["Mask", "check_incomplete", "check_mask"]

Mask = NDArray[np.bool_]


def check_incomplete(
    x: Any, mask: Any, shape: tuple[int | str, ...], name: str = "mask"
) -> tuple[Array, Mask]:
    """Check signals and what is missing of them; what stands in missing entries is not looked at.

    Parameters
    ----------
    x
        Expected: of ``shape``, float32, finite where known.
    mask
        As in `check_mask`.

    Returns
    -------
    x with zeros where entries are missing, and the mask, like x.

    Raises
    ------
    ArgumentError
        One line that says what was expected.
    """
    array = np.asarray(x)
    right = array.dtype == np.float32 and array.ndim == len(shape)
    missing = check_mask(name, mask, array.shape) if right and array.size else None
    if missing is None:
        return check_array("x", x, shape), np.zeros(array.shape, bool)
    return check_array("x", np.where(missing, np.float32(0), array), shape), missing


def check_mask(name: str, mask: Any, shape: tuple[int, ...]) -> Mask:
    """Check a mask, 1 or True where an entry is missing, and give it the signals' shape.

    Parameters
    ----------
    name
        Its name, for the error.
    mask
        (batch or 1, channels or 1, *size); bool, or float32 of zeros and ones.
    shape
        (batch, channels, *size) of the signals.

    Raises
    ------
    ArgumentError
        Another type or shape, other values, or an example of which everything or nothing is
        missing.

    Examples
    --------
    >>> check_mask("mask", np.array([[[True, False]]]), (1, 2, 2)).tolist()
    [[[True, False], [True, False]]]
    >>> check_mask("mask", np.zeros((1, 1, 2), bool), (1, 2, 2))
    Traceback (most recent call last):
    ...
    coop_runtime.errors.ArgumentError: mask: nothing is missing in example 0; 1 means missing
    """
    array = np.asarray(mask)
    if array.dtype not in (np.bool_, np.float32):
        raise ArgumentError(name, f"expected bool or float32, found {array.dtype}")
    fits = len(array.shape) == len(shape) and array.shape[2:] == shape[2:]
    if not fits or array.shape[0] not in (1, shape[0]) or array.shape[1] not in (1, shape[1]):
        several = (str(n) if n == 1 else f"{n} or 1" for n in shape[:2])
        expected = f"({', '.join([*several, *map(str, shape[2:])])})"
        raise ArgumentError(name, f"expected the shape {expected}, found {array.shape}")
    if not np.isin(array, (0, 1)).all():
        raise ArgumentError(name, "expected zeros and ones; 1 means missing")
    for k, example in enumerate(array):
        if example.all() or not example.any():
            what = "everything" if example.all() else "nothing"
            raise ArgumentError(name, f"{what} is missing in example {k}; 1 means missing")
    return np.ascontiguousarray(np.broadcast_to(array.astype(bool), shape))
