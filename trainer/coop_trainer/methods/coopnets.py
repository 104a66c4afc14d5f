"""CoopNets: cooperative learning of descriptor and generator by MCMC teaching.

Algorithm 1 of Xie, Lu, Gao, Wu: "Cooperative Learning of Energy-Based Model and Latent Variable
Model via MCMC Teaching", AAAI 2018, section 4.1. The paper's Y is x here, its X is z.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..chains import ChainPool
from ..chance import normal
from ..contrast import ContrastConfig, contrast
from ..figures import Figures, shape_of_samples
from ..langevin import LangevinConfig, frozen, revise
from ..nets import Descriptor
from ..optimise import Optimise
from ..posterior import infer_latents

__all__ = ["CoopNetsConfig", "infer", "train_step"]


@dataclass(frozen=True)
class CoopNetsConfig:
    """Settings of Algorithm 1.

    Attributes
    ----------
    chains
        ñ, number of drafts per iteration.
    langevin
        Revision of the drafts, step D1.
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
    contrast
        Regularisers of step D2, not in the paper.
    """

    chains: int
    langevin: LangevinConfig
    latent_steps: int
    latent_step_size: float
    sigma: float
    draft_noise: float
    persistent_chains: int
    pool: int
    restart: float
    descriptor_updates: int
    generator_updates: int
    contrast: ContrastConfig

    def __post_init__(self) -> None:
        limits = {
            "chains": 1,
            "latent_steps": 0,
            "draft_noise": 0,
            "persistent_chains": 0,
            "pool": self.persistent_chains,
            "descriptor_updates": 1,
            "generator_updates": 1,
        }
        for name, low in limits.items():
            if not low <= getattr(self, name) < math.inf:
                raise CoopError(f"coopnets.{name}: expected ≥ {low}, found {getattr(self, name)}")
        for name in ("latent_step_size", "sigma"):
            if not 0 < getattr(self, name) < math.inf:
                raise CoopError(f"coopnets.{name}: expected > 0, found {getattr(self, name)}")
        if self.persistent_chains > self.chains:
            raise CoopError("coopnets.persistent_chains: expected ≤ coopnets.chains")
        if not 0 <= self.restart <= 1:
            raise CoopError(f"coopnets.restart: expected a number in [0, 1], found {self.restart}")


def train_step(
    f: Descriptor,
    g: nn.Module,
    optimise: Optimise,
    chains: ChainPool,
    examples: Callable[[], Tensor],
    latent_shape: tuple[int, ...],
    config: CoopNetsConfig,
    rng: torch.Generator,
    step: int = 0,
) -> Figures:
    """One iteration of Algorithm 1.

    Parameters
    ----------
    f, g, optimise
        The networks, and how they take a step on a loss.
    chains
        The persistent chains.
    examples
        Gives a fresh batch of training examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    rng
        Source of z and of all noise, on the networks' device.
    step
        Number of the iteration; only the gradient penalty's turn depends on it.
    """
    # Step G0: ẑ ~ N(0, I), x̂ = g(ẑ) + ε.
    z_draft = normal((config.chains, *latent_shape), rng)
    with torch.no_grad():
        x_draft = g(z_draft)
        if config.draft_noise:
            x_draft = x_draft + config.draft_noise * normal(x_draft.shape, rng)

    # Step D1: revise x̂ to x̃ by l_p Langevin steps on the descriptor's energy, equation (4).
    persistent = chains.draw(config.persistent_chains, rng)
    start = x_draft if persistent is None else torch.cat([x_draft, persistent[1]])
    with frozen(f):
        revision = revise(f, start, config.langevin, rng)
    x_model, x_revised = revision.x, revision.x[: config.chains]
    if persistent is not None:
        places, gone_on = persistent[0], x_model[config.chains :]
        chains.put_back(places, gone_on, x_revised[: len(places)], config.restart, rng)
    chains.fill(x_revised)

    # Step G1: infer z of x̃ from ẑ by l_q Langevin steps, equation (9); l_q = 0 keeps ẑ.
    z = infer(g, z_draft, x_revised, config, rng)

    # Step D2: θ ← θ + γ (mean ∂f(x) − mean ∂f(x̃)), equation (5); γ takes up the gain of f.
    for _ in range(config.descriptor_updates):
        x = examples()
        learned = contrast(f, x, x_model, config.contrast, step)
        optimise(learned.loss, "descriptor")

    # Step G2: α ← α + γ mean ∂ log q(z, x̃), equation (10).
    residuals = []
    for _ in range(config.generator_updates):
        residual = (x_revised - g(z)).square()
        optimise(residual.flatten(1).sum(1).mean() / (2 * config.sigma**2), "generator")
        residuals.append(residual.detach().mean().sqrt())

    saturation, relative_contrast = shape_of_samples(x_model, x_revised, x)
    return Figures(
        f_data=learned.f_data.mean().item(),
        f_model=learned.f_model.mean().item(),
        revision=(x_revised - x_draft).square().mean().sqrt().item(),
        reconstruction=residuals[0].item(),
        drift=revision.drift,
        acceptance=revision.acceptance,
        saturation=saturation,
        contrast=relative_contrast,
    )


def infer(
    g: nn.Module, z: Tensor, x: Tensor, config: CoopNetsConfig, rng: torch.Generator
) -> Tensor:
    """Step G1: Langevin inference of z given x on −log q(z, x), equation (9)."""
    if config.latent_steps == 0:
        return z
    steps, step_size = config.latent_steps, config.latent_step_size
    return infer_latents(g, z, x, config.sigma, rng, steps=steps, step_size=step_size)
