"""Principal colours: what the channels of a picture are mixed of, and back.

Red, green and blue of a photograph vary together; what tells colours apart is a tenth of that or
less. A model of principal colours sees each of these directions in units of its own spread.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array

__all__ = ["Colours", "mix", "unmix"]

Colours = Sequence[Sequence[float]]
"""For each channel c a row b₁ … b_C, m: it is m + Σ bₖ xₖ. Empty: x are the channels."""


def mix(x: NDArray[Any], colours: Colours) -> Array:
    """Give the channels y = m + B x of principal colours x.

    Parameters
    ----------
    x
        (n, C, *spatial).
    colours
        B and m, as `Colours`; () leaves x as it is.

    Examples
    --------
    >>> light_and_hue = [[1.0, 0.5, 0.25], [1.0, -0.5, 0.25]]
    >>> mix(np.array([[[0.5], [1.0]]]), light_and_hue)
    array([[[1.25],
            [0.25]]], dtype=float32)
    """
    rows = np.asarray(colours, np.float32)
    return _times(x, rows[:, :-1], rows[:, -1]) if len(rows) else x.astype(np.float32, copy=False)


def unmix(y: NDArray[Any], colours: Colours) -> Array:
    """Undo `mix`: x = B⁻¹ (y − m).

    Examples
    --------
    >>> unmix(np.array([[[1.25], [0.25]]]), [[1.0, 0.5, 0.25], [1.0, -0.5, 0.25]])
    array([[[0.5],
            [1. ]]], dtype=float32)
    """
    if not colours:
        return y.astype(np.float32, copy=False)
    rows = np.asarray(colours, np.float64)
    inverse = np.linalg.inv(rows[:, :-1])
    return _times(y, inverse.astype(np.float32), -(inverse @ rows[:, -1]).astype(np.float32))


def _times(x: NDArray[Any], matrix: Array, offset: Array) -> Array:
    """Give offset + matrix · x, entry by entry in one order: a part is the same as in the whole."""
    parts = [
        sum((b * x[:, k] for k, b in enumerate(row)), start=m)
        for row, m in zip(matrix, offset, strict=True)
    ]
    return np.stack(parts, axis=1).astype(np.float32, copy=False)
