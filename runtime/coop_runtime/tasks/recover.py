"""Restoring damaged signals by descriptor Langevin: damaged entries are revised, others held.

Xie, Lu, Gao, Wu, AAAI 2018, equation (4), on the damaged entries alone.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from ..arguments import check_choice
from ..arrays import check_array, signal_shape
from ..core import Core
from ..errors import ArgumentError
from ..langevin import State
from ..philox import Purpose, streams
from .damage import salt_and_pepper
from .masks import check_incomplete
from .resize import filled

__all__ = ["recovering"]


def recovering(
    core: Core,
    x: Any,
    mask: Any,
    *,
    steps: int | None,
    seed: int,
    noise: bool | None,
    start: Literal["filled", "given"],
    first: int,
) -> Iterator[State]:
    """Revise damaged entries, yielding every state; see `Model.recovering`."""
    core.require("energy")
    check_choice("start", start, "filled", "given")
    shape = signal_shape(core.card)
    if isinstance(mask, str):
        if mask != "salt-and-pepper":
            raise ArgumentError("mask", f"only 'salt-and-pepper' can be found, not {mask!r}")
        mask = salt_and_pepper(check_array("x", x, shape), core.card.signal.value_range)
        if not (found := mask.any(axis=tuple(range(1, mask.ndim)))).all():
            raise ArgumentError(
                "mask",
                f"no salt and pepper is found in example {int(np.argmin(found))}; other damage, "
                "such as scribbles and blocks, takes a mask of it, 1 = damaged",
            )
    if start == "given":
        x = check_array("x", x, shape)
        _, missing = check_incomplete(x, mask, shape)
        begun = x
    else:
        x, missing = check_incomplete(x, mask, shape)
        begun = filled(x, ~missing)
    of_each = streams(seed, first, len(x), Purpose.NOISE)
    states = core.revise(begun, of_each, steps=steps, noise=noise, free=missing)
    return (s._replace(x=np.where(missing, s.x, x)) for s in states)
