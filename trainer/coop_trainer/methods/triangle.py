"""The divergence triangle: energy-based model, generator and encoder, without MCMC.

Algorithm 1 and equations (13)–(18) of Han, Nijkamp, Fang, Hill, Zhu, Wu: "Divergence Triangle
for Joint Training of Generator Model, Energy-based Model, and Inferential Model", 2018. With its
energy switched off it is the variational auto-encoder, `methods.vae`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..langevin import frozen
from ..nets import Descriptor, Encoder
from ..posterior import squared_error

__all__ = ["TriangleConfig", "TriangleFigures", "TriangleLearners", "train_step"]


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
    descriptor_l2
        Weight of mean f² in the α-step, which keeps f near zero; 0 in the paper.
    """

    samples: int
    sigma: float
    generator_updates: int
    energy: float
    dream: float
    descriptor_l2: float

    def __post_init__(self) -> None:
        if min(self.samples, self.generator_updates) < 1:
            raise CoopError("triangle.samples and .generator_updates: expected ≥ 1")
        if not 0 < self.sigma < math.inf:
            raise CoopError(f"triangle.sigma: expected > 0, found {self.sigma}")
        for name in ("energy", "dream", "descriptor_l2"):
            if not 0 <= getattr(self, name) < math.inf:
                raise CoopError(f"triangle.{name}: expected ≥ 0, found {getattr(self, name)}")


@dataclass
class TriangleLearners:
    """The three networks, and how each takes a step on a loss."""

    descriptor: Descriptor
    generator: nn.Module
    encoder: Encoder
    optimise_descriptor: Callable[[Tensor], None]
    optimise_generator: Callable[[Tensor], None]
    optimise_encoder: Callable[[Tensor], None]


class TriangleFigures(NamedTuple):
    """What one iteration was like; f is per sample and unit gain.

    Attributes
    ----------
    f_data, f_generated
        Mean f of the examples and of the generated ones; their difference is the energy gap.
    reconstruction
        RMS of x − g(z̃), z̃ ~ q(z|x).
    divergence
        KL(q(z|x) ‖ p(z)) in nats per example.
    dream
        −log q(z|x̃) per latent, of generated pairs.
    """

    f_data: float
    f_generated: float
    reconstruction: float
    divergence: float
    dream: float


def train_step(
    learners: TriangleLearners,
    x: Tensor,
    latent_shape: tuple[int, ...],
    config: TriangleConfig,
    rng: torch.Generator,
) -> TriangleFigures:
    """One iteration of Algorithm 1: three steps on the same batch, in the paper's order.

    Parameters
    ----------
    x
        The examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    rng
        Source of z, of z̃ and of nothing else: x̃ is g(z), without the residual's noise.
    """
    f, g, q = learners.descriptor, learners.generator, learners.encoder
    z = torch.randn((config.samples, *latent_shape), generator=rng, device=rng.device)
    with torch.no_grad():
        x_generated = g(z)

    # α-step: ascend E_data f(x) − E_P f(x̃), equation (17).
    f_data, f_generated = f.density(x), f.density(x_generated)
    if config.energy:
        loss = f_generated.mean() - f_data.mean()
        if config.descriptor_l2:
            f_squared = f_data.square().mean() + f_generated.square().mean()
            loss = loss + config.descriptor_l2 * f_squared
        learners.optimise_descriptor(loss * math.prod(x.shape[2:]))

    # φ-step: descend KL(Q‖P), the variational bound of (14), and KL(P‖Π)'s −log q(z|x̃), (18).
    with frozen(g):
        code = q(x)
        z_code = code.draw(rng)
        bound = squared_error(x, g(z_code)) / (2 * config.sigma**2) + code.divergence()
        dream = -q(x_generated).log_density(z)
    learners.optimise_encoder(bound.mean() + config.dream * dream.mean())

    # θ-step: descend the reconstruction of KL(Q‖P), and KL(P‖Π) = −f(x̃) − log q(z|x̃) + constant.
    z_code = z_code.detach()
    for _ in range(config.generator_updates):
        error = squared_error(x, g(z_code))
        loss = error.mean() / (2 * config.sigma**2)
        if config.energy or config.dream:
            with frozen(f, q):
                x_again = g(z)
                loss = loss + config.energy * f.energy(x_again, None).mean()
                loss = loss - config.dream * q(x_again).log_density(z).mean()
        learners.optimise_generator(loss)

    return TriangleFigures(
        f_data=f_data.mean().item(),
        f_generated=f_generated.mean().item(),
        reconstruction=math.sqrt(error.mean().item() / x[0].numel()),
        divergence=code.divergence().mean().item(),
        dream=dream.mean().item() / z[0].numel(),
    )
