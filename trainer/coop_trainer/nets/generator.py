"""The generator: a top-down network x = g(z) + ε, z ~ N(0, I), ε ~ N(0, σ²I) (eq. 6)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .layers import Activation, activation, batch_norm, conv, transposed_conv

__all__ = ["Generator", "GeneratorConfig", "pack_latents", "unpack_latents"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Shape of a generator.

    Attributes
    ----------
    channels
        Channels of each level, coarsest first; each level doubles the size of the one before.
    latents
        Channels of fresh Gaussian noise that enter at each level; the first must be ≥ 1.
    kernel
        Kernel of every level.
    upsampling
        ``"nearest"``: level l convolves at 2ˡ times the latent size, the first without
        up-sampling, and a last convolution draws the signal. ``"transposed"``: every level, and
        the last one that draws the signal, is a transposed convolution of stride 2 (DCGAN).
    padding
        ``"circular"``: what is drawn can be tiled; or ``"zeros"``. Transposed levels: zeros.
    activation
        After every level but the last, which has tanh.
    norm
        Batch normalisation before the activation.
    calibrated
        Start with drafts of the mean and half the contrast of the training pictures
        (`Generator.calibrate`); ``nearest`` only.
    """

    channels: tuple[int, ...]
    latents: tuple[int, ...]
    kernel: int
    upsampling: Literal["nearest", "transposed"]
    padding: Literal["circular", "zeros"]
    activation: Activation
    norm: bool
    calibrated: bool

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.latents) or min(self.channels, default=0) < 1:
            raise CoopError("generator.channels and .latents: expected as many of each, ≥ 1")
        if self.latents[0] < 1 or min(self.latents) < 0:
            raise CoopError("generator.latents: expected ≥ 1 at the first level, then ≥ 0")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise CoopError(f"generator.kernel: expected an odd number, found {self.kernel}")
        if self.calibrated and self.upsampling == "transposed":
            raise CoopError("generator.calibrated: needs upsampling = 'nearest'")


class Generator(nn.Module):
    """g(z) in [−1, 1], shape (batch, channels, stride·h, …), of z (batch, latent_channels, h, …).

    z holds the noise of all levels, packed at the coarsest size (`pack_latents`), so that the
    papers' algorithms see one tensor with prior N(0, I).

    Examples
    --------
    >>> config = GeneratorConfig(channels=(8, 4), latents=(2, 1), kernel=3, upsampling="nearest",
    ...     padding="circular", activation="leaky_relu", norm=True, calibrated=False)
    >>> g = Generator(config, channels=1, dims=2)
    >>> g.latent_channels, g.stride, g(torch.zeros(5, 6, 4, 3)).shape
    (6, 2, torch.Size([5, 1, 8, 6]))
    """

    def __init__(self, config: GeneratorConfig, *, channels: int, dims: int) -> None:
        super().__init__()
        self.config, self.channels, self.dims = config, channels, dims
        self.transposed = config.upsampling == "transposed"
        self.stride = 2 ** (len(config.channels) + (1 if self.transposed else -1))
        sizes = [c * 2 ** (level * dims) for level, c in enumerate(config.latents)]
        self.latent_channels = sum(sizes)
        below = (0, *config.channels)
        self.levels = nn.ModuleList(
            self._level(noise + fan, width)
            for noise, fan, width in zip(config.latents, below, config.channels, strict=False)
        )
        self.draw = self._convolution(config.channels[-1], channels)

    def calibrate(self, pictures: Sequence[Tensor]) -> None:
        """Set the last layer from pictures in [−1, 1], each (channels, height, …)."""
        if not self.config.calibrated:
            return
        flat = torch.cat([p.flatten(1) for p in pictures], 1)
        weight, bias = cast(Tensor, self.draw.weight), cast(Tensor, self.draw.bias)
        with torch.no_grad():
            nn.init.normal_(weight, 0, 0.5 * flat.std().item() / math.sqrt(weight[0].numel()))
            bias.copy_(torch.atanh(flat.mean(1).clamp(-0.99, 0.99)))

    def forward(self, z: Tensor) -> Tensor:
        """Give g(z)."""
        noises = unpack_latents(z, self.config.latents)
        h = noises[0]
        for number, (level, noise) in enumerate(zip(self.levels, noises, strict=True)):
            if number:
                if not self.transposed:
                    h = F.interpolate(h, scale_factor=2.0, mode="nearest")
                h = h if self.config.latents[number] == 0 else torch.cat([h, noise], 1)
            h = level(h)
        return torch.tanh(self.draw(h))

    def _level(self, fan: int, width: int) -> nn.Sequential:
        norm = [batch_norm(self.dims, width)] if self.config.norm else []
        return nn.Sequential(
            self._convolution(fan, width), *norm, activation(self.config.activation)
        )

    def _convolution(self, fan: int, width: int) -> nn.Module:
        kernel, mode = self.config.kernel, self.config.padding
        if not self.transposed:
            return conv(self.dims, fan, width, kernel, padding=kernel // 2, padding_mode=mode)
        return transposed_conv(
            self.dims, fan, width, kernel, stride=2, padding=kernel // 2, output_padding=1
        )


def unpack_latents(z: Tensor, latents: tuple[int, ...]) -> list[Tensor]:
    """Split z into the noise of each level: (batch, latents[l], 2ˡh, …); see `pack_latents`."""
    dims = z.dim() - 2
    sizes = [c * 2 ** (level * dims) for level, c in enumerate(latents)]
    return [
        _depth_to_space(part, 2**level)
        for level, part in enumerate(z.split_with_sizes(sizes, dim=1))
    ]


def pack_latents(noises: list[Tensor]) -> Tensor:
    """Join the noise of all levels in one tensor at the coarsest size (space to depth).

    Examples
    --------
    >>> z = torch.randn(2, 3 + 2 * 4, 5, 6)
    >>> torch.equal(pack_latents(unpack_latents(z, (3, 2))), z)
    True
    """
    return torch.cat([_space_to_depth(part, 2**level) for level, part in enumerate(noises)], 1)


def _depth_to_space(x: Tensor, factor: int) -> Tensor:
    """(batch, c·factor^dims, h, …) to (batch, c, factor·h, …)."""
    if factor == 1:
        return x
    dims, sizes = x.dim() - 2, x.shape[2:]
    x = x.reshape(x.shape[0], -1, *[factor] * dims, *sizes)
    order = [axis for k in range(dims) for axis in (2 + dims + k, 2 + k)]
    return x.permute(0, 1, *order).reshape(x.shape[0], x.shape[1], *(factor * s for s in sizes))


def _space_to_depth(x: Tensor, factor: int) -> Tensor:
    """Undo `_depth_to_space`."""
    if factor == 1:
        return x
    dims, sizes = x.dim() - 2, [s // factor for s in x.shape[2:]]
    x = x.reshape(x.shape[0], x.shape[1], *(n for s in sizes for n in (s, factor)))
    order = [*range(3, 3 + 2 * dims, 2), *range(2, 2 + 2 * dims, 2)]
    return x.permute(0, 1, *order).reshape(x.shape[0], -1, *sizes)
