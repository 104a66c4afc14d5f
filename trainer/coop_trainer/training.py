"""All that changes while a model is learned: networks, optimisers, averages, random state."""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from coop_runtime.errors import CoopError

from .chains import ChainPool
from .config import Config, LoopConfig, OptimiserConfig
from .data import Pictures, random_crops
from .figures import Figures
from .methods import coopnets
from .nets import Descriptor, Generator
from .optimise import Network

__all__ = ["Training", "progress", "rate_factor"]

DIMS = 2


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
    source, pictures
        What is learned, as it was read and as tensors in [−1, 1].
    step
        Iterations done.
    seconds
        Time spent on them, over all sessions; the loop counts it.
    shrink
        Factor on both learning rates, lowered by the guard.
    rollbacks
        Number of roll-backs so far.
    """

    def __init__(self, config: Config, pictures: Pictures, device: torch.device) -> None:
        self.config, self.source, self.device = config, pictures, device
        on_cpu = pictures.tensors(torch.device("cpu"))
        self.pictures = [picture.to(device) for picture in on_cpu]
        torch_seed = torch.Generator().manual_seed(config.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=torch_seed)))
            f = Descriptor(config.descriptor, channels=pictures.channels, dims=DIMS)
            g = Generator(config.generator, channels=pictures.channels, dims=DIMS)
            f.calibrate(on_cpu)
            g.calibrate(on_cpu)
        self.descriptor, self.generator = f.to(device), g.to(device)
        for network in (self.descriptor, self.generator):  # faster: benchmarks/memory_format.py
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.latent_shape = g.latent_shape((config.data.crop,) * DIMS)
        self.data_rng = torch_seed
        self.rng = torch.Generator(device).manual_seed(config.seed)
        self.descriptor_optimiser = _optimiser(config.descriptor_optimiser, f)
        self.generator_optimiser = _optimiser(config.generator_optimiser, g)
        self.averages = {
            "descriptor": _average(f, config.descriptor_optimiser),
            "generator": _average(g, config.generator_optimiser),
        }
        self.chains = ChainPool(config.coopnets.pool)
        self.step, self.seconds, self.shrink, self.rollbacks = 0, 0.0, 1.0, 0
        edge = torch.cat([p.flatten() for p in self.pictures]).abs() > 0.99
        self.saturation_of_data = edge.float().mean().item()

    @property
    def done(self) -> float:
        """Share of the run that is over."""
        return progress(self.config.loop, self.step, self.seconds)

    @property
    def rate_factor(self) -> float:
        """Factor on both learning rates of the next iteration."""
        return self.shrink * rate_factor(self.config.loop, self.done)

    def examples(self) -> Tensor:
        """Draw a batch of training crops with the configured noise."""
        data = self.config.data
        x = random_crops(self.pictures, data.batch, data.crop, self.data_rng)
        if data.noise:
            x = x + data.noise * torch.randn(x.shape, generator=self.rng, device=self.device)
        return x

    def advance(self) -> Figures:
        """Take one iteration of the configured method."""
        c, factor = self.config, self.rate_factor
        for optimiser, settings in (
            (self.descriptor_optimiser, c.descriptor_optimiser),
            (self.generator_optimiser, c.generator_optimiser),
        ):
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * factor
        self.descriptor.train()
        self.generator.train()
        figures = coopnets.train_step(
            self.descriptor,
            self.generator,
            self._optimise,
            self.chains,
            self.examples,
            self.latent_shape,
            c.coopnets,
            self.rng,
            self.step,
        )
        self.step += 1
        return figures

    def rehearse(self) -> None:
        """Run both networks once: torch raises RuntimeError for settings that do not fit."""
        f, g = copy.deepcopy(self.descriptor).eval(), copy.deepcopy(self.generator).eval()
        with torch.no_grad():
            f(g(torch.zeros(1, *self.latent_shape, device=self.device)))

    def averaged(self) -> tuple[Descriptor, Generator]:
        """Give the averaged networks in evaluation mode: those that are shown and exported."""
        f, g = (self.averages[name].module.eval() for name in ("descriptor", "generator"))
        return cast(Descriptor, f), cast(Generator, g)

    def state(self) -> dict[str, Any]:
        """Give a copy of everything that the next iteration depends on."""
        parts = {name: copy.deepcopy(part.state_dict()) for name, part in self._parts().items()}
        return {
            "parts": parts,
            "device": self.device.type,
            "chains": copy.deepcopy(self.chains.states),
            "rng": self.rng.get_state(),
            "data_rng": self.data_rng.get_state(),
            "step": self.step,
            "seconds": self.seconds,
            "shrink": self.shrink,
            "rollbacks": self.rollbacks,
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
        for name in ("descriptor_optimiser", "generator_optimiser"):
            self._parts()[name].load_state_dict(copy.deepcopy(state["parts"][name]))
        chains: Tensor | None = state["chains"]
        self.chains.states = None if chains is None else chains.to(self.device, copy=True)
        self.rng.set_state(state["rng"])
        self.data_rng.set_state(state["data_rng"])

    def restore_networks(self, state: dict[str, Any]) -> None:
        """Take over the networks and the counts alone: enough to draw and to export, anywhere."""
        try:
            for name, part in self._parts().items():
                if isinstance(part, nn.Module):
                    part.load_state_dict(state["parts"][name])
        except RuntimeError as error:
            why = " ".join(str(error).split())
            raise CoopError(f"the checkpoint does not fit the settings ({why[:200]})") from None
        self.step, self.seconds = state["step"], state["seconds"]
        self.shrink, self.rollbacks = state["shrink"], state["rollbacks"]

    def roll_back(self, state: dict[str, Any]) -> None:
        """Return to a good state with smaller learning rates; new noise, so new luck."""
        rng, data_rng, seconds = self.rng.get_state(), self.data_rng.get_state(), self.seconds
        shrink, rollbacks = self.shrink, self.rollbacks
        self.restore(state)
        self.rng.set_state(rng)
        self.data_rng.set_state(data_rng)
        self.seconds, self.rollbacks = seconds, rollbacks + 1
        self.shrink = shrink * self.config.guard.shrink

    def _parts(self) -> dict[str, Any]:
        return {
            "descriptor": self.descriptor,
            "generator": self.generator,
            "descriptor_optimiser": self.descriptor_optimiser,
            "generator_optimiser": self.generator_optimiser,
            "descriptor_average": self.averages["descriptor"],
            "generator_average": self.averages["generator"],
        }

    def _optimise(self, loss: Tensor, *networks: Network) -> None:
        """Take one gradient step of the named networks on a loss, and update their averages."""
        parts = self._parts()
        for name in networks:
            parts[f"{name}_optimiser"].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for name in networks:
            settings: OptimiserConfig = getattr(self.config, f"{name}_optimiser")
            network: nn.Module = parts[name]
            if settings.clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            parts[f"{name}_optimiser"].step()
            self.averages[name].update_parameters(network)


def _optimiser(settings: OptimiserConfig, network: nn.Module) -> torch.optim.Optimizer:
    if settings.kind == "sgd":
        return torch.optim.SGD(network.parameters(), settings.rate, momentum=settings.betas[0])
    return torch.optim.Adam(network.parameters(), settings.rate, betas=settings.betas)


def _average(network: nn.Module, settings: OptimiserConfig) -> AveragedModel:
    average = get_ema_multi_avg_fn(settings.ema)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=average, use_buffers=True)
