"""The generative adversarial network, a peer that the papers compare with.

Goodfellow et al., NIPS 2014, with the non-saturating loss and the settings of DCGAN (Radford,
Metz, Chintala, ICLR 2016). The discriminator's logit is the network that other methods call
descriptor, without its gain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..langevin import frozen
from ..nets import Descriptor

__all__ = ["GanConfig", "GanFigures", "GanLearners", "train_step"]


@dataclass(frozen=True)
class GanConfig:
    """Settings: number of generated examples, and of generator updates, per iteration."""

    samples: int
    generator_updates: int

    def __post_init__(self) -> None:
        if min(self.samples, self.generator_updates) < 1:
            raise CoopError("gan.samples and .generator_updates: expected ≥ 1")


@dataclass
class GanLearners:
    """The two networks, and how each takes a step on a loss."""

    discriminator: Descriptor
    generator: nn.Module
    optimise_discriminator: Callable[[Tensor], None]
    optimise_generator: Callable[[Tensor], None]


class GanFigures(NamedTuple):
    """What one iteration was like.

    Attributes
    ----------
    discriminator_loss, generator_loss
        In nats; 2 log 2 and log 2 where examples and generated ones cannot be told apart.
    """

    discriminator_loss: float
    generator_loss: float


def train_step(
    learners: GanLearners,
    x: Tensor,
    latent_shape: tuple[int, ...],
    config: GanConfig,
    rng: torch.Generator,
) -> GanFigures:
    """One step of the discriminator, then one or several of the generator.

    Parameters
    ----------
    x
        The examples, shape (batch, channels, …).
    latent_shape
        Shape of one z: (latent_channels, h, …).
    """
    d, g = learners.discriminator, learners.generator

    def draw() -> Tensor:
        z: Tensor = torch.randn((config.samples, *latent_shape), generator=rng, device=rng.device)
        x_generated: Tensor = g(z)
        return x_generated

    with torch.no_grad():
        x_generated = draw()
    real, generated = _logit(d, x), _logit(d, x_generated)
    discriminator_loss = F.softplus(-real).mean() + F.softplus(generated).mean()
    learners.optimise_discriminator(discriminator_loss)

    for _ in range(config.generator_updates):
        with frozen(d):
            generator_loss = F.softplus(-_logit(d, draw())).mean()
            learners.optimise_generator(generator_loss)

    return GanFigures(discriminator_loss.item(), generator_loss.item())


def _logit(d: Descriptor, x: Tensor) -> Tensor:
    """Give the network's sum over positions."""
    logit: Tensor = d(x) / d.config.gain
    return logit
