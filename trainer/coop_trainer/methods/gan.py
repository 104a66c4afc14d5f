"""The generative adversarial network, a peer that the papers compare with.

Goodfellow et al., NIPS 2014, with the non-saturating loss and the settings of DCGAN (Radford,
Metz, Chintala, ICLR 2016). The discriminator's logit is the network that other methods call
descriptor, without its gain.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..chance import normal
from ..contrast import slope
from ..figures import Figures, shape_of_samples
from ..langevin import frozen
from ..nets import Descriptor
from ..optimise import Optimise

__all__ = ["GanConfig", "train_step"]


@dataclass(frozen=True)
class GanConfig:
    """Settings of the adversarial game.

    Attributes
    ----------
    samples, generator_updates
        Number of generated examples, and of generator updates, per iteration.
    gradient_penalty
        γ of the penalty ½γ E‖∂D/∂x‖² at the examples (R₁ of Mescheder, Geiger, Nowozin, ICML
        2018), without which the game need not converge; 0, DCGAN's, for none.
    """

    samples: int
    generator_updates: int
    gradient_penalty: float

    def __post_init__(self) -> None:
        if min(self.samples, self.generator_updates) < 1:
            raise CoopError("gan.samples and .generator_updates: expected ≥ 1")
        if not 0 <= self.gradient_penalty < math.inf:
            raise CoopError(f"gan.gradient_penalty: expected ≥ 0, found {self.gradient_penalty}")


def train_step(
    d: Descriptor,
    g: nn.Module,
    optimise: Optimise,
    x: Tensor,
    latent_shape: tuple[int, ...],
    config: GanConfig,
    rng: torch.Generator,
) -> Figures:
    """One step of the discriminator, then one or several of the generator.

    Parameters
    ----------
    d
        The discriminator.
    x
        The examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    """

    def draw() -> Tensor:
        x_generated: Tensor = g(normal((config.samples, *latent_shape), rng))
        return x_generated

    with torch.no_grad():
        x_generated = draw()
    real, generated = _logit(d, x), _logit(d, x_generated)
    discriminator_loss = F.softplus(-real).mean() + F.softplus(generated).mean()
    loss = discriminator_loss
    if config.gradient_penalty:
        squares = slope(lambda state: _logit(d, state), x).square().flatten(1).sum(1)
        loss = loss + 0.5 * config.gradient_penalty * squares.mean()
    optimise(loss, "descriptor")

    for _ in range(config.generator_updates):
        with frozen(d):
            generator_loss = F.softplus(-_logit(d, draw())).mean()
            optimise(generator_loss, "generator")

    saturation, contrast = shape_of_samples(x_generated, x_generated, x)
    return Figures(
        saturation=saturation,
        contrast=contrast,
        discriminator_loss=discriminator_loss.item(),
        generator_loss=generator_loss.item(),
    )


def _logit(d: Descriptor, x: Tensor) -> Tensor:
    """Give the network's own output: its sum over positions, or its mean if it weighs volumes."""
    count = math.prod(x.shape[2:]) if d.config.weighting == "one" else 1
    return d.density(x) * count
