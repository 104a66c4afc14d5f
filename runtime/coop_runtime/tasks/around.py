"""Completion of what lies around a hole, of pictures of which most is far from it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import check_whole
from ..card import Card
from ..core import Core
from .complete import Completion, completing
from .infer import Chains
from .masks import Mask, check_incomplete

__all__ = ["completing_around", "window"]


def window(missing: Mask, card: Card, around: int) -> tuple[slice, ...]:
    """Give the part of a signal that is looked at: what is missing, and ``around`` entries more.

    Parameters
    ----------
    missing
        (batch, channels, *size); one window holds what is missing in all examples.
    around
        Entries on every side, ≥ 0, along axes that can be extended; other axes stay whole, and no
        axis is cut to less than the size of training.

    Returns
    -------
    A slice for each axis of ``size``.
    """
    cuts = []
    signal, dims = card.signal, range(2, missing.ndim)
    for axis, free, least in zip(dims, signal.extendable, signal.trained_shape, strict=True):
        length = missing.shape[axis]
        if not free:
            cuts.append(slice(0, length))
            continue
        (places,) = np.nonzero(missing.any(axis=tuple({0, 1, *dims} - {axis})))
        start, stop = int(places[0]) - around, int(places[-1]) + 1 + around
        start -= max(0, least - (stop - start)) // 2
        start = max(0, min(start, length - least))
        cuts.append(slice(start, min(length, max(stop, start + least))))
    return tuple(cuts)


def completing_around(
    core: Core,
    x: Any,
    mask: Any,
    how: Chains,
    around: int,
    *,
    refine_steps: int,
    noise: bool | None,
    every: int,
) -> Iterator[Completion]:
    """Complete the window around what is missing, yielding whole signals; as `completing`."""
    signal = core.card.signal
    shape: tuple[int | str, ...] = ("batch", signal.channels, *["size"] * signal.dims)
    x, missing = check_incomplete(x, mask, shape)
    here: tuple[Any, ...] = (..., *window(missing, core.card, check_whole("around", around, 0)))
    states = completing(
        core, x[here], missing[here], how, refine_steps=refine_steps, noise=noise, every=every
    )

    def whole(state: Completion) -> Completion:
        suggestions = np.repeat(x[:, None], how.chains, axis=1)
        suggestions[here] = state.suggestions
        return state._replace(suggestions=suggestions)

    return map(whole, states)
