"""All that changes while a model is learned: networks, optimisers, averages, random state."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    strides,
)
from .chains import ChainPool
from .chance import normal
from .compute import autocast
from .config import Config, LoopConfig, OptimiserConfig
from .data import Signals
from .examples import Batch, Examples, whole_shape
from .figures import Figures
from .growing import check_growth, grow, settle
from .iteration import iterate
from .nets import Descriptor, Encoder, Generator, Stage
from .optimise import Network
from .shards import ALONE, Shard, statistics

__all__ = ["Training", "progress", "rate_factor"]

#: Methods that infer latents, and so can learn from incomplete data.
INCOMPLETE = ("abp", "triangle", "mcmc-triangle", "vae")


def progress(loop: LoopConfig, step: int, seconds: float) -> float:
    """Share of the run that is over, in [0, 1]: by steps or by time, whichever is further."""
    by_time = seconds / (60 * loop.minutes) if loop.minutes else 0.0
    return min(1.0, max(step / loop.steps, by_time))


def rate_factor(loop: LoopConfig, done: float) -> float:
    """Share of the learning rate when ``done`` in [0, 1] of the run is over.

    Examples
    --------
    >>> loop = LoopConfig(steps=10, minutes=None, hold=0.5, final_rate=0.2, checkpoint_minutes=1)
    >>> [round(rate_factor(loop, done), 2) for done in (0, 0.5, 0.75, 1)]
    [1.0, 1.0, 0.6, 0.2]
    """
    if done <= loop.hold:
        return 1.0
    return 1 - (1 - loop.final_rate) * (done - loop.hold) / (1 - loop.hold)


class Training:
    """One model being learned; `advance` takes one iteration.

    ``state()`` and ``restore()`` carry everything that the next iteration depends on, so a
    restored training goes on bit for bit on the same machine.

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
            self.latents = torch.zeros(len(self.examples), *self.latent_shape, device=device)
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
        self.saturation_of_data = signals.saturation()

        self.stage: Stage | None = None
        self.grown, self.loss_weight = 0.0, 1.0
        check_growth(self)
        settle(self)

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

    def advance(self) -> Figures:
        """Take one iteration of the configured method."""
        factor = self.rate_factor
        grow(self)
        for name, optimiser in self.optimisers.items():
            settings: OptimiserConfig = getattr(self.config, f"{name}_optimiser")
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * factor
        for network in self.networks.values():
            network.train()
        with autocast(self.config.compute, self.device):
            figures = iterate(self)
        self.shard.average([s for n in self.networks.values() for s in statistics(n)])
        self.step, self.processes = self.step + 1, self.shard.count
        return self.shard.averaged(figures)

    def rehearse(self) -> None:
        """Run the networks once: torch raises RuntimeError for settings that do not fit."""
        networks = _by_role({k: copy.deepcopy(n).eval() for k, n in self.networks.items()})
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

    def averaged(self) -> Networks:
        """Give the averaged networks in evaluation mode: those that are shown and exported."""
        return _by_role({name: a.module.eval() for name, a in self.averages.items()})

    def state(self) -> dict[str, Any]:
        """Give a copy of everything that the next iteration depends on."""
        parts = {name: copy.deepcopy(part.state_dict()) for name, part in self._parts().items()}
        return {
            "parts": parts,
            "device": self.device.type,
            "chains": copy.deepcopy(self.chains.states),
            "latents": copy.deepcopy(self.latents),
            "filled": copy.deepcopy(self.filled),
            "deck": self.examples.state(),
            "rng": self.rng.get_state(),
            "data_rng": self.data_rng.get_state(),
            "step": self.step,
            "grown": self.grown,
            "seconds": self.seconds,
            "shrink": self.shrink,
            "rollbacks": self.rollbacks,
            "processes": self.processes,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave.

        Raises
        ------
        CoopError
            The state is of another kind of device, or of networks of another shape.
        """
        if state["device"] != self.device.type:
            raise CoopError(
                f"this run is trained on {state['device']}: go on with --device {state['device']}"
            )
        self.restore_networks(state)
        with _fitting():
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(copy.deepcopy(state["parts"][f"{name}_optimiser"]))
            chains: Tensor | None = state["chains"]
            if chains is not None:
                _same_shape("chains", chains[0], (self.signals.channels, *self.shape))
                chains = chains.to(self.device, copy=True)
            self.chains.states = chains
            self.examples.restore(state["deck"])
            self.rng.set_state(state["rng"])
            self.data_rng.set_state(state["data_rng"])

    def restore_networks(self, state: dict[str, Any]) -> None:
        """Take over networks, latents and counts: enough to draw and to export, anywhere.

        Raises
        ------
        CoopError
            The state is of another method, or of networks of another shape.
        """
        with _fitting():
            if others := sorted(state["parts"].keys() ^ self._parts().keys()):
                raise ValueError(f"of another method: {', '.join(others)}")
            for name, part in self._parts().items():
                if isinstance(part, nn.Module):
                    part.load_state_dict(state["parts"][name])
            for name, table in (("latents", self.latents), ("filled", self.filled)):
                if table is not None:
                    _same_shape(name, state[name], tuple(table.shape))
                    table.copy_(state[name])
            self.step, self.seconds = state["step"], state["seconds"]
            self.shrink, self.rollbacks = state["shrink"], state["rollbacks"]
            self.processes, self.grown = state.get("processes", 1), state.get("grown", 0.0)
        settle(self)

    def roll_back(self, state: dict[str, Any]) -> None:
        """Return to a good state with smaller learning rates; new noise, so new luck."""
        rng, data_rng, seconds = self.rng.get_state(), self.data_rng.get_state(), self.seconds
        shrink, rollbacks = self.shrink, self.rollbacks
        self.restore(state)
        self.rng.set_state(rng)
        self.data_rng.set_state(data_rng)
        self.seconds, self.rollbacks = seconds, rollbacks + 1
        self.shrink = shrink * self.config.guard.shrink

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

    def _parts(self) -> dict[str, Any]:
        """Give all that has a state_dict, by the name that it has in a checkpoint."""
        optimisers = {f"{name}_optimiser": part for name, part in self.optimisers.items()}
        averages = {f"{name}_average": part for name, part in self.averages.items()}
        return {**self.networks, **optimisers, **averages}


@contextmanager
def _fitting() -> Iterator[None]:
    """Say in one line that a checkpoint is of other settings than the run."""
    try:
        yield
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise CoopError(f"the checkpoint does not fit the settings ({why})") from None


def _same_shape(name: str, kept: Tensor, shape: tuple[int, ...]) -> None:
    if kept.shape != shape:
        raise ValueError(f"{name}: expected {shape}, found {tuple(kept.shape)}")


def _by_role(networks: Mapping[str, nn.Module]) -> Networks:
    return Networks(**cast(dict[str, Any], networks))
