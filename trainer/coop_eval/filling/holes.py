"""The papers' holes: squares at random places, the masks of incomplete data, irregular strokes.

CoopNets (Xie, Lu, Gao, Wu, AAAI 2018), section 5.3, hides one square of 30, 40 or 50 pixels (20 in
2016) in each picture of 64×64; the divergence triangle (2018), section 4.4, single pixels and
blocks.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coop_runtime import CoopError
from coop_trainer.data import MASKS, draw_masks

__all__ = ["Mask", "holes", "irregular"]

Mask = NDArray[np.bool_]
"""(n, 1, height, width), True where something is missing."""

_SQUARE = re.compile(r"M([1-9]\d*)")


def holes(name: str, count: int, size: Sequence[int], seed: int = 0) -> Mask:
    """Draw one mask for each picture.

    Parameters
    ----------
    name
        ``M20``, ``M30``, …: one square of that side, uniformly at random; ``P.5``, ``P.7``,
        ``P.9``, ``MB10``, ``B20``, ``B30``: see `coop_trainer.data.draw_masks`.
    size
        (height, width) of the pictures.

    Returns
    -------
    (count, 1, height, width), True where missing. Mask k of a seed is the same for every count.

    Raises
    ------
    CoopError
        Another name, or pictures that the hole would cover whole.

    Examples
    --------
    >>> holes("M30", 5, (64, 64)).sum(axis=(1, 2, 3)).tolist()
    [900, 900, 900, 900, 900]
    """
    if name in MASKS:
        return ~np.moveaxis(draw_masks(name, count, size, seed), -1, 1)
    square = _SQUARE.fullmatch(name)
    if square is None:
        raise CoopError(f"no hole '{name}'; expected M20, M30, … or one of {', '.join(MASKS)}")
    side = int(square[1])
    if side >= min(size):
        raise CoopError(f"{name} hides {side}x{side} pixels; expected pictures larger than that")
    missing = np.zeros((count, 1, *size), np.bool_)
    rng = np.random.default_rng(seed)
    for mask in missing[:, 0]:
        top, left = (int(rng.integers(length - side + 1)) for length in size)
        mask[top : top + side, left : left + side] = True
    return missing


def irregular(masks: NDArray[np.generic], count: int, seed: int = 0) -> Mask:
    """Give each picture one of these masks, drawn at random, mirrored or not.

    Parameters
    ----------
    masks
        (m, height, width) of 0 and 1, 1 = missing, as ``mask64`` of the research data.

    Returns
    -------
    As `holes`.
    """
    if masks.ndim != 3 or not np.isin(masks, (0, 1)).all():
        raise CoopError(f"expected masks (m, height, width) of 0 and 1, found {masks.shape}")
    rng, missing = np.random.default_rng(seed), []
    for _ in range(count):
        mask = masks[rng.integers(len(masks))] > 0
        missing.append(mask[:, ::-1] if rng.integers(2) else mask)
    return np.stack(missing)[:, None]
