"""The generator: a top-down network x = g(z) + ε, z ~ N(0, I), ε ~ N(0, σ²I) (eq. 6)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .latents import unpack_latents
from .layers import Activation, activation, batch_norm, conv, initialise, upward
from .shapes import (
    Draw,
    Layer,
    Way,
    check_layer,
    check_sd,
    per_axis,
    reach_up,
    span,
)

__all__ = ["Generator", "GeneratorConfig"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Shape of a generator.

    Attributes
    ----------
    levels
        Each level, coarsest first. A first level with kernel = stride > 1 is DCGAN's projection
        of z, a fully connected layer, whatever the up-sampling.
    draw
        Kernel and stride of the last layer, which draws the signal.
    latents
        Channels of fresh Gaussian noise that enter at each level; the first must be ≥ 1.
    upsampling
        ``"nearest"``: every layer up-samples by its stride, by repetition, and convolves.
        ``"transposed"``: every layer is a transposed convolution of its stride (DCGAN).
    padding
        ``"circular"``: what is drawn can be tiled; or ``"zeros"``. Transposed levels: zeros.
    activation
        After every level but the last, which has tanh.
    norm
        Batch normalisation before the activation.
    calibrated
        Start with drafts of the mean and half the contrast of the training pictures
        (`Generator.calibrate`); ``nearest`` only.
    init_sd
        Weights start from N(0, init_sd²) and biases from 0; None for torch's own.
    amplitude
        Factor before the tanh: ``"one"``, or ``"data"``, the standard deviation of the training
        data, so that weights are of order one for signals that are faint beside their peaks.
    """

    levels: tuple[Layer, ...]
    draw: Draw
    latents: tuple[int, ...]
    upsampling: Literal["nearest", "transposed"]
    padding: Literal["circular", "zeros"]
    activation: Activation
    norm: bool
    calibrated: bool
    init_sd: float | None
    amplitude: Literal["one", "data"] = "one"

    def __post_init__(self) -> None:
        if not self.levels or len(self.levels) != len(self.latents):
            raise CoopError("generator.levels and .latents: expected as many of each, ≥ 1")
        if self.latents[0] < 1 or min(self.latents) < 0:
            raise CoopError("generator.latents: expected ≥ 1 at the first level, then ≥ 0")
        for number, level in enumerate(self.levels):
            check_layer(f"generator.levels[{number}]", level, self.way(number))
        check_layer("generator.draw", Layer(1, *self.draw), self.way(len(self.levels)))
        check_sd("generator.init_sd", self.init_sd)
        if self.one_size and any(self.latents[1:]):
            raise CoopError("generator.latents: with extra, expected noise at the first level only")
        if self.calibrated and self.upsampling == "transposed":
            raise CoopError("generator.calibrated: needs upsampling = 'nearest'")

    def way(self, number: int) -> Way:
        """How a level widens, or the last layer: a transposed convolution, or by repetition."""
        first = number == 0 and self.levels[0].kernel == self.levels[0].stride != 1
        return "up" if first or self.upsampling == "transposed" else "nearest"

    @property
    def one_size(self) -> bool:
        """Whether only one cell makes a whole signal: some level has ``extra``."""
        return any(level.extra for level in self.levels)

    def scales(self, dims: int) -> tuple[tuple[int, ...], ...]:
        """Give the size of each level's noise along each axis, per latent cell.

        Noise enters a nearest level after the up-sampling, but for the first, and a transposed
        one before.
        """
        count = len(self.levels)
        ends = range(count) if self.upsampling == "transposed" else (0, *range(2, count + 1))
        return tuple(span(self.levels[:end], dims) for end in ends)


class Generator(nn.Module):
    """g(z) in [−1, 1], shape (batch, channels, strides·h, …), of z (batch, latent_channels, h, …).

    z holds the noise of all levels, packed at the coarsest size (`pack_latents`), so that the
    papers' algorithms see one tensor with prior N(0, I). ``strides``: the samples along each
    axis that one cell of z makes.

    Examples
    --------
    >>> config = GeneratorConfig(levels=(Layer(8, 3), Layer(4, 3, 2)), draw=Draw(3),
    ...     latents=(2, 1), upsampling="nearest", padding="circular", activation="leaky_relu",
    ...     norm=True, calibrated=False, init_sd=None)
    >>> g = Generator(config, channels=1, dims=2)
    >>> g.latent_channels, g.strides, g(torch.zeros(5, 6, 4, 3)).shape
    (6, (2, 2), torch.Size([5, 1, 8, 6]))
    >>> g.latent_shape((8, 6))
    (6, 4, 3)
    """

    def __init__(self, config: GeneratorConfig, *, channels: int, dims: int) -> None:
        super().__init__()
        self.config, self.channels, self.dims = config, channels, dims
        self.transposed = config.upsampling == "transposed"
        draw = Layer(channels, *config.draw)
        self.strides = span((*config.levels, draw), dims)
        self.scales = config.scales(dims)
        self.latent_channels = sum(
            noise * math.prod(scale)
            for noise, scale in zip(config.latents, self.scales, strict=True)
        )
        below = (0, *(level.filters for level in config.levels))
        self.levels = nn.ModuleList(
            self._level(noise + fan, level, config.way(number))
            for number, (noise, fan, level) in enumerate(
                zip(config.latents, below, config.levels, strict=False)
            )
        )
        self.draw = self._convolution(below[-1], draw, config.way(len(config.levels)))
        if config.init_sd is not None:
            initialise(self, config.init_sd)
        self.amplitude: Tensor
        self.register_buffer("amplitude", torch.ones(()))

    def cells(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Give the latent cells along each axis of a signal of that size.

        Raises
        ------
        CoopError
            No number of cells makes that size.
        """
        fits = len(size) == self.dims and all(
            n >= s and n % s == 0 for n, s in zip(size, self.strides, strict=False)
        )
        if not fits or (self.config.one_size and size != self.strides):
            wanted = "exactly" if self.config.one_size else "a multiple of the generator's strides"
            raise CoopError(
                f"signals of {_by(size)} samples: expected {wanted} {_by(self.strides)}; "
                "crop or resize them"
            )
        return tuple(n // s for n, s in zip(size, self.strides, strict=True))

    def latent_shape(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape of one example's z for a signal of that size; errors as `cells`."""
        return (self.latent_channels, *self.cells(size))

    @property
    def reach(self) -> tuple[int, ...]:
        """The cells on either side of a cell on which the samples that it makes depend."""
        layers = (*self.config.levels, Layer(self.channels, *self.config.draw))
        ways = [self.config.way(number) for number in range(len(layers))]
        return reach_up(layers, self.dims, ways)

    @property
    def wraps(self) -> bool:
        """Whether what is drawn continues into itself: circular padding."""
        return not self.transposed and self.config.padding == "circular"

    def calibrate(self, pictures: Sequence[Tensor]) -> None:
        """Set amplitude and last layer from pictures in [−1, 1], each (channels, height, …)."""
        flat = torch.cat([p.flatten(1) for p in pictures], 1)
        if self.config.amplitude == "data":
            self.amplitude.fill_(flat.std())
        if not self.config.calibrated:
            return
        weight, bias = cast(Tensor, self.draw.weight), cast(Tensor, self.draw.bias)
        with torch.no_grad():
            spread = 0.5 * flat.std().item() / self.amplitude.item()
            nn.init.normal_(weight, 0, spread / math.sqrt(weight[0].numel()))
            bias.copy_(torch.atanh(flat.mean(1).clamp(-0.99, 0.99)) / self.amplitude)

    def forward(self, z: Tensor) -> Tensor:
        """Give g(z)."""
        noises = unpack_latents(z, self.config.latents, self.scales)
        h = noises[0]
        for number, (level, noise) in enumerate(zip(self.levels, noises, strict=True)):
            h = self._wider(h, number)
            if number and self.config.latents[number]:
                h = torch.cat([h, noise], 1)
            h = level(h)
        drawn = self.draw(self._wider(h, len(self.levels))).float()
        return torch.tanh(drawn * self.amplitude if self.config.amplitude == "data" else drawn)

    def _wider(self, h: Tensor, number: int) -> Tensor:
        """Repeat samples for the level of that number, or for the last layer, by its stride.

        Transposed convolutions widen by themselves.
        """
        levels = self.config.levels
        stride = levels[number].stride if number < len(levels) else self.config.draw.stride
        factors = per_axis(stride, self.dims)
        if self.config.way(number) == "up" or max(factors) == 1:
            return h
        return F.interpolate(h, scale_factor=[float(n) for n in factors], mode="nearest")

    def _level(self, fan: int, layer: Layer, way: Way) -> nn.Sequential:
        norm = [batch_norm(self.dims, layer.filters)] if self.config.norm else []
        return nn.Sequential(
            self._convolution(fan, layer, way), *norm, activation(self.config.activation)
        )

    def _convolution(self, fan: int, layer: Layer, way: Way) -> nn.Module:
        if way == "up":
            return upward(self.dims, fan, layer)
        kernel = per_axis(layer.kernel, self.dims)
        return conv(
            self.dims,
            fan,
            layer.filters,
            kernel_size=kernel,
            padding=tuple(k // 2 for k in kernel),
            padding_mode=self.config.padding,
        )


def _by(size: tuple[int, ...]) -> str:
    return "×".join(map(str, size))
