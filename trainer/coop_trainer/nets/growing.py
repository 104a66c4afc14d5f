"""Networks that grow with their pictures: entered, or left, in the middle until they are whole.

Karras, Aila, Laine, Lehtinen: "Progressive Growing of GANs for Improved Quality, Stability, and
Variation", ICLR 2018, section 2, as the divergence triangle (Han et al., 2018, section 4.1.3)
takes it over for descriptor, generator and encoder: 1×1 convolutions between colours and features
at every size, and a new level that is blended in linearly.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from . import descriptor, encoder
from .descriptor import Descriptor, DescriptorConfig
from .encoder import Encoder, EncoderConfig
from .generator import Generator, GeneratorConfig
from .layers import avg_pool, initialise
from .shapes import Layer

__all__ = [
    "Growing",
    "GrowingDescriptor",
    "GrowingEncoder",
    "GrowingGenerator",
    "Stage",
    "blended",
    "doubled",
    "halved",
]


class Stage(NamedTuple):
    """How far a network has grown.

    Attributes
    ----------
    level
        Number of the finest level in use; 0 is the smallest size, each further one doubles it.
    blend
        α in [0, 1], weight of that level beside what there was before it; 1 without a level below.
    """

    level: int
    blend: float = 1.0


class Growing(nn.Module):
    """What growing networks have in common: a plain network of which a stage is in use.

    Attributes
    ----------
    stages
        Number of sizes.
    stage
        The one in use; the whole network at first.
    strides
        Of the stage, as of a plain network.
    """

    strides: tuple[int, ...]

    def _whole(self, levels: int) -> None:
        """Note that the network, as built, has so many levels above the smallest."""
        self.stages, self.largest = levels + 1, self.strides
        self.grow(Stage(levels))

    def grow(self, stage: Stage) -> None:
        """Use the network up to this stage."""
        self.stage = stage
        self.strides = tuple(n >> (self.stages - 1 - stage.level) for n in self.largest)
        for part in self.modules():
            if isinstance(part, _Column):
                part.stage = stage


class GrowingGenerator(Growing, Generator):
    """A generator that draws small pictures first: it is left after the levels in use.

    The last layer must be 1×1, with stride 1, and strides above the first level 1 or 2: a level
    of growth begins with the layer that doubles the size. Noise enters at the first level only.

    Examples
    --------
    >>> from coop_trainer.nets import Draw
    >>> config = GeneratorConfig(levels=(Layer(8, 4, 4), Layer(8, 4, 2), Layer(4, 4, 2)),
    ...     draw=Draw(1), latents=(5, 0, 0), upsampling="transposed", padding="zeros",
    ...     activation="leaky_relu", norm=True, calibrated=False, init_sd=None)
    >>> g = GrowingGenerator(config, channels=3, dims=2)
    >>> [g(torch.zeros(1, 5, 1, 1)).shape[2] for k in range(g.stages) if not g.grow(Stage(k))]
    [4, 8, 16]
    """

    def __init__(self, config: GeneratorConfig, *, channels: int, dims: int) -> None:
        super().__init__(config, channels=channels, dims=dims)
        doubling = _twofold("generator.levels", config.levels, range(1, len(config.levels)))
        if not _is_projection(Layer(channels, *config.draw)):
            raise CoopError("generator.draw: growth needs a 1×1 layer, [1, 1]")
        if any(config.latents[1:]) or config.calibrated or config.one_size:
            raise CoopError(
                "generator: growth needs noise at the first level only, calibrated = false, and "
                "no layer with extra"
            )
        self.stops = (*doubling, len(config.levels))
        fans = [config.levels[stop - 1].filters for stop in self.stops]
        way = config.way(len(config.levels))
        self.draws = nn.ModuleList(
            self._convolution(fan, Layer(channels, 1), way) for fan in fans[:-1]
        )
        if config.init_sd is not None:
            initialise(self.draws, config.init_sd)
        self._whole(len(doubling))

    def forward(self, z: Tensor) -> Tensor:
        """Give g(z), of the size of the stage."""
        level, blend = self.stage
        if blend == 1:
            return self._drawn(level, self._rise(z, 0, self.stops[level]))
        before, stop = self.stops[level - 1 : level + 1]
        h = self._rise(z, 0, before)
        old = doubled(self._drawn(level - 1, h))
        return blended(old, self._drawn(level, self._rise(h, before, stop)), blend)

    def _rise(self, h: Tensor, start: int, stop: int) -> Tensor:
        for number in range(start, stop):
            h = self.levels[number](self._wider(h, number))
        return h

    def _drawn(self, level: int, h: Tensor) -> Tensor:
        draw = self.draw if level == len(self.draws) else self.draws[level]
        return torch.tanh(draw(h))


class GrowingDescriptor(Growing, Descriptor):
    """A descriptor that judges small pictures first: they enter at the levels in use.

    It has one branch. The first layer must be 1×1 with stride 1, strides between it and the last
    layer 1 or 2: a level of growth ends with the layer that halves the size.

    Examples
    --------
    >>> from coop_trainer.nets import Branch
    >>> config = DescriptorConfig(
    ...     (Branch(1, (Layer(4, 1), Layer(8, 4, 2), Layer(8, 4, 2), Layer(1, 4, 4))),),
    ...     activation="silu", last_activation=False, norm=False, head="sum", weighting="volume",
    ...     standardise="off", band=0, gain=1, init_gain=1, head_init=1, init_sd=None)
    >>> f = GrowingDescriptor(config, channels=3, dims=2)
    >>> f.grow(Stage(1, 0.5))
    >>> f.strides, f(torch.zeros(2, 3, 8, 8)).shape
    ((8, 8), torch.Size([2]))
    """

    def __init__(self, config: DescriptorConfig, *, channels: int, dims: int) -> None:
        super().__init__(config, channels=channels, dims=dims)
        if len(config.branches) != 1 or config.branches[0].pool != 1:
            raise CoopError("descriptor.branches: growth needs one branch, with pool = 1")
        layers = config.branches[0].layers
        halving = _halving("descriptor.branches: layers", layers[:-1])
        entrances = [
            nn.Sequential(*descriptor.block(dims, channels, Layer(layers[n].filters, 1), config))
            for n in reversed(halving)
        ]
        self.columns[0] = _Column(cast(nn.Sequential, self.columns[0]), entrances, halving)
        if config.init_sd is not None:
            initialise(self.columns, config.init_sd)
        self._whole(len(halving))


class GrowingEncoder(Growing, Encoder):
    """An encoder of small pictures first: they enter at the levels in use, as in a descriptor."""

    def __init__(
        self, config: EncoderConfig, *, channels: int, latent_channels: int, dims: int
    ) -> None:
        super().__init__(config, channels=channels, latent_channels=latent_channels, dims=dims)
        halving = _halving("encoder.layers", config.layers)
        entrances = [
            nn.Sequential(
                *encoder.block(dims, channels, Layer(config.layers[n].filters, 1), config)
            )
            for n in reversed(halving)
        ]
        self.body = _Column(cast(nn.Sequential, self.body), entrances, halving)
        if config.init_sd is not None:
            initialise(self.body, config.init_sd)
        self._whole(len(halving))


class _Column(nn.Module):
    """A bottom-up column that pictures of every size may enter, each by its own 1×1 layer.

    Parameters
    ----------
    whole
        The plain column, whose first layer is the entrance of the largest size.
    entrances
        Of the other sizes, smallest first.
    halving
        Numbers of the layers that halve the size, first to last.
    """

    def __init__(
        self, whole: nn.Sequential, entrances: Sequence[nn.Module], halving: Sequence[int]
    ) -> None:
        super().__init__()
        layers = _by_layer(whole)
        bounds = [1, *(1 + n for n in halving), len(layers)]
        self.entrances = nn.ModuleList([*entrances, layers[0]])
        self.levels = nn.ModuleList(
            nn.Sequential(*layers[start:stop])
            for start, stop in reversed(list(itertools.pairwise(bounds)))
        )
        self.stage = Stage(len(halving))

    def forward(self, x: Tensor) -> Tensor:
        level, blend = self.stage
        h: Tensor = self.entrances[level](x)
        if blend < 1:
            h = blended(self.entrances[level - 1](halved(x)), self.levels[level](h), blend)
            level -= 1
        for below in range(level, -1, -1):
            h = self.levels[below](h)
        return h


def blended(old: Tensor, new: Tensor, blend: float) -> Tensor:
    """Give (1 − α) old + α new."""
    return (1 - blend) * old + blend * new


def halved(x: Tensor) -> Tensor:
    """Average blocks of two samples along every axis of x (batch, channels, …)."""
    return avg_pool(x, 2)


def doubled(x: Tensor) -> Tensor:
    """Repeat every sample along every axis of x (batch, channels, …)."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _halving(where: str, layers: Sequence[Layer]) -> list[int]:
    """Give the numbers of the layers that halve the size; the first must be 1×1."""
    if not layers or not _is_projection(layers[0]):
        raise CoopError(f"{where}: growth needs a 1×1 layer first, such as [16, 1, 1]")
    return _twofold(where, layers, range(1, len(layers)))


def _twofold(where: str, layers: Sequence[Layer], numbers: Sequence[int]) -> list[int]:
    """Of these numbers, give those of the layers with stride 2; others must have stride 1."""
    for n in numbers:
        if layers[n].stride not in (1, 2) or layers[n].extra:
            raise CoopError(
                f"{where}[{n}]: growth needs strides of 1 or 2 above the smallest size, and no "
                f"extra; found {list(layers[n])}"
            )
    return [n for n in numbers if layers[n].stride == 2]


def _is_projection(layer: Layer) -> bool:
    return (layer.kernel, layer.stride) == (1, 1)


def _by_layer(column: nn.Sequential) -> list[nn.Sequential]:
    """Split a column before each convolution."""
    layers: list[list[nn.Module]] = []
    for part in column:
        weight = getattr(part, "weight", None)
        if isinstance(weight, Tensor) and weight.dim() > 2:
            layers.append([])
        layers[-1].append(part)
    return [nn.Sequential(*parts) for parts in layers]
