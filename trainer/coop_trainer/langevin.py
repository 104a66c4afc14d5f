"""Langevin dynamics in torch: one function for signals (eq. 4) and latents (eq. 9).

Equations are those of the CoopNets paper (Xie, Lu, Gao, Wu, AAAI 2018). The numpy twin of
`langevin_step` is `coop_runtime.langevin.langevin_step`; a test binds the two.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .chance import normal, uniform
from .nets import Descriptor

__all__ = [
    "VALUE_RANGE",
    "Energy",
    "LangevinConfig",
    "Revision",
    "energy_and_gradient",
    "frozen",
    "langevin",
    "langevin_step",
    "revise",
]

#: Ends of the range of signals.
VALUE_RANGE = (-1.0, 1.0)

Energy = Callable[[Tensor], Tensor]
"""A state of shape (batch, …) to its energy of shape (batch,): −log density + constant."""


class Revision(NamedTuple):
    """What a chain gives back.

    Attributes
    ----------
    x
        Final states, shape (batch, …), detached.
    drift
        Mean absolute drift ½δ²|∇E| per entry and step, after clipping.
    acceptance
        Share of accepted proposals; 1 without the Metropolis–Hastings correction.
    """

    x: Tensor
    drift: float
    acceptance: float


@dataclass(frozen=True)
class LangevinConfig:
    """Settings of the Langevin revision of signals, equation (4).

    Attributes
    ----------
    steps
        l_p, number of steps per iteration.
    refine_steps
        Number of steps that sheets and the exported card use when sampling; the paper takes 10
        to 50 (section 5.2).
    refine_noise
        Whether these have the noise term; None: as ``noise`` says. Noise of the last steps stays
        visible in a sample that few steps refine.
    step_size, noise
        δ, and whether the noise term is on.
    max_drift, clamp
        Limit of one entry's drift in one step (None: none), and whether states are clamped to
        [−1, 1]; neither is in the papers.
    metropolis
        Metropolis–Hastings correction, of steps with noise.
    reference_sd
        s of the reference distribution N(0, s²I); None for the uniform one.
    """

    steps: int
    refine_steps: int
    step_size: float
    noise: bool
    max_drift: float | None
    clamp: bool
    metropolis: bool
    reference_sd: float | None
    refine_noise: bool | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "refine_steps"):
            if getattr(self, name) < 0:
                raise CoopError(f"langevin.{name}: expected ≥ 0, found {getattr(self, name)}")
        for name in ("step_size", "max_drift", "reference_sd"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise CoopError(f"langevin.{name}: expected > 0, found {value}")
        if self.metropolis and not self.noise:
            raise CoopError("langevin.metropolis: needs langevin.noise = true")

    @property
    def refines_with_noise(self) -> bool:
        """Whether steps of sampling have the noise term."""
        return self.noise if self.refine_noise is None else self.refine_noise


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Switch off the parameters' gradients while sampling: 1.7 times faster steps."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)


def energy_and_gradient(energy: Energy, x: Tensor) -> tuple[Tensor, Tensor]:
    """Give E(x), shape (batch,), and ∇E(x), the shape of x, both detached.

    Examples
    --------
    >>> energy_and_gradient(lambda x: x.square().sum(1) / 2, torch.tensor([[3.0, 4.0]]))
    (tensor([12.5000]), tensor([[3., 4.]]))
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        e = energy(x)
        (gradient,) = torch.autograd.grad(e.sum(), x)
    return e.detach(), gradient


def drift(gradient: Tensor, *, step_size: float, max_drift: float | None) -> Tensor:
    """Give −½δ²∇E, clipped to ±max_drift, the deterministic part of one step."""
    move = gradient * (-0.5 * step_size**2)
    return move if max_drift is None else move.clamp(-max_drift, max_drift)


def langevin_step(
    x: Tensor,
    gradient: Tensor,
    n: Tensor | None,
    *,
    step_size: float,
    max_drift: float | None = None,
    clamp: tuple[float, float] | None = None,
) -> Tensor:
    """One step of equation (4): x ← x − ½δ²∇E(x) + δn, n ~ N(0, I).

    Parameters
    ----------
    x, gradient
        State and ∇E(x), same shape.
    n
        Standard normal noise, the shape of x; None leaves the noise out.
    step_size
        δ, in units of x.
    max_drift
        Largest absolute drift of one entry; None for no limit. Not in the paper: a far
        outlier of the gradient then cannot throw a state out of the range.
    clamp
        (low, high) to which the new state is clamped; None for no limit.
    """
    return _moved(x, drift(gradient, step_size=step_size, max_drift=max_drift), n, step_size, clamp)


def _moved(
    x: Tensor,
    drift: Tensor,
    n: Tensor | None,
    step_size: float,
    clamp: tuple[float, float] | None,
) -> Tensor:
    """Give x + drift + δn, clamped; memory is taken once, which tells on a CPU."""
    x = x + drift
    if n is not None:
        x += step_size * n
    return x if clamp is None else x.clamp_(*clamp)


def langevin(
    energy: Energy,
    x: Tensor,
    rng: torch.Generator,
    *,
    steps: int,
    step_size: float,
    noise: bool = True,
    max_drift: float | None = None,
    clamp: tuple[float, float] | None = None,
    metropolis: bool = False,
) -> Revision:
    """Run ``steps`` Langevin steps from x; the caller freezes the networks.

    Parameters
    ----------
    energy
        x, shape (batch, …), to energies, shape (batch,).
    x
        Start, shape (batch, …).
    rng
        Source of the noise, on the device of x.
    metropolis
        Correct the finite step by Metropolis–Hastings: a proposal is accepted with
        probability min(1, p(x')q(x|x') / p(x)q(x'|x)). Proposals beyond ``clamp`` have
        density zero and are refused. Needs ``noise``.

    Examples
    --------
    A standard normal has variance 1 / (1 − δ²/4) under the uncorrected chain:

    >>> rng = torch.Generator().manual_seed(0)
    >>> r = langevin(lambda x: 0.5 * x.square().sum(1), torch.zeros(50_000, 1), rng,
    ...              steps=60, step_size=0.8)
    >>> abs(r.x.var().item() - 1 / (1 - 0.8**2 / 4)) < 0.03
    True
    """
    if metropolis and not noise:
        raise ValueError("the Metropolis–Hastings correction needs noise=True")
    moves, accepted = x.new_zeros(()), x.new_zeros(())
    e, gradient = energy_and_gradient(energy, x) if metropolis and steps else (x, x)
    for _ in range(steps):
        if not metropolis:
            _, gradient = energy_and_gradient(energy, x)
        n = _noise(x, rng) if noise else None
        moved = drift(gradient, step_size=step_size, max_drift=max_drift)
        moves = moves + moved.abs().mean()
        if metropolis:
            x, e, gradient, share = _metropolis(
                energy, x, e, gradient, n, rng, step_size, max_drift, clamp
            )
            accepted = accepted + share
        else:
            x = _moved(x, moved, n, step_size, clamp)
    count = max(steps, 1)
    acceptance = accepted.item() / count if metropolis else 1.0
    return Revision(x.detach(), moves.item() / count, acceptance)


def _noise(x: Tensor, rng: torch.Generator) -> Tensor:
    return normal(x.shape, rng, x.dtype)


def _metropolis(
    energy: Energy,
    x: Tensor,
    e: Tensor,
    gradient: Tensor,
    n: Tensor | None,
    rng: torch.Generator,
    step_size: float,
    max_drift: float | None,
    clamp: tuple[float, float] | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Propose with one Langevin step and accept or refuse each example's proposal."""
    x_new = langevin_step(x, gradient, n, step_size=step_size, max_drift=max_drift)
    e_new, gradient_new = energy_and_gradient(energy, x_new)
    there = x_new - x - drift(gradient, step_size=step_size, max_drift=max_drift)
    back = x - x_new - drift(gradient_new, step_size=step_size, max_drift=max_drift)
    log_ratio = e - e_new + (_norm2(there) - _norm2(back)) / (2 * step_size**2)
    if clamp is not None:
        inside = ((x_new >= clamp[0]) & (x_new <= clamp[1])).flatten(1).all(1)
        log_ratio = torch.where(inside, log_ratio, torch.full_like(log_ratio, -math.inf))
    u = uniform(e.shape, rng, x.dtype)
    accept = u.log() < log_ratio
    pick = accept.view(-1, *[1] * (x.dim() - 1))
    return (
        torch.where(pick, x_new, x),
        torch.where(accept, e_new, e),
        torch.where(pick, gradient_new, gradient),
        accept.to(x.dtype).mean(),
    )


def _norm2(x: Tensor) -> Tensor:
    return x.flatten(1).square().sum(1)


def revise(
    f: Descriptor,
    x: Tensor,
    config: LangevinConfig,
    rng: torch.Generator,
    *,
    sampling: bool = False,
) -> Revision:
    """Revise x by Langevin steps on E(x) = −f(x) + ‖x‖²/2s², equation (4).

    Parameters
    ----------
    x
        Start, shape (batch, channels, …).
    sampling
        Take the steps of sampling, ``refine_steps`` and ``refine_noise``, not those of learning.
    """
    noise = config.refines_with_noise if sampling else config.noise
    return langevin(
        lambda state: f.energy(state, config.reference_sd),
        x,
        rng,
        steps=config.refine_steps if sampling else config.steps,
        step_size=config.step_size,
        noise=noise,
        max_drift=config.max_drift,
        clamp=VALUE_RANGE if config.clamp else None,
        metropolis=config.metropolis and noise,
    )
