"""CoopNets: cooperative learning of descriptor and generator by MCMC teaching.

Algorithm 1 of Xie, Lu, Gao, Wu: "Cooperative Learning of Energy-Based Model and Latent Variable
Model via MCMC Teaching", AAAI 2018, section 4.1. The paper's Y is x here, its X is z.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..chains import ChainPool
from ..contrast import contrast
from ..langevin import Revision, frozen, langevin
from ..nets import Descriptor
from ..posterior import negative_log_joint

__all__ = ["CoopNetsConfig", "Figures", "Learners", "train_step"]

VALUE_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class CoopNetsConfig:
    """Settings of Algorithm 1.

    Attributes
    ----------
    chains
        ñ, number of drafts per iteration.
    langevin_steps, step_size, langevin_noise
        l_p and δ of equation (4), and whether its noise term is on.
    refine_steps
        Number of steps that sheets and the exported card use when sampling; the paper takes 10
        to 50 (section 5.2).
    max_drift, clamp
        Limit of one entry's drift in one step (None: none), and whether states are clamped to
        [−1, 1]; neither is in the paper.
    metropolis
        Metropolis–Hastings correction of the revision.
    reference_sd
        s of the reference distribution N(0, s²I); None for the uniform one.
    latent_steps, latent_step_size
        l_q and δ of equation (9); 0 is the left diagram of (11), more is the right one.
    sigma
        σ of the generator's residual.
    draft_noise
        Standard deviation of ε in step G0. The paper writes σ; its published code leaves ε out.
    persistent_chains, pool, restart
        Not in the paper: number of chains, out of a pool of ``pool``, that are revised along with
        the drafts and teach the descriptor only, and the probability that a chain then starts
        again from a revised draft; see `ChainPool`. 0 for none; at most ``chains``.
    descriptor_updates, generator_updates
        Number of D2 and of G2 updates per iteration; each D2 update sees fresh examples.
    descriptor_l2
        Weight of mean f² (per sample and unit gain) in D2, which keeps f near zero; 0 in the
        paper.
    gradient_penalty, penalty_every
        Not in the paper: weight of mean (∂f/∂x)² at the examples (unit gain) in D2, and every how
        many iterations it is computed, weighted as often more. Examples become near equilibria
        of the dynamics, so that long chains stay near them, and the energy stays no steeper than
        the sampler can follow (R₁ of Mescheder, Geiger, Nowozin, ICML 2018). 0 for none.
    """

    chains: int
    langevin_steps: int
    refine_steps: int
    step_size: float
    langevin_noise: bool
    max_drift: float | None
    clamp: bool
    metropolis: bool
    reference_sd: float | None
    latent_steps: int
    latent_step_size: float
    sigma: float
    draft_noise: float
    persistent_chains: int
    pool: int
    restart: float
    descriptor_updates: int
    generator_updates: int
    descriptor_l2: float
    gradient_penalty: float
    penalty_every: int

    def __post_init__(self) -> None:
        limits = {
            "chains": 1,
            "langevin_steps": 0,
            "refine_steps": 0,
            "latent_steps": 0,
            "draft_noise": 0,
            "persistent_chains": 0,
            "pool": self.persistent_chains,
            "descriptor_updates": 1,
            "generator_updates": 1,
            "descriptor_l2": 0,
            "gradient_penalty": 0,
            "penalty_every": 1,
        }
        for name, low in limits.items():
            if not low <= getattr(self, name) < math.inf:
                raise CoopError(f"coopnets.{name}: expected ≥ {low}, found {getattr(self, name)}")
        for name in (
            "step_size",
            "latent_step_size",
            "sigma",
            "max_drift",
            "reference_sd",
        ):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise CoopError(f"coopnets.{name}: expected > 0, found {value}")
        if self.persistent_chains > self.chains:
            raise CoopError("coopnets.persistent_chains: expected ≤ coopnets.chains")
        if not 0 <= self.restart <= 1:
            raise CoopError(f"coopnets.restart: expected a number in [0, 1], found {self.restart}")
        if self.metropolis and not self.langevin_noise:
            raise CoopError("coopnets.metropolis: needs langevin_noise = true")


@dataclass
class Learners:
    """The two networks, how each takes a step on a loss, and the persistent chains."""

    descriptor: Descriptor
    generator: nn.Module
    chains: ChainPool
    optimise_descriptor: Callable[[Tensor], None]
    optimise_generator: Callable[[Tensor], None]


class Figures(NamedTuple):
    """What one iteration was like; f is per sample and unit gain, so of order one.

    Attributes
    ----------
    f_data, f_revised
        Mean f of the examples and of the revised states; their difference is the energy gap.
    revision
        RMS change from draft to revised: how much the teacher corrects.
    reconstruction
        RMS of x̃ − g(z) before step G2: how much the student has to learn.
    drift
        Mean absolute Langevin drift per entry and step.
    acceptance
        Share of accepted Metropolis–Hastings proposals; 1 when it is off.
    saturation
        Share of the revised states' entries with |x| > 0.99.
    contrast
        Standard deviation of the revised drafts over that of the examples.
    """

    f_data: float
    f_revised: float
    revision: float
    reconstruction: float
    drift: float
    acceptance: float
    saturation: float
    contrast: float


def train_step(
    learners: Learners,
    examples: Callable[[], Tensor],
    latent_shape: tuple[int, ...],
    config: CoopNetsConfig,
    rng: torch.Generator,
    step: int = 0,
) -> Figures:
    """One iteration of Algorithm 1.

    Parameters
    ----------
    learners
        f and g with their optimisers.
    examples
        Gives a fresh batch of training examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    rng
        Source of z and of all noise, on the networks' device.
    step
        Number of the iteration; only the gradient penalty's turn depends on it.
    """
    f, g = learners.descriptor, learners.generator

    # Step G0: ẑ ~ N(0, I), x̂ = g(ẑ) + ε.
    z_draft = torch.randn((config.chains, *latent_shape), generator=rng, device=rng.device)
    with torch.no_grad():
        x_draft = g(z_draft)
        if config.draft_noise:
            ε = torch.randn(x_draft.shape, generator=rng, device=rng.device)
            x_draft = x_draft + config.draft_noise * ε

    # Step D1: revise x̂ to x̃ by l_p Langevin steps on the descriptor's energy, equation (4).
    persistent = learners.chains.draw(config.persistent_chains, rng)
    start = x_draft if persistent is None else torch.cat([x_draft, persistent[1]])
    with frozen(f):
        revision = revise(f, start, config, rng)
    x_model, x_revised = revision.x, revision.x[: config.chains]
    if persistent is not None:
        places, gone_on = persistent[0], x_model[config.chains :]
        learners.chains.put_back(places, gone_on, x_revised[: len(places)], config.restart, rng)
    learners.chains.fill(x_revised)

    # Step G1: infer z of x̃ from ẑ by l_q Langevin steps, equation (9); l_q = 0 keeps ẑ.
    z = infer(g, z_draft, x_revised, config, rng)

    # Step D2: θ ← θ + γ (mean ∂f(x) − mean ∂f(x̃)), equation (5); γ takes up the gain of f.
    penalised = step % config.penalty_every == 0
    penalty = config.gradient_penalty * config.penalty_every if penalised else 0.0
    for _ in range(config.descriptor_updates):
        x = examples()
        learned = contrast(f, x, x_model, l2=config.descriptor_l2, gradient_penalty=penalty)
        learners.optimise_descriptor(learned.loss)

    # Step G2: α ← α + γ mean ∂ log q(z, x̃), equation (10).
    residuals = []
    for _ in range(config.generator_updates):
        residual = (x_revised - g(z)).square()
        learners.optimise_generator(residual.flatten(1).sum(1).mean() / (2 * config.sigma**2))
        residuals.append(residual.detach().mean().sqrt())

    return Figures(
        f_data=learned.f_data.mean().item(),
        f_revised=learned.f_model.mean().item(),
        revision=(x_revised - x_draft).square().mean().sqrt().item(),
        reconstruction=residuals[0].item(),
        drift=revision.drift,
        acceptance=revision.acceptance,
        saturation=(x_model.abs() > 0.99).float().mean().item(),
        contrast=(x_revised.std() / x.std()).item(),
    )


def revise(
    f: Descriptor,
    x: Tensor,
    config: CoopNetsConfig,
    rng: torch.Generator,
    steps: int | None = None,
) -> Revision:
    """Step D1: Langevin revision of x on E(x) = −f(x) + ‖x‖²/2s², equation (4)."""
    return langevin(
        lambda state: f.energy(state, config.reference_sd),
        x,
        rng,
        steps=config.langevin_steps if steps is None else steps,
        step_size=config.step_size,
        noise=config.langevin_noise,
        max_drift=config.max_drift,
        clamp=VALUE_RANGE if config.clamp else None,
        metropolis=config.metropolis,
    )


def infer(
    g: nn.Module, z: Tensor, x: Tensor, config: CoopNetsConfig, rng: torch.Generator
) -> Tensor:
    """Step G1: Langevin inference of z given x on −log q(z, x), equation (9)."""
    if config.latent_steps == 0:
        return z
    with frozen(g):
        return langevin(
            negative_log_joint(g, x, config.sigma),
            z,
            rng,
            steps=config.latent_steps,
            step_size=config.latent_step_size,
        ).x
