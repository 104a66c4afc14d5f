"""The descriptor: a bottom-up network f(x); its energy is −f(x) + ‖x‖²/2s² (eq. 2).

Xie, Lu, Gao, Wu: "Cooperative Learning of Energy-Based Model and Latent Variable Model via
MCMC Teaching", AAAI 2018, section 3.1 and, for the sizes, section 5.1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .layers import (
    Activation,
    activation,
    avg_pool,
    batch_norm,
    conv,
    downward,
    halved,
    initialise,
    local_mean,
)
from .shapes import Layer, check_layers, check_sd, reach_down, span

__all__ = ["Branch", "Descriptor", "DescriptorConfig"]


@dataclass(frozen=True)
class Branch:
    """One column of convolutions on x averaged over blocks of ``pool`` samples.

    ``layers``: each convolution, first to last.
    """

    pool: int
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if self.pool < 1 or not self.layers:
            raise CoopError("descriptor.branches: expected pool ≥ 1 and at least one layer")
        check_layers("descriptor.branches: layers", self.layers, "down")

    def strides(self, dims: int) -> tuple[int, ...]:
        """Give the signal samples per output position along each axis."""
        return tuple(self.pool * n for n in span(reversed(self.layers), dims))


@dataclass(frozen=True)
class DescriptorConfig:
    """Shape and scale of a descriptor.

    Attributes
    ----------
    branches
        Columns whose outputs are summed; one with ``pool = 1`` is the papers' network.
    activation
        After every layer but a linear head.
    last_activation
        After the last layer too, when ``head`` is ``"sum"``.
    norm
        Batch normalisation before the activation, but not of the layer whose maps are summed.
        While it is trained with, f(x) depends on the other examples of the batch.
    head
        ``"sum"``: f sums the last layer's maps, as in the paper; ``"linear"``: a 1×1
        convolution to one map first.
    weighting
        ``"one"``: each position counts 1, as in the paper. ``"volume"``: each counts the
        number of samples that it stands for, so that coarse branches count as much as fine ones.
    standardise
        Shift and scale by constants so that the training pictures have mean zero and variance
        one: ``"picture"`` as they are, ``"bands"`` as every branch sees them, ``"off"`` not at
        all (`Descriptor.calibrate`).
    band
        Window of the local mean that is subtracted from the input of every branch but the
        coarsest, so that each sees its own band of scales; odd; 0 for none.
    blur
        Halve x again and again for coarse branches, blurred by [1 2 2 1] along each axis, in the
        place of averages over blocks (anti-aliased pooling, Zhang 2019): else ∇f of a coarse branch
        is the same all over each block, and chains draw the lattice of blocks.
    gain
        f is the network's sum times ``gain``. With δ the Langevin step size, gain = 2η/δ² makes
        the drift η·∇(sum): the network then works with gradients of order one.
    init_gain, head_init
        Factors on Kaiming's initial weights, of the layers and of the linear head.
    init_sd
        All weights start from N(0, init_sd²) instead; None for Kaiming's.
    """

    branches: tuple[Branch, ...]
    activation: Activation
    last_activation: bool
    norm: bool
    head: Literal["sum", "linear"]
    weighting: Literal["one", "volume"]
    standardise: Literal["off", "picture", "bands"]
    band: int
    gain: float
    init_gain: float
    head_init: float
    init_sd: float | None
    blur: bool = False

    def __post_init__(self) -> None:
        if not self.branches:
            raise CoopError("descriptor.branches: expected at least one")
        if self.band < 0 or (self.band and self.band % 2 == 0):
            raise CoopError(f"descriptor.band: expected 0 or an odd number, found {self.band}")
        if self.blur and any(branch.pool.bit_count() != 1 for branch in self.branches):
            raise CoopError(
                "descriptor.blur: needs branches with pool = 1, 2, 4, 8, …; or set it to false"
            )
        for name in ("gain", "init_gain", "head_init"):
            if not 0 < getattr(self, name) < math.inf:
                raise CoopError(f"descriptor.{name}: expected a number > 0")
        check_sd("descriptor.init_sd", self.init_sd)


class Descriptor(nn.Module):
    """f(x), shape (batch,), of x, shape (batch, channels, …) with ``dims`` spatial axes.

    The network is fully convolutional with zero padding, so f of a larger x is of the same
    kind; spatial sizes must be multiples of ``strides``. Layers over the full extent tie it to
    one size, then ``strides`` along that axis.

    Examples
    --------
    >>> config = DescriptorConfig(
    ...     (Branch(1, (Layer(4, 6, 2),)), Branch(2, (Layer(4, 4, 2),))), activation="silu",
    ...     last_activation=True, norm=False, head="linear", weighting="volume",
    ...     standardise="off", band=0, gain=1, init_gain=1, head_init=1, init_sd=None)
    >>> f = Descriptor(config, channels=1, dims=2)
    >>> f.strides, f(torch.zeros(3, 1, 16, 24)).shape
    ((4, 4), torch.Size([3]))
    """

    def __init__(self, config: DescriptorConfig, *, channels: int, dims: int) -> None:
        super().__init__()
        self.config, self.channels, self.dims = config, channels, dims
        self.columns = nn.ModuleList(_column(b, config, channels, dims) for b in config.branches)
        strides = [branch.strides(dims) for branch in config.branches]
        self.strides = tuple(math.lcm(*axis) for axis in zip(*strides, strict=True))
        self.coarsest = max(branch.pool for branch in config.branches)
        self.mean: Tensor
        self.scales: Tensor
        self.register_buffer("mean", torch.zeros(channels, *[1] * dims))
        self.register_buffer("scales", torch.ones(len(config.branches)))
        if config.init_sd is not None:
            initialise(self, config.init_sd)

    @property
    def reach(self) -> tuple[int, ...]:
        """Along each axis, the samples on either side of an entry on which its ∇f(x) depends.

        An entry's gradient passes through every position that sees it, and depends on all that
        these see.
        """
        reaches = []
        for branch in self.config.branches:
            window = self.config.band - 1 if self._banded(branch) else 0
            seen = reach_down(branch.layers, self.dims)
            blurred = 2 * (branch.pool - 1) if self.config.blur else 0
            reaches.append([(n + window + 1) * branch.pool - 1 + blurred for n in seen])
        return tuple(max(axis) for axis in zip(*reaches, strict=True))

    def calibrate(self, pictures: Sequence[Tensor]) -> None:
        """Set the constants of ``standardise`` from pictures, each (channels, height, …)."""
        if self.config.standardise == "off":
            return
        self.mean.copy_(torch.cat([p.flatten(1) for p in pictures], 1).mean(1).view_as(self.mean))
        for k, branch in enumerate(self.config.branches):
            seen = [p[None] - self.mean for p in pictures]
            if self.config.standardise == "bands":
                seen = [self._band(branch, x) for x in seen]
            self.scales[k] = 1 / torch.cat([x.flatten() for x in seen]).std().clamp_min(1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Give f(x), the exponent of equation (2)."""
        return self.density(x) * (self.config.gain * math.prod(x.shape[2:]))

    def density(self, x: Tensor) -> Tensor:
        """Give f(x) / (gain × number of samples): of order one, for losses and the guard."""
        standardise = self.config.standardise != "off"
        x = x - self.mean if standardise else x
        parts = []
        for k, (branch, column) in enumerate(zip(self.config.branches, self.columns, strict=True)):
            seen = self._band(branch, x)
            maps = column(seen * self.scales[k] if standardise else seen).flatten(2).float()
            if self.config.weighting == "one":
                parts.append(maps.sum((1, 2)) / math.prod(x.shape[2:]))
            else:
                parts.append(maps.mean(2).sum(1))
        return torch.stack(parts).sum(0)

    def _band(self, branch: Branch, x: Tensor) -> Tensor:
        """Give what a branch sees of x: its scale, less what coarser ones see."""
        x = halved(x, branch.pool) if self.config.blur else avg_pool(x, branch.pool)
        return x - local_mean(x, self.config.band) if self._banded(branch) else x

    def _banded(self, branch: Branch) -> bool:
        """Say whether the local mean is subtracted from what a branch sees."""
        return self.config.band > 0 and branch.pool < self.coarsest

    def energy(self, x: Tensor, reference_sd: float | None) -> Tensor:
        """Give E(x) = −f(x) + ‖x‖²/2s², shape (batch,), of equation (2).

        ``reference_sd`` is s; None stands for the uniform reference distribution.
        """
        e: Tensor = -self(x)
        if reference_sd is not None:
            e = e + x.flatten(1).square().sum(1) / (2 * reference_sd**2)
        return e


def _column(branch: Branch, config: DescriptorConfig, channels: int, dims: int) -> nn.Sequential:
    """Stack the convolutions of one branch."""
    layers: list[nn.Module] = []
    fan, last = channels, len(branch.layers) - 1
    for number, layer in enumerate(branch.layers):
        summed = config.head == "sum" and number == last
        layers += block(dims, fan, layer, config, summed=summed)
        fan = layer.filters
    if config.head == "linear":
        layers.append(_initialised(conv(dims, fan, 1, 1, bias=False), config.head_init))
    return nn.Sequential(*layers)


def block(
    dims: int, fan: int, layer: Layer, config: DescriptorConfig, *, summed: bool = False
) -> list[nn.Module]:
    """Build one convolution with what follows it; ``summed``: the layer whose maps are summed."""
    parts = [_initialised(downward(dims, fan, layer), config.init_gain)]
    if config.norm and not summed:
        parts.append(batch_norm(dims, layer.filters))
    if config.last_activation or not summed:
        parts.append(activation(config.activation))
    return parts


def _initialised(layer: nn.Module, factor: float) -> nn.Module:
    """Kaiming normal weights times ``factor``, biases zero."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)  # noqa: S101  for the type checker
    nn.init.kaiming_normal_(weight)
    with torch.no_grad():
        weight.mul_(factor)
        if isinstance(bias, Tensor):
            bias.zero_()
    return layer
