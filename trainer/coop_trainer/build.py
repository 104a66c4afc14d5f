"""Networks, optimisers and averages from their settings."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .config import TABLES, Config, Method
from .data import Signals
from .nets import (
    Descriptor,
    Encoder,
    Generator,
    GrowingDescriptor,
    GrowingEncoder,
    GrowingGenerator,
)
from .sections import OptimiserConfig
from .shards import Shard

#: Examples of each stack of signals that are enough to calibrate networks.
CALIBRATION = 1000
#: The settings of a method that processes share: numbers of chains or samples.
SIZES: dict[Method, tuple[str, ...]] = {
    "descriptor": ("chains", "pool"),
    "coopnets": ("chains", "persistent_chains"),
    "triangle": ("samples",),
    "mcmc-triangle": ("samples",),
    "gan": ("samples",),
}

__all__ = [
    "Networks",
    "build_networks",
    "make_average",
    "make_optimiser",
    "on_device",
    "share_of",
    "sizes_of",
    "strides",
]


class Networks(NamedTuple):
    """The networks of a method, by role; None for those that it does not learn."""

    descriptor: Descriptor | None = None
    generator: Generator | None = None
    encoder: Encoder | None = None


def build_networks(config: Config, signals: Signals) -> Networks:
    """Build the method's networks on the CPU, with torch's present random state.

    Those of the settings that ask for it are calibrated to the training data.
    """
    used, channels, dims = config.networks, signals.channels, signals.dims
    whole = config.growth is None
    f = g = q = None
    if "descriptor" in used:
        descriptor = Descriptor if whole else GrowingDescriptor
        f = descriptor(config.descriptor, channels=channels, dims=dims)
    if "generator" in used:
        generator = Generator if whole else GrowingGenerator
        g = generator(config.generator, channels=channels, dims=dims)
    if "encoder" in used and g is not None:
        encoder = Encoder if whole else GrowingEncoder
        q = encoder(config.encoder, channels=channels, latent_channels=g.latent_channels, dims=dims)
    stacks = signals.tensors(torch.device("cpu"))
    pictures = [example for stack in stacks for example in stack[:CALIBRATION]]
    if f is not None:
        f.calibrate(pictures)
    if g is not None:
        g.calibrate(pictures)
    return Networks(f, g, q)


def strides(networks: Networks) -> tuple[int, ...]:
    """Give what the sizes of signals must be multiples of, along each axis."""
    present = [n.strides for n in networks if n is not None]
    return tuple(math.lcm(*axis) for axis in zip(*present, strict=True))


def on_device(network: nn.Module, device: torch.device, dims: int) -> nn.Module:
    """Move a network to a device, in the memory format that is fastest there."""
    network = network.to(device)
    if dims == 2:  # faster: benchmarks/memory_format.py
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def make_optimiser(settings: OptimiserConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Give the optimiser of a network."""
    if settings.kind == "sgd":
        return torch.optim.SGD(network.parameters(), settings.rate, momentum=settings.betas[0])
    return torch.optim.Adam(network.parameters(), settings.rate, betas=settings.betas)


def make_average(network: nn.Module, settings: OptimiserConfig) -> AveragedModel:
    """Give the exponential moving average of a network.

    Its decay after n updates is (1 + n)/(10 + n) until ``settings.ema`` is reached, or the
    networks of a short run would be shown as they began.
    """

    def follow(average: Any, current: Any, updates: Any) -> None:
        decay = min(settings.ema, (1 + int(updates)) / (10 + int(updates)))
        get_ema_multi_avg_fn(decay)(average, current, updates)  # type: ignore[no-untyped-call]

    return AveragedModel(network, multi_avg_fn=follow, use_buffers=True)


def share_of(config: Config, shard: Shard) -> Config:
    """Give the settings for one process's share: the sizes of the method's batches over N.

    Raises
    ------
    CoopError
        A size is no multiple of the number of processes.
    """
    table = TABLES[config.method]
    shares = shard.sizes(sizes_of(config))
    own = {key.removeprefix(f"{table}."): size for key, size in shares.items()}
    return replace(config, **{table: replace(getattr(config, table), **own)})


def sizes_of(config: Config) -> dict[str, int]:
    """Give the numbers of chains or samples of the configured method, by the settings' names."""
    table = TABLES[config.method]
    names = SIZES.get(config.method, ())
    return {f"{table}.{name}": getattr(getattr(config, table), name) for name in names}
