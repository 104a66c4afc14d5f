"""What the chain graph is compared with: a few Langevin steps on torch's own energy."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from coop_runtime.arrays import Array
from coop_runtime.card import Graph, Langevin, Signal
from coop_runtime.chain import run_chain
from coop_runtime.graphs import LoadedGraph
from coop_runtime.langevin import langevin
from coop_runtime.philox import Purpose, streams
from coop_runtime.sessions import SessionOptions, open_session

from .graphs import Blueprint

__all__ = ["STEPS", "ChainSession", "chain_blueprint"]

#: So few that rounding, which each step amplifies, stays rounding.
STEPS = 2


def chain_blueprint(energy: Blueprint, signal: Signal, settings: Langevin) -> Blueprint:
    """Plan a chain of `STEPS` steps with noise, in numpy, of the gradients that torch gives.

    Its results are the last state, its gradient and its energy.
    """

    def judge(x: Array) -> tuple[Array, Array]:
        value, gradient = energy.function(torch.from_numpy(x))
        return value.detach().numpy(), gradient.detach().numpy()

    def chain(x: Tensor) -> tuple[Tensor, ...]:
        *_, last = langevin(
            judge,
            x.numpy(),
            streams(0, 0, len(x), Purpose.NOISE),
            steps=STEPS,
            step_size=settings.step_size,
            max_drift=settings.max_drift,
            clamp=signal.value_range if settings.clamp else None,
        )
        return tuple(map(torch.from_numpy, (last.x, last.gradient, last.energy)))

    return Blueprint(chain, energy.inputs, ("end", "gradient", "energy"), energy.strides)


class ChainSession:
    """The chain graph, which runs those steps as an ``onnxruntime.InferenceSession`` does."""

    def __init__(self, data: bytes, spec: Graph, signal: Signal, settings: Langevin) -> None:
        options = SessionOptions(torch.get_num_threads())
        self._graph = LoadedGraph(spec, open_session(data, "cpu", options, spec.file))
        self._signal, self._settings = signal, settings

    def run(self, outputs: Sequence[str], feed: Mapping[str, Array]) -> list[Array]:
        """Give those of "end", "gradient", "energy" that are asked for, of the start "x"."""
        x = feed["x"]
        last = run_chain(
            self._graph,
            np.ascontiguousarray(x),
            streams(0, 0, len(x), Purpose.NOISE),
            steps=STEPS,
            settings=self._settings,
            noise=True,
            value_range=self._signal.value_range,
        )
        results = {"end": last.x, "gradient": last.gradient, "energy": last.energy}
        return [results[name] for name in outputs]
