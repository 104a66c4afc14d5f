"""Langevin dynamics on latents: inference of z from x, alternating back-propagation's (10).

Han, Lu, Zhu, Wu: "Alternating Back-Propagation for Generator Network", AAAI 2017, section 4.2, also
Step G1 of CoopNets. A fixed step must fit the curvature of log p(z|x), some ‖∂g/∂z‖²/σ², which no
model knows beforehand. So unless a step is given, each chain finds its own: a step is proposed and
accepted by Metropolis' rule (MALA: Roberts, Tweedie, Bernoulli 1996), and δ moves towards the
acceptance that is best for it (Roberts, Rosenthal, JRSS B 1998), less and less, so that the chain
keeps its distribution (Andrieu, Thoms, Statistics and Computing 2008).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number
from .arrays import Array, check_whole
from .calls import Posterior
from .errors import ArgumentError
from .philox import Purpose, Stream, normals, uniforms

__all__ = ["LatentState", "LogPosterior", "latent_langevin", "latent_step", "start"]

LogPosterior = Callable[[Array], Posterior]
"""z (chains, …) → log p(z, x) (chains,), its gradient like z, and g(z)."""

FIRST_STEP = 0.1  # the papers'
BEST_ACCEPTANCE = 0.574  # Roberts and Rosenthal
DESCENT_GAIN = 0.3  # without noise: δ grows by 14 % when a step is accepted, else falls by 16 %


class LatentState(NamedTuple):
    """One state of a batch of latent chains.

    Attributes
    ----------
    step
        Number of steps taken so far; 0 is the start.
    z
        Latents (chains, latent channels, *cells).
    log_p
        log p(z, x) up to a constant, (chains,).
    gradient
        ∂/∂z log p(z, x), like z.
    reconstruction
        g(z), (chains, channels, *size).
    step_size
        δ of each chain's next step, (chains,), float64.
    """

    step: int
    z: Array
    log_p: Array
    gradient: Array
    reconstruction: Array
    step_size: NDArray[np.float64]


def start(streams: Sequence[Stream], shape: tuple[int, ...]) -> Array:
    """Draw z ~ N(0, I), (chains, *shape), the start of each stream's chain."""
    return normals(streams, shape)


def latent_step(
    z: Array, gradient: Array, n: Array | None, step_size: NDArray[np.float64]
) -> Array:
    """Take one step of ABP's equation (10): z ← z + ½δ²·∂/∂z log p(z, x) + δ·n.

    Parameters
    ----------
    z, gradient
        (chains, …), float32.
    n
        Standard normal noise like z; None for none: equation (6).
    step_size
        δ of each chain, (chains,).

    Examples
    --------
    >>> z = np.ones((2, 3, 1), np.float32)
    >>> latent_step(z, -z, None, np.array([1.0, 0.5]))[:, 0, 0]
    array([0.5  , 0.875], dtype=float32)
    """
    delta = step_size.reshape(-1, *[1] * (z.ndim - 1)).astype(np.float32)
    z = z + np.float32(0.5) * delta**2 * gradient
    return z if n is None else z + delta * n


def latent_langevin(
    log_posterior: LogPosterior,
    z: Array,
    streams: Sequence[Stream],
    *,
    steps: int,
    step_size: float | None = None,
    noise: bool = True,
) -> Iterator[LatentState]:
    """Sample z from p(z|x) by Langevin dynamics, yielding every state.

    Each step computes log p and its gradient once; nothing is computed ahead.

    Parameters
    ----------
    log_posterior
        z (chains, …) → log p(z, x), its gradient, g(z), newly allocated.
    z
        Start (chains, latent channels, *cells), float32.
    streams
        Random numbers of each chain; step k takes those of step k, and `start` those of step 0.
    steps
        Number of steps, ≥ 0; ``steps + 1`` states are yielded, the start first.
    step_size
        δ > 0: the papers' plain steps. None: each chain adapts its own, and a step that Metropolis'
        rule refuses is not taken.
    noise
        Whether δ·n is added. Without it z climbs to a mode, and None refuses steps downhill.

    Raises
    ------
    ArgumentError
        At the call: steps, step_size or the number of streams is wrong. Later: plain steps of
        ``step_size`` were too long, and left the finite numbers.

    Examples
    --------
    >>> def prior(z):
    ...     return Posterior(-0.5 * (z**2).sum(axis=(1, 2)), -z, z)
    >>> chains = [Stream(0, 0, Purpose.POSTERIOR, chain) for chain in range(2)]
    >>> z = start(chains, (3, 1))
    >>> [state.step for state in latent_langevin(prior, z, chains, steps=2)]
    [0, 1, 2]
    """
    check_whole("steps", steps, 0)
    if step_size is not None:
        check_number("step_size", step_size)
    if len(streams) != len(z):
        raise ArgumentError("streams", f"expected one per chain, {len(z)}; found {len(streams)}")

    def chain(state: LatentState) -> Iterator[LatentState]:
        yield state
        for step in range(1, steps + 1):
            n = normals(streams, z.shape[1:], step) if noise else None
            with np.errstate(over="ignore", invalid="ignore"):  # refused in the next line
                proposed = latent_step(state.z, state.gradient, n, state.step_size)
            if not np.isfinite(proposed).all():
                raise ArgumentError("step_size", f"{step_size} is too long; give less, or None")
            ahead = LatentState(step, proposed, *log_posterior(proposed), state.step_size)
            state = ahead if step_size is not None else _metropolis(state, ahead, n, streams)
            yield state

    def begun() -> Iterator[LatentState]:
        first = FIRST_STEP if step_size is None else step_size
        here = np.array(z, dtype=np.float32)
        yield from chain(LatentState(0, here, *log_posterior(here), np.full(len(z), first)))

    return begun()


def _metropolis(
    now: LatentState, ahead: LatentState, n: Array | None, streams: Sequence[Stream]
) -> LatentState:
    """Accept or refuse each chain's step, and adapt its δ.

    Without noise a step uphill is accepted. Sums and exponentials are those of one chain at a time:
    its numbers must not depend on its neighbours.
    """
    accept, step_size = np.empty(len(now.z), bool), np.empty(len(now.z))
    of_each = [stream._replace(purpose=Purpose.ACCEPT) for stream in streams]
    draws = uniforms(of_each, (1, 1), ahead.step).ravel()
    for k, delta in enumerate(now.step_size):
        log_ratio = float(ahead.log_p[k]) - float(now.log_p[k])
        if n is not None:
            back = now.z[k] - ahead.z[k] - 0.5 * delta**2 * ahead.gradient[k]
            log_ratio += 0.5 * (_squares(n[k]) - _squares(back) / delta**2)
        if n is None:
            chance, needed, gain = float(log_ratio >= 0), 0.5, DESCENT_GAIN
        else:
            chance = math.exp(min(0.0, log_ratio)) if log_ratio == log_ratio else 0.0
            needed, gain = float(draws[k]), 1 / math.sqrt(ahead.step)
        accept[k] = needed < chance
        step_size[k] = delta * math.exp(gain * (chance - BEST_ACCEPTANCE))

    def pick(new: Array, old: Array) -> Array:
        return np.where(accept.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return LatentState(
        ahead.step,
        pick(ahead.z, now.z),
        pick(ahead.log_p, now.log_p),
        pick(ahead.gradient, now.gradient),
        pick(ahead.reconstruction, now.reconstruction),
        step_size,
    )


def _squares(a: Array) -> float:
    return float(np.sum(np.square(a, dtype=np.float64)))
