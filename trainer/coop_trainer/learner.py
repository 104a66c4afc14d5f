"""A model and what it learns from: networks, optimisers, averages, examples, chains."""

import copy
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .build import (
    Networks,
    build_networks,
    make_average,
    make_optimiser,
    on_device,
    share_of,
    sizes_of,
    strides,
)
from .chains import ChainPool
from .chance import normal
from .config import Config
from .data import Signals
from .examples import Batch, Examples, whole_shape
from .memory import check_memory, count_values
from .nets import Descriptor, Encoder, Generator, Stage
from .optimise import Network
from .schedule import progress, rate_factor
from .sections import OptimiserConfig
from .shards import ALONE, Shard, statistics

__all__ = ["Learner"]

#: Methods that infer latents, and so can learn from incomplete data.
INCOMPLETE = ("abp", "triangle", "mcmc-triangle", "vae")


class Learner:
    """A model and what it learns from: all that an iteration of any method needs.

    Attributes
    ----------
    shard, share
        This process's part in the training, and the settings for its share of the batches; with
        growth, of those of the present size.
    signals, examples
        What is learned, as it was read, and batches of it.
    networks, optimisers, averages
        By role, for the networks that the method learns.
    shape, latent_shape
        Spatial shape of an example, now, and shape of its z: (latent_channels, h, …).
    latents
        Of ABP: the z of each example, (examples, latent_channels, h, …).
    filled
        Of incomplete data: each example with the model's idea of its hidden entries,
        (examples, channels, …).
    stage, grown, loss_weight
        With growth: the stage of the last iteration, the share of the run at which it was due,
        and how many entries of a whole picture one of this size stands for.
    step
        Iterations done.
    seconds
        Time spent on them, over all sessions; the loop counts it.
    shrink
        Factor on the learning rates, lowered by the guard.
    rollbacks
        Number of roll-backs so far.
    failure
        Iteration that the last of them gave up, and that it went back to; None if there was none.
    processes
        How many processes have taken the steps so far.

    Raises
    ------
    CoopError
        The examples do not fit the networks, or are incomplete and the method cannot learn that;
        or the processes cannot share the batches evenly.
    """

    def __init__(
        self, config: Config, signals: Signals, device: torch.device, shard: Shard = ALONE
    ) -> None:
        self.config, self.signals, self.device = config, signals, device
        self.shard, self.share, self.processes = shard, share_of(config, shard), shard.count
        torch_seed = torch.Generator().manual_seed(config.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=torch_seed)))
            networks = build_networks(config, signals)
        present = {k: n for k, n in networks._asdict().items() if n is not None}
        self.networks: dict[str, nn.Module] = {
            name: on_device(n, device, signals.dims) for name, n in present.items()
        }
        settings: dict[str, OptimiserConfig] = {
            name: getattr(config, f"{name}_optimiser") for name in self.networks
        }
        self.optimisers = {k: make_optimiser(settings[k], n) for k, n in self.networks.items()}
        self.averages = {k: make_average(n, settings[k]) for k, n in self.networks.items()}

        crop = config.data.crop_shape(signals.dims)
        self.shape = whole_shape(signals, strides(networks)) if crop is None else crop
        self.examples = Examples(
            signals,
            self.shape,
            whole=crop is None,
            batch=config.data.batch,
            device=device,
            shard=shard,
        )
        self.latent_shape = (
            () if networks.generator is None else networks.generator.latent_shape(self.shape)
        )
        self.latents: Tensor | None = None
        self.filled: Tensor | None = None
        if config.method == "abp":
            # Not zeros: of a batch of equal latents, batch normalisation would divide by nothing.
            shape = (len(self.examples), *self.latent_shape)
            first = torch.Generator().manual_seed(config.seed)
            self.latents = torch.randn(shape, generator=first).to(device)
        if signals.seen is not None:
            if config.method not in INCOMPLETE:
                raise CoopError(
                    f"{config.method} cannot learn from incomplete data: it infers no latents; "
                    f"take --method {', '.join(INCOMPLETE[:-1])} or {INCOMPLETE[-1]}"
                )
            if self.latents is None:
                shape = (len(self.examples), signals.channels, *self.shape)
                self.filled = torch.zeros(shape, device=device)

        self.data_rng = torch_seed
        self.rng = shard.generator(device, config.seed)
        pool = config.algorithm_d.pool if config.method == "descriptor" else config.coopnets.pool
        self.chains = ChainPool(pool, shard)
        self.step, self.seconds, self.shrink, self.rollbacks = 0, 0.0, 1.0, 0
        self.failure: tuple[int, int] | None = None
        self.saturation_of_data = signals.saturation()

        self.stage: Stage | None = None
        self.grown, self.loss_weight = 0.0, 1.0

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor; KeyError where the method learns none."""
        return cast(Descriptor, self.networks["descriptor"])

    @property
    def generator(self) -> Generator:
        """The generator; KeyError where the method learns none."""
        return cast(Generator, self.networks["generator"])

    @property
    def encoder(self) -> Encoder:
        """The encoder; KeyError where the method learns none."""
        return cast(Encoder, self.networks["encoder"])

    @property
    def dims(self) -> int:
        """Number of spatial axes: 1 (sound), 2 (pictures) or 3 (clips)."""
        return self.signals.dims

    @property
    def rate(self) -> float | None:
        """Samples per second of sounds, frames per second of clips, None of pictures."""
        return self.signals.rate

    @property
    def done(self) -> float:
        """Share of the run that is over."""
        return progress(self.config.loop, self.step, self.seconds)

    @property
    def rate_factor(self) -> float:
        """Factor on both learning rates of the next iteration."""
        return self.shrink * rate_factor(self.config.loop, self.done)

    def batch(self) -> Batch:
        """Draw a batch of examples: hidden entries filled in, with the configured noise."""
        batch, noise = self.examples.draw(self.data_rng), self.config.data.noise
        x = batch.x
        if self.filled is not None and batch.seen is not None:
            x = torch.where(batch.seen > 0, x, self.filled[batch.places])
        if noise:
            x = x + noise * normal(x.shape, self.rng)
        return batch._replace(x=x)

    def rehearse(self) -> None:
        """Run the networks once: torch raises RuntimeError for settings that do not fit.

        Raises
        ------
        CoopError
            The encoder does not fit the generator, or a batch does not fit into memory.
        """
        copies = {name: copy.deepcopy(n).eval() for name, n in self.networks.items()}
        networks, values = _by_role(copies), count_values(copies)
        x = torch.zeros(1, self.signals.channels, *self.shape, device=self.device)
        with torch.no_grad():
            if networks.generator is not None:
                x = networks.generator(torch.zeros(1, *self.latent_shape, device=self.device))
            if networks.descriptor is not None:
                networks.descriptor(x)
            if networks.encoder is not None:
                found = tuple(networks.encoder(x).mean.shape[1:])
                if found != self.latent_shape:
                    raise CoopError(
                        f"encoder: gives codes of shape {found} where the generator takes "
                        f"{self.latent_shape}; mirror the generator's levels in encoder.layers"
                    )
        chains = {k: n for k, n in sizes_of(self.share).items() if not k.endswith("pool")}
        sizes = {"data.batch": self.examples.batch // self.shard.count, **chains}
        check_memory(sizes, max(values.values()), self.device)

    def averaged(self) -> Networks:
        """Give the averaged networks in evaluation mode: those that are shown and exported."""
        return _by_role({name: a.module.eval() for name, a in self.averages.items()})

    def optimise(self, loss: Tensor, *networks: Network) -> None:
        """Take one gradient step of the named networks on a loss, and update their averages.

        The loss is the mean over this process's share; the step is that of the joined batch.
        """
        for name in networks:
            self.optimisers[name].zero_grad(set_to_none=True)
        (loss * self.loss_weight).backward()  # type: ignore[no-untyped-call]
        learning = [self.networks[name] for name in networks]
        gradients = [p.grad for n in learning for p in n.parameters() if p.grad is not None]
        self.shard.average([*gradients, *(s for n in learning for s in statistics(n))])
        for name in networks:
            settings: OptimiserConfig = getattr(self.config, f"{name}_optimiser")
            if settings.clip is not None:
                nn.utils.clip_grad_norm_(self.networks[name].parameters(), settings.clip)
            self.optimisers[name].step()
            self.averages[name].update_parameters(self.networks[name])


def _by_role(networks: Mapping[str, nn.Module]) -> Networks:
    return Networks(**cast(dict[str, Any], networks))
