"""Descriptor, generator and encoder with MCMC teaching on both sides.

Cui, Han: "Learning Energy-based Model via Dual-MCMC Teaching", NeurIPS 2023: the generator's
drafts are revised by signal Langevin steps as in CoopNets, and the encoder's codes of examples by
latent Langevin steps as in alternating back-propagation; generator and encoder learn from both.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..chance import normal
from ..contrast import ContrastConfig, contrast
from ..figures import Figures, shape_of_samples
from ..langevin import LangevinConfig, frozen, revise
from ..nets import Descriptor, Encoder
from ..optimise import Optimise
from ..posterior import infer_latents, root_mean_square, squared_error

__all__ = ["McmcTriangleConfig", "train_step"]


@dataclass(frozen=True)
class McmcTriangleConfig:
    """Settings of dual MCMC teaching.

    Attributes
    ----------
    samples
        Number of drafts per iteration.
    langevin
        Revision of the drafts.
    latent_steps, latent_step_size
        Of the revision of codes; 0 steps leave the encoder's draws as they are.
    sigma
        σ of the generator's residual.
    revision_weight
        Weight of ‖x̃ − g(z)‖² beside the examples' ‖x − g(z̃)‖²; 50 to 70 in published code.
        Drafts are g(z), without the residual's noise.
    contrast
        Regularisers of the descriptor.
    """

    samples: int
    langevin: LangevinConfig
    latent_steps: int
    latent_step_size: float
    sigma: float
    revision_weight: float
    contrast: ContrastConfig

    def __post_init__(self) -> None:
        if self.samples < 1 or self.latent_steps < 0:
            raise CoopError("mcmc_triangle: expected samples ≥ 1 and latent_steps ≥ 0")
        for name in ("latent_step_size", "sigma"):
            if not 0 < getattr(self, name) < math.inf:
                raise CoopError(f"mcmc_triangle.{name}: expected > 0, found {getattr(self, name)}")
        if not 0 <= self.revision_weight < math.inf:
            raise CoopError(
                f"mcmc_triangle.revision_weight: expected ≥ 0, found {self.revision_weight}"
            )


def train_step(
    f: Descriptor,
    g: nn.Module,
    q: Encoder,
    optimise: Optimise,
    x: Tensor,
    latent_shape: tuple[int, ...],
    config: McmcTriangleConfig,
    rng: torch.Generator,
    step: int = 0,
    seen: Tensor | None = None,
) -> Figures:
    """One iteration: both revisions, then one step of each network.

    Parameters
    ----------
    x
        The examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    rng
        Source of z and of all noise.
    seen
        1 where an entry of x is observed, elsewhere x is filled in; only observed entries tell
        of z and have to be reconstructed.
    """
    # Drafts x̂ = g(z), z ~ N(0, I), revised to x̃ by signal Langevin steps, CoopNets' equation (4).
    z = normal((config.samples, *latent_shape), rng)
    with torch.no_grad():
        x_draft = g(z)
        z_draft = q(x).draw(rng)
    with frozen(f):
        revision = revise(f, x_draft, config.langevin, rng)
    x_revised = revision.x

    # Codes ẑ ~ q(z|x), revised to z̃ by latent Langevin steps, ABP's equation (10).
    steps, step_size = config.latent_steps, config.latent_step_size
    z_revised = infer_latents(
        g, z_draft, x, config.sigma, rng, steps=steps, step_size=step_size, seen=seen
    )

    # The descriptor contrasts examples and revised drafts.
    learned = contrast(f, x, x_revised, config.contrast, step)
    optimise(learned.loss, "descriptor")

    # The encoder learns to say the revised codes of examples, and the z of revised drafts.
    said = q(x).log_density(z_revised).mean() + q(x_revised).log_density(z).mean()
    optimise(-said, "encoder")

    # The generator learns to draw the examples from their codes, and the revised drafts from z.
    error, absorbed = squared_error(x, g(z_revised), seen), squared_error(x_revised, g(z))
    loss = (error.mean() + config.revision_weight * absorbed.mean()) / (2 * config.sigma**2)
    optimise(loss, "generator")

    saturation, relative_contrast = shape_of_samples(x_revised, x_revised, x)
    return Figures(
        f_data=learned.f_data.mean().item(),
        f_model=learned.f_model.mean().item(),
        revision=(x_revised - x_draft).square().mean().sqrt().item(),
        code_revision=(z_revised - z_draft).square().mean().sqrt().item(),
        reconstruction=root_mean_square(error, x, seen),
        drift=revision.drift,
        acceptance=revision.acceptance,
        saturation=saturation,
        contrast=relative_contrast,
    )
