"""The encoder: a bottom-up network q(z|x) = N(μ(x), diag σ²(x)), with reparametrisation."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..chance import normal
from .layers import Activation, activation, batch_norm, downward, initialise
from .shapes import Draw, Layer, check_layer, check_layers, check_sd, span

__all__ = ["Code", "Encoder", "EncoderConfig"]


class Code(NamedTuple):
    """The normal distribution q(z|x) of each example's latent.

    Attributes
    ----------
    mean, log_variance
        μ(x) and log σ²(x), each of the shape of z: (batch, latent_channels, h, …).

    Examples
    --------
    >>> standard = Code(torch.zeros(1, 2, 1), torch.zeros(1, 2, 1))
    >>> standard.divergence(), standard.log_density(torch.zeros(1, 2, 1))
    (tensor([0.]), tensor([-1.8379]))
    """

    mean: Tensor
    log_variance: Tensor

    def draw(self, rng: torch.Generator) -> Tensor:
        """Draw z = μ + σn, n ~ N(0, I), differentiable in μ and σ (reparametrisation)."""
        return self.mean + (self.log_variance / 2).exp() * normal(self.mean.shape, rng)

    def log_density(self, z: Tensor) -> Tensor:
        """Give log q(z|x), shape (batch,)."""
        squares = (z - self.mean).square() * (-self.log_variance).exp()
        return -0.5 * (squares + self.log_variance + math.log(2 * math.pi)).flatten(1).sum(1)

    def divergence(self) -> Tensor:
        """Give KL(q(z|x) ‖ N(0, I)), shape (batch,)."""
        terms = self.mean.square() + self.log_variance.exp() - 1 - self.log_variance
        return 0.5 * terms.flatten(1).sum(1)


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of an encoder.

    Attributes
    ----------
    layers
        Each convolution, first to last.
    head
        Kernel and stride of the last convolution, which gives μ and log σ²: ``[1]``, or for
        codes of one cell ``[n, n]`` with n the size that the layers leave (full extent).
    activation
        After every layer but the head.
    norm
        Batch normalisation before the activation.
    init_sd
        Weights start from N(0, init_sd²) and biases from 0; None for torch's own.
    """

    layers: tuple[Layer, ...]
    head: Draw
    activation: Activation
    norm: bool
    init_sd: float | None

    def __post_init__(self) -> None:
        check_layers("encoder.layers", self.layers, "down")
        check_layer("encoder.head", Layer(1, *self.head), "down")
        check_sd("encoder.init_sd", self.init_sd)


class Encoder(nn.Module):
    """q(z|x) for x (batch, channels, …) with ``dims`` spatial axes.

    ``strides``: samples along each axis that one cell of the code stands for.

    Examples
    --------
    >>> config = EncoderConfig(layers=(Layer(8, 4, 2), Layer(8, 4, 2)), head=Draw(1),
    ...     activation="leaky_relu", norm=False, init_sd=None)
    >>> q = Encoder(config, channels=1, latent_channels=3, dims=2)
    >>> q.strides, q(torch.zeros(5, 1, 16, 8)).mean.shape
    ((4, 4), torch.Size([5, 3, 4, 2]))
    """

    def __init__(
        self, config: EncoderConfig, *, channels: int, latent_channels: int, dims: int
    ) -> None:
        super().__init__()
        head = Layer(2 * latent_channels, *config.head)
        self.strides = span((head, *reversed(config.layers)), dims)
        layers: list[nn.Module] = []
        fan = channels
        for layer in config.layers:
            layers += block(dims, fan, layer, config)
            fan = layer.filters
        self.body: nn.Module = nn.Sequential(*layers)
        self.head = downward(dims, fan, head)
        if config.init_sd is not None:
            initialise(self, config.init_sd)

    def forward(self, x: Tensor) -> Code:
        """Give q(z|x)."""
        mean, log_variance = self.head(self.body(x)).float().chunk(2, 1)
        return Code(mean, log_variance)


def block(dims: int, fan: int, layer: Layer, config: EncoderConfig) -> list[nn.Module]:
    """Build one convolution with what follows it."""
    norm = [batch_norm(dims, layer.filters)] if config.norm else []
    return [downward(dims, fan, layer), *norm, activation(config.activation)]
