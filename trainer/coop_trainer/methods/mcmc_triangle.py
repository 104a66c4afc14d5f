"""Descriptor, generator and encoder with MCMC teaching on both sides.

Cui, Han: "Learning Energy-based Model via Dual-MCMC Teaching", NeurIPS 2023: the generator's
drafts are revised by signal Langevin steps as in CoopNets, and the encoder's codes of examples by
latent Langevin steps as in alternating back-propagation; generator and encoder learn from both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..contrast import contrast
from ..langevin import frozen, langevin
from ..nets import Descriptor, Encoder
from ..posterior import negative_log_joint, squared_error

__all__ = ["McmcTriangleConfig", "McmcTriangleFigures", "McmcTriangleLearners", "train_step"]

VALUE_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class McmcTriangleConfig:
    """Settings of dual MCMC teaching.

    Attributes
    ----------
    samples
        Number of drafts per iteration.
    langevin_steps, step_size, langevin_noise, max_drift, clamp, reference_sd
        Of the revision of drafts, as in `CoopNetsConfig`.
    latent_steps, latent_step_size
        Of the revision of codes; 0 steps leave the encoder's draws as they are.
    sigma
        σ of the generator's residual.
    revision_weight
        Weight of ‖x̃ − g(z)‖² beside the examples' ‖x − g(z̃)‖²; 50 to 70 in published code.
    descriptor_l2, gradient_penalty
        As in `contrast`.
    """

    samples: int
    langevin_steps: int
    step_size: float
    langevin_noise: bool
    max_drift: float | None
    clamp: bool
    reference_sd: float | None
    latent_steps: int
    latent_step_size: float
    sigma: float
    revision_weight: float
    descriptor_l2: float
    gradient_penalty: float

    def __post_init__(self) -> None:
        if self.samples < 1 or min(self.langevin_steps, self.latent_steps) < 0:
            raise CoopError("mcmc_triangle: expected samples ≥ 1 and numbers of steps ≥ 0")
        for name in ("step_size", "latent_step_size", "sigma", "max_drift", "reference_sd"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise CoopError(f"mcmc_triangle.{name}: expected > 0, found {value}")
        for name in ("revision_weight", "descriptor_l2", "gradient_penalty"):
            if not 0 <= getattr(self, name) < math.inf:
                raise CoopError(f"mcmc_triangle.{name}: expected ≥ 0, found {getattr(self, name)}")


@dataclass
class McmcTriangleLearners:
    """The three networks, and how each takes a step on a loss."""

    descriptor: Descriptor
    generator: nn.Module
    encoder: Encoder
    optimise_descriptor: Callable[[Tensor], None]
    optimise_generator: Callable[[Tensor], None]
    optimise_encoder: Callable[[Tensor], None]


class McmcTriangleFigures(NamedTuple):
    """What one iteration was like; f is per sample and unit gain.

    Attributes
    ----------
    f_data, f_revised
        Mean f of the examples and of the revised drafts; their difference is the energy gap.
    revision, code_revision
        RMS change from draft to revised, and from the encoder's draw to the revised code.
    reconstruction
        RMS of x − g(z̃).
    drift
        Mean absolute Langevin drift per entry and step of the drafts' revision.
    saturation
        Share of the revised drafts' entries with |x| > 0.99.
    contrast
        Standard deviation of the revised drafts over that of the examples.
    """

    f_data: float
    f_revised: float
    revision: float
    code_revision: float
    reconstruction: float
    drift: float
    saturation: float
    contrast: float


def train_step(
    learners: McmcTriangleLearners,
    x: Tensor,
    latent_shape: tuple[int, ...],
    config: McmcTriangleConfig,
    rng: torch.Generator,
) -> McmcTriangleFigures:
    """One iteration: both revisions, then one step of each network.

    Parameters
    ----------
    x
        The examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    rng
        Source of z and of all noise.
    """
    f, g, q = learners.descriptor, learners.generator, learners.encoder

    # Drafts x̂ = g(z), z ~ N(0, I), revised to x̃ by signal Langevin steps, CoopNets' equation (4).
    z = torch.randn((config.samples, *latent_shape), generator=rng, device=rng.device)
    with torch.no_grad():
        x_draft = g(z)
        z_draft = q(x).draw(rng)
    with frozen(f):
        revision = langevin(
            lambda state: f.energy(state, config.reference_sd),
            x_draft,
            rng,
            steps=config.langevin_steps,
            step_size=config.step_size,
            noise=config.langevin_noise,
            max_drift=config.max_drift,
            clamp=VALUE_RANGE if config.clamp else None,
        )
    x_revised = revision.x

    # Codes ẑ ~ q(z|x), revised to z̃ by latent Langevin steps, ABP's equation (10).
    with frozen(g):
        z_revised = langevin(
            negative_log_joint(g, x, config.sigma),
            z_draft,
            rng,
            steps=config.latent_steps,
            step_size=config.latent_step_size,
        ).x

    # The descriptor contrasts examples and revised drafts.
    learned = contrast(
        f, x, x_revised, l2=config.descriptor_l2, gradient_penalty=config.gradient_penalty
    )
    learners.optimise_descriptor(learned.loss)

    # The encoder learns to say the revised codes of examples, and the z of revised drafts.
    said = q(x).log_density(z_revised).mean() + q(x_revised).log_density(z).mean()
    learners.optimise_encoder(-said)

    # The generator learns to draw the examples from their codes, and the revised drafts from z.
    error, absorbed = squared_error(x, g(z_revised)), squared_error(x_revised, g(z))
    loss = (error.mean() + config.revision_weight * absorbed.mean()) / (2 * config.sigma**2)
    learners.optimise_generator(loss)

    return McmcTriangleFigures(
        f_data=learned.f_data.mean().item(),
        f_revised=learned.f_model.mean().item(),
        revision=(x_revised - x_draft).square().mean().sqrt().item(),
        code_revision=(z_revised - z_draft).square().mean().sqrt().item(),
        reconstruction=math.sqrt(error.mean().item() / x[0].numel()),
        drift=revision.drift,
        saturation=(x_revised.abs() > 0.99).float().mean().item(),
        contrast=(x_revised.std() / x.std()).item(),
    )
