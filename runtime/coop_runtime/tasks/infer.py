"""Latents of signals of which some entries are known: parallel chains of latent Langevin.

Step G1 of CoopNets (Xie, Lu, Gao, Wu, AAAI 2018) with the sum of squares over the observed entries,
section 5.3; alternating back-propagation's equation (10).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ..arguments import check_choice, check_number
from ..arrays import Array, check_whole, latent_shape
from ..calls import Posterior
from ..core import Core
from ..latent import LatentState, latent_langevin, start
from ..philox import Purpose, streams
from .resize import filled

__all__ = ["Chains", "Inference", "Start", "infer", "rms"]

Start = Literal["noise", "encoder"]

_MOST_CHAINS = 1024  # all are in memory at once


@dataclass(frozen=True)
class Chains:
    """How latents are inferred; wrong values raise `ArgumentError`.

    Attributes
    ----------
    chains
        K, chains side by side for each example, from 1 to 1024.
    steps
        Langevin steps, ≥ 0.
    settle
        Steps without noise after them, towards a mode, ≥ 0.
    step_size
        δ of the Langevin steps, > 0; None: every chain adapts its own, see `latent_langevin`.
    start
        ``"noise"``: z ~ N(0, I); ``"encoder"``: z ~ q(z|x), the first chain at its mean.
    sigma
        σ of the residual, > 0; None for the card's.
    seed, first
        Name the random numbers, as in `Core.generate`.
    """

    chains: int = 4
    steps: int = 200
    settle: int = 50
    step_size: float | None = None
    start: Start = "noise"
    sigma: float | None = None
    seed: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        check_whole("chains", self.chains, 1, _MOST_CHAINS)
        for name in ("steps", "settle"):
            check_whole(name, getattr(self, name), 0)
        for name in ("step_size", "sigma"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name))
        check_choice("start", self.start, "noise", "encoder")


class Inference(NamedTuple):
    """Latents of K chains for each example.

    Attributes
    ----------
    step
        Number of steps taken so far; 0 is the start.
    z
        (batch, K, latent channels, *cells).
    reconstruction
        g(z), (batch, K, channels, *size).
    error
        Root mean square of x − g(z) over the known entries, (batch, K).
    """

    step: int
    z: Array
    reconstruction: Array
    error: Array

    def ranked(self) -> "Inference":
        """Sort the chains of each example, least error first."""
        order = np.argsort(self.error, axis=1, kind="stable")

        def ordered(a: Array) -> Array:
            return np.take_along_axis(a, order.reshape(*order.shape, *[1] * (a.ndim - 2)), axis=1)

        return Inference(self.step, *(ordered(a) for a in self[1:]))


def infer(core: Core, x: Array, weight: Array, how: Chains) -> Iterator[Inference]:
    """Sample z from p(z | known entries of x), yielding every state; nothing is computed ahead.

    Parameters
    ----------
    x
        (batch, channels, *size), finite.
    weight
        Like x: 1 where an entry is known, 0 where not; between, for averages of both.
    """
    core.require("generator", *["encoder"] * (how.start == "encoder"))
    of_each = streams(how.seed, how.first, len(x), Purpose.POSTERIOR, how.chains)
    given, share = (np.repeat(a, how.chains, axis=0) for a in (x, weight))

    def log_posterior(z: Array) -> Posterior:
        return core.log_posterior(z, given, share, how.sigma)

    def shown(state: LatentState, before: int) -> Inference:
        error = rms(given - state.reconstruction, share)
        parts = (state.z, state.reconstruction, error)
        return Inference(before + state.step, *(_by_example(a, how.chains) for a in parts))

    def states() -> Iterator[Inference]:
        z = _starts(core, x, weight, how)
        for state in latent_langevin(
            log_posterior, z, of_each, steps=how.steps, step_size=how.step_size
        ):
            yield shown(state, 0)
        settling = latent_langevin(log_posterior, state.z, of_each, steps=how.settle, noise=False)
        for settled in settling if how.settle else ():
            if settled.step:
                yield shown(settled, how.steps)

    return states()


def rms(residual: Array, weight: Array) -> Array:
    """Give √(Σ (weight·residual)² / Σ weight²) of each row, (batch,)."""
    square, share = (
        np.square(a.reshape(len(a), -1), dtype=np.float64).sum(axis=1)
        for a in (weight * residual, weight)
    )
    error: Array = np.sqrt(square / share).astype(np.float32)
    return error


def _starts(core: Core, x: Array, weight: Array, how: Chains) -> Array:
    """Give z of every chain's start, those of one example together."""
    of_each = streams(how.seed, how.first, len(x), Purpose.POSTERIOR, how.chains)
    assert core.card.latent is not None  # noqa: S101  it was required
    n = start(of_each, latent_shape(core.card.latent, x.shape[2:]))
    if how.start == "noise":
        return n
    code = core.encode(filled(x, weight > 0))
    mean, log_variance = (np.repeat(a, how.chains, axis=0) for a in code)
    n[:: how.chains] = 0
    z: Array = mean + np.exp(np.float32(0.5) * log_variance) * n
    return z


def _by_example(a: Array, chains: int) -> Array:
    return a.reshape(-1, chains, *a.shape[1:])
