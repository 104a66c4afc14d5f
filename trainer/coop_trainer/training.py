"""A training: a learner that goes on iteration by iteration, can be kept, and taken up again."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .compute import autocast
from .config import Config
from .data import Signals
from .figures import Figures
from .growing import check_growth, grow, settle
from .iteration import iterate
from .learner import Learner
from .memory import short_of_memory
from .sections import OptimiserConfig
from .shards import ALONE, Shard, statistics

__all__ = ["Training"]


class Training(Learner):
    """One model being learned; `advance` takes one iteration.

    ``state()`` and ``restore()`` carry everything that the next iteration depends on, so a
    restored training goes on bit for bit on the same machine. Attributes and errors: `Learner`'s.
    """

    def __init__(
        self, config: Config, signals: Signals, device: torch.device, shard: Shard = ALONE
    ) -> None:
        super().__init__(config, signals, device, shard)
        check_growth(self)
        settle(self)

    def advance(self) -> Figures:
        """Take one iteration of the configured method; CoopError where memory is too small."""
        factor = self.rate_factor
        grow(self)
        for name, optimiser in self.optimisers.items():
            settings: OptimiserConfig = getattr(self.config, f"{name}_optimiser")
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * factor
        for network in self.networks.values():
            network.train()
        with autocast(self.config.compute, self.device), short_of_memory():
            figures = iterate(self)
        self.shard.average([s for n in self.networks.values() for s in statistics(n)])
        self.step, self.processes = self.step + 1, self.shard.count
        return self.shard.averaged(figures)

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
            "failure": self.failure,
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
            self.failure = state.get("failure")
            self.processes, self.grown = state.get("processes", 1), state.get("grown", 0.0)
        settle(self)

    def roll_back(self, state: dict[str, Any]) -> None:
        """Return to a good state with smaller learning rates; new noise, so new luck."""
        rng, data_rng, seconds = self.rng.get_state(), self.data_rng.get_state(), self.seconds
        shrink, rollbacks, failed = self.shrink, self.rollbacks, self.step
        self.restore(state)
        self.rng.set_state(rng)
        self.data_rng.set_state(data_rng)
        self.seconds, self.rollbacks = seconds, rollbacks + 1
        self.shrink, self.failure = shrink * self.config.guard.shrink, (failed, self.step)

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
