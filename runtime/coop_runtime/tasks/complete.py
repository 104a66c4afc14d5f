"""Pattern completion: CoopNets (Xie, Lu, Gao, Wu, AAAI 2018), section 5.3.

z is sampled from p(z | observed entries) by Langevin dynamics, in K chains from N(0, I); g(z) fills
what is missing. The descriptor may then revise the missing entries, the known ones held.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Array, check_whole, drawable
from ..card import Card
from ..core import Core
from ..errors import ArgumentError
from ..philox import Purpose, streams
from .infer import Chains, Inference, infer
from .masks import Mask, check_incomplete
from .resize import filled, resize

__all__ = ["Completion", "completing"]


class Completion(NamedTuple):
    """K suggestions for each example, the one that explains the known entries best first.

    Attributes
    ----------
    step
        Number of steps taken so far: Langevin on z, settling, refinement.
    suggestions
        (batch, K, channels, *size), float32; known entries are those given, bit for bit.
    z
        Their latents, (batch, K, latent channels, *cells).
    error
        Root mean square of x − g(z) over the known entries, in units of x, (batch, K).
    energy
        E of each suggestion, (batch, K), while it is refined and in the end; None before, and
        without an energy.
    """

    step: int
    suggestions: Array
    z: Array
    error: Array
    energy: Array | None

    @property
    def x(self) -> Array:
        """Give the best suggestion of each example, (batch, channels, *size)."""
        return self.suggestions[:, 0]


class _Fitted(NamedTuple):
    """Signals at a size that the model draws: x, how well entries are known, which are free."""

    x: Array
    weight: Array
    free: Mask


def completing(
    core: Core,
    x: Any,
    mask: Any,
    how: Chains,
    *,
    refine_steps: int = 0,
    noise: bool | None = None,
    every: int = 1,
) -> Iterator[Completion]:
    """Complete signals, yielding states; see `Model.completing`."""
    core.require("generator", *["energy"] * (check_whole("refine_steps", refine_steps, 0) > 0))
    check_whole("every", every, 1)
    signal = core.card.signal
    x, missing = check_incomplete(x, mask, ("batch", signal.channels, *["size"] * signal.dims))
    fitted, end = fit(core.card, x, missing), how.steps + how.settle
    inferred = infer(core, fitted.x, fitted.weight, how)

    def shown(step: int, by: Inference, drafts: Array, energy: Array | None) -> Completion:
        if fitted.x.shape != x.shape:
            drafts = np.clip(enlarged(drafts, x, missing), *signal.value_range)
        suggestions = np.where(missing[:, None], drafts, x[:, None])
        return Completion(step, suggestions, by.z, by.error, energy)

    def states() -> Iterator[Completion]:
        for state in inferred:
            if state.step % every == 0 or state.step == end:
                best = state.ranked()
                drafts = np.clip(best.reconstruction, *signal.value_range)
                drafts = np.where(fitted.free[:, None], drafts, fitted.x[:, None])
                last = state.step == end and not refine_steps
                judged = last and "energy" in core.graphs
                energy = core.energy(_flat(drafts)).reshape(best.error.shape) if judged else None
                yield shown(state.step, best, drafts, energy)
        revised = _revised(core, drafts, fitted.free, how, refine_steps, noise)
        for step, refined, energy in revised if refine_steps else ():
            if step and (step % every == 0 or step == refine_steps):
                yield shown(end + step, best, refined, energy)

    return states()


def fit(card: Card, x: Array, missing: Mask) -> _Fitted:
    """Scale pictures to the model's size along axes that cannot be extended.

    A place of the smaller picture is the average of what is known there, and counts as much as
    is known of it.

    Raises
    ------
    ArgumentError
        A sound, or a clip in time, that would have to be scaled.
    """
    known = (~missing).astype(np.float32)
    sizes = zip(drawable(card), x.shape[2:], strict=True)
    size = tuple(there if side == "N" else int(side) for side, there in sizes)
    if size == x.shape[2:]:
        return _Fitted(x, known, missing)
    if size[:-2] != x.shape[2:-2] or len(size) == 1:
        shown = "x".join(map(str, drawable(card)))
        raise ArgumentError("x", f"'{card.name}' takes the size {shown}, found {x.shape[2:]}")
    share = np.clip(resize(known, size), 0, 1)
    there = share > 0
    average = np.where(there, resize(x, size) / np.where(there, share, 1), 0)
    return _Fitted(average.astype(np.float32), np.sqrt(share), share < 1)


def enlarged(drafts: Array, x: Array, missing: Mask) -> Array:
    """Scale K drafts of each example to the size of x, without a seam.

    How far x is from a draft around a hole is continued smoothly into it, and added.
    """
    k = drafts.shape[1]
    given, unknown = np.repeat(x, k, axis=0), np.repeat(missing, k, axis=0)
    large = resize(_flat(drafts), x.shape[2:])
    large += filled(np.where(unknown, np.float32(0), given - large), ~unknown)
    return large.reshape(*drafts.shape[:2], *x.shape[1:])


def _revised(
    core: Core, drafts: Array, free: Mask, how: Chains, steps: int, noise: bool | None
) -> Iterator[tuple[int, Array, Array]]:
    """Revise the free entries of K drafts of each example: step, drafts, energies."""
    of_each = streams(how.seed, how.first, len(drafts), Purpose.NOISE, how.chains)
    free = np.repeat(free, how.chains, axis=0)
    for state in core.revise(_flat(drafts), of_each, steps=steps, noise=noise, free=free):
        yield state.step, state.x.reshape(drafts.shape), state.energy.reshape(drafts.shape[:2])


def _flat(drafts: Array) -> Array:
    return drafts.reshape(-1, *drafts.shape[2:])
