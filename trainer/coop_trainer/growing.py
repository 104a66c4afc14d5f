"""Progressive growing of a training: all networks, their averages and the examples in synchrony.

The methods know nothing of it: they are given small examples, and networks that draw and judge
what is of that size. `coop_trainer.growth` says when, `coop_trainer.nets.growing` how.
"""

from dataclasses import replace
from functools import partial
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .build import share_of
from .config import Config
from .growth import stage_at
from .learner import Learner
from .nets import Growing
from .nets.growing import blended, doubled, halved
from .nets.layers import avg_pool

__all__ = ["at_stage", "check_growth", "grow", "outgrown", "settle", "shown_at"]


def at_stage(config: Config, level: int) -> Config:
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


def check_growth(t: Learner) -> None:
    """Refuse a training that cannot grow as its settings ask for.

    Raises
    ------
    CoopError
        Networks of different numbers of sizes, or of others than ``growth.shares`` has;
        incomplete data, crops, compiled networks; batches that processes cannot share evenly.
    """
    if t.config.growth is None:
        return
    if t.signals.kind != "images" or not t.examples.whole or t.signals.seen is not None:
        raise CoopError("growth: expected a set of complete pictures; --set growth=none")
    if t.config.compute.compile:
        raise CoopError("growth: changes networks as they learn; --set compute.compile=false")
    for name, network in t.networks.items():
        sizes, wanted = _growing(network).stages, len(t.config.growth.shares)
        if sizes != wanted:
            raise CoopError(
                f"growth.shares: expected a number for each of the {name}'s {sizes} sizes, found "
                f"{wanted}; no networks for this size of pictures? --size 32, 64, 128 or 256"
            )
    batches, count = [*t.config.growth.batches], t.shard.count
    if (even := [t.shard.even(size) for size in batches]) != batches:
        raise CoopError(
            f"growth.batches: {batches} cannot be shared evenly by {count} processes; give "
            f"--set 'growth.batches={even}', or another --nproc-per-node"
        )


def grow(t: Learner) -> None:
    """Take a training to the stage that is due; never back, also when the run is prolonged."""
    if t.config.growth is None:
        return
    t.grown = max(t.grown, t.done)
    settle(t)
    chains = t.chains.states
    if chains is not None and chains.shape[2:] != t.shape:
        t.chains.states = F.interpolate(chains, t.shape, mode="nearest")


def settle(t: Learner) -> None:
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
    config = at_stage(t.config, stage.level)
    t.share = share_of(config, t.shard)
    t.examples.batch = min(config.data.batch, len(t.examples))
    t.examples.scaled = partial(shown_at, factor=factor, blend=stage.blend)


def outgrown(t: Learner) -> bool:
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
