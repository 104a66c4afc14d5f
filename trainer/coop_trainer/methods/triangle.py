"""The divergence triangle: energy-based model, generator and encoder, without MCMC.

Algorithm 1 and equations (13)–(18) of Han, Nijkamp, Fang, Hill, Zhu, Wu: "Divergence Triangle
for Joint Training of Generator Model, Energy-based Model, and Inferential Model", 2018. With its
energy switched off it is the variational auto-encoder, `methods.vae`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..chance import normal
from ..contrast import ContrastConfig, contrast
from ..figures import Figures, shape_of_samples
from ..langevin import LangevinConfig, frozen
from ..nets import Descriptor, Encoder
from ..optimise import Optimise
from ..posterior import root_mean_square, squared_error

__all__ = ["TriangleConfig", "train_step"]


@dataclass(frozen=True)
class TriangleConfig:
    """Settings of the divergence triangle.

    Attributes
    ----------
    samples
        M̃, number of generated examples per iteration.
    sigma
        σ of the generator's residual; published code has σ² = ½.
    generator_updates
        Number of θ-steps per iteration (line 9 of Algorithm 1).
    energy
        Weight of the energy in KL(P‖Π); 0 makes a variational auto-encoder.
    dream
        Weight of −log q(z|x̃) in KL(P‖Π); 1 in the paper, 0.1 in published code.
    contrast
        Regularisers of the α-step, not in the paper.
    langevin
        How the learned energy revises drafts afterwards; learning takes no Langevin steps, but
        minds its reference distribution, where the paper has the uniform one.
    """

    samples: int
    sigma: float
    generator_updates: int
    energy: float
    dream: float
    contrast: ContrastConfig
    langevin: LangevinConfig

    def __post_init__(self) -> None:
        if min(self.samples, self.generator_updates) < 1:
            raise CoopError("triangle.samples and .generator_updates: expected ≥ 1")
        if not 0 < self.sigma < math.inf:
            raise CoopError(f"triangle.sigma: expected > 0, found {self.sigma}")
        for name in ("energy", "dream"):
            if not 0 <= getattr(self, name) < math.inf:
                raise CoopError(f"triangle.{name}: expected ≥ 0, found {getattr(self, name)}")


def train_step(
    f: Descriptor,
    g: nn.Module,
    q: Encoder,
    optimise: Optimise,
    x: Tensor,
    latent_shape: tuple[int, ...],
    config: TriangleConfig,
    rng: torch.Generator,
    step: int = 0,
    seen: Tensor | None = None,
) -> Figures:
    """One iteration of Algorithm 1: three steps on the same batch, in the paper's order.

    Parameters
    ----------
    x
        The examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    rng
        Source of z, of z̃ and of nothing else: x̃ is g(z), without the residual's noise.
    step
        Number of the iteration; only the gradient penalty's turn depends on it.
    seen
        1 where an entry of x is observed, elsewhere x is filled in; only observed entries have
        to be reconstructed.
    """
    z = normal((config.samples, *latent_shape), rng)
    with torch.no_grad():
        x_generated = g(z)

    # α-step: ascend E_data f(x) − E_P f(x̃), equation (17).
    learned = None
    if config.energy:
        learned = contrast(f, x, x_generated, config.contrast, step)
        optimise(learned.loss, "descriptor")

    # φ-step: descend KL(Q‖P), the variational bound of (14), and KL(P‖Π)'s −log q(z|x̃), (18).
    with frozen(g):
        code = q(x)
        z_code = code.draw(rng)
        bound = squared_error(x, g(z_code), seen) / (2 * config.sigma**2) + code.divergence()
        dream = -q(x_generated).log_density(z)
    optimise(bound.mean() + config.dream * dream.mean(), "encoder")

    # θ-step: descend the reconstruction of KL(Q‖P), and KL(P‖Π) = −f(x̃) − log q(z|x̃) + constant.
    z_code = z_code.detach()
    for _ in range(config.generator_updates):
        error = squared_error(x, g(z_code), seen)
        loss = error.mean() / (2 * config.sigma**2)
        if config.energy or config.dream:
            with frozen(f, q):
                x_again = g(z)
                loss = loss + config.energy * f.energy(x_again, config.langevin.reference_sd).mean()
                loss = loss - config.dream * q(x_again).log_density(z).mean()
        optimise(loss, "generator")

    saturation, relative_contrast = shape_of_samples(x_generated, x_generated, x)
    return Figures(
        f_data=None if learned is None else learned.f_data.mean().item(),
        f_model=None if learned is None else learned.f_model.mean().item(),
        reconstruction=root_mean_square(error, x, seen),
        divergence=code.divergence().mean().item(),
        saturation=saturation,
        contrast=relative_contrast,
    )
