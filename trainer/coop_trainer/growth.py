"""Progressive growing: what size is learned when, by all networks in synchrony.

Han, Nijkamp, Fang, Hill, Zhu, Wu: "Divergence Triangle …", 2018, section 4.1.3, after Karras et
al., ICLR 2018. The methods know nothing of it: they are given small examples, and networks that
draw and judge what is of that size.
"""

import itertools
import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .nets import Growing, Stage
from .nets.growing import blended, doubled, halved
from .nets.layers import avg_pool

if TYPE_CHECKING:
    from .config import Config
    from .training import Training

__all__ = [
    "GrowthConfig",
    "at_stage",
    "check_growth",
    "grow",
    "outgrown",
    "settle",
    "shown_at",
    "stage_at",
]


@dataclass(frozen=True)
class GrowthConfig:
    """When the networks grow, and how much they see at each size.

    Sizes double up to that of the pictures; how many there are follows from the networks.

    Attributes
    ----------
    shares
        Length of each stage, smallest size first, relative to each other: they share the run,
        whether iterations or the clock end it.
    fade
        Share of a stage in which its new level is blended in.
    batches
        At each size, the largest number of examples, of samples and of chains per update.
    """

    shares: tuple[float, ...]
    fade: float
    batches: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.shares or not all(0 < share < math.inf for share in self.shares):
            raise CoopError("growth.shares: expected numbers > 0, one for each size")
        if len(self.batches) != len(self.shares) or min(self.batches) < 1:
            raise CoopError("growth.batches: expected numbers ≥ 1, as many as growth.shares")
        if not 0 <= self.fade < 1:
            raise CoopError(f"growth.fade: expected a number in [0, 1), found {self.fade}")


def stage_at(growth: GrowthConfig, done: float) -> Stage:
    """Give the stage that is due when ``done`` in [0, 1] of the run is over.

    Examples
    --------
    >>> growth = GrowthConfig(shares=(1, 2, 1), fade=0.5, batches=(8, 8, 4))
    >>> [tuple(stage_at(growth, done)) for done in (0, 0.25, 0.375, 0.5, 0.75, 1)]
    [(0, 1.0), (1, 0.0), (1, 0.5), (1, 1.0), (2, 0.0), (2, 1.0)]
    """
    ends = [end / sum(growth.shares) for end in itertools.accumulate(growth.shares)]
    level = next((k for k, end in enumerate(ends[:-1]) if done < end), len(ends) - 1)
    if level == 0:
        return Stage(0)
    begun, fade = done - ends[level - 1], growth.fade * (ends[level] - ends[level - 1])
    return Stage(level, min(1.0, begun / fade) if fade else 1.0)


def at_stage(config: "Config", level: int) -> "Config":
    """Give the settings of an iteration at a size: numbers of examples, samples and chains."""
    if config.growth is None:
        return config
    most = config.growth.batches[level]
    return replace(
        config,
        data=replace(config.data, batch=min(config.data.batch, most)),
        algorithm_d=replace(config.algorithm_d, chains=min(config.algorithm_d.chains, most)),
        coopnets=replace(
            config.coopnets,
            chains=min(config.coopnets.chains, most),
            persistent_chains=min(config.coopnets.persistent_chains, most),
        ),
        triangle=replace(config.triangle, samples=min(config.triangle.samples, most)),
        mcmc_triangle=replace(
            config.mcmc_triangle, samples=min(config.mcmc_triangle.samples, most)
        ),
        gan=replace(config.gan, samples=min(config.gan.samples, most)),
    )


def check_growth(t: "Training") -> None:
    """Refuse a training that cannot grow as its settings ask for.

    Raises
    ------
    CoopError
        Networks of different numbers of sizes, or of others than ``growth.shares`` has;
        incomplete data, crops.
    """
    if t.config.growth is None:
        return
    if t.signals.kind != "images" or not t.examples.whole or t.signals.seen is not None:
        raise CoopError("growth: expected a set of complete pictures; --set growth=none")
    for name, network in t.networks.items():
        sizes, wanted = _growing(network).stages, len(t.config.growth.shares)
        if sizes != wanted:
            raise CoopError(
                f"growth.shares: expected a number for each of the {name}'s {sizes} sizes, found "
                f"{wanted}; no networks for this size of pictures? --size 32, 64, 128 or 256"
            )


def grow(t: "Training") -> None:
    """Take a training to the stage that is due; never back, also when the run is prolonged."""
    if t.config.growth is None:
        return
    t.grown = max(t.grown, t.done)
    settle(t)
    chains = t.chains.states
    if chains is not None and chains.shape[2:] != t.shape:
        t.chains.states = F.interpolate(chains, t.shape, mode="nearest")


def settle(t: "Training") -> None:
    """Have networks, averages and examples of a training at the stage that it has reached."""
    if t.config.growth is None:
        return
    t.stage = stage = stage_at(t.config.growth, t.grown)
    for network in (*t.networks.values(), *(a.module for a in t.averages.values())):
        _growing(network).grow(stage)
    factor = 2 ** (len(t.config.growth.shares) - 1 - stage.level)
    t.shape = tuple(n // factor for n in t.examples.shape)
    # Losses, but for gan's, are sums over entries; without this, Adam's first steps at a new size
    # would be as much too long as there are more of them, and undo what was learned.
    t.loss_weight = 1.0 if t.config.method == "gan" else float(factor**t.dims)
    t.current = at_stage(t.config, stage.level)
    t.examples.batch = min(t.current.data.batch, len(t.examples))
    t.examples.scaled = partial(shown_at, factor=factor, blend=stage.blend)


def outgrown(t: "Training") -> bool:
    """Tell whether the next iteration is of a larger size."""
    if t.config.growth is None or t.stage is None:
        return False
    return stage_at(t.config.growth, t.done).level > t.stage.level


def shown_at(x: Tensor, factor: int, blend: float) -> Tensor:
    """Average x (batch, channels, …) over blocks; while a level is blended in, α of its detail."""
    x = avg_pool(x, factor)
    return x if blend == 1 else blended(doubled(halved(x)), x, blend)


def _growing(network: nn.Module) -> Growing:
    return cast(Growing, network)
