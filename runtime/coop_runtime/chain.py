"""Running a whole chain of Langevin revision in one call, by a bundle's graph ``chain``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .card import Langevin
from .graphs import LoadedGraph
from .langevin import State
from .philox import Stream

__all__ = ["CHAIN_SCALARS", "WHOLE", "run_chain"]

#: The chain's inputs that are one number.
CHAIN_SCALARS = ("steps", "first_step", "step_size", "noise", "max_drift", "low", "high")
#: Those of its inputs that are whole numbers, int64; all others are float32.
WHOLE = ("steps", "first_step", "stream", "origin")


def run_chain(
    graph: LoadedGraph,
    x: Array,
    streams: Sequence[Stream],
    *,
    steps: int,
    settings: Langevin,
    noise: bool,
    value_range: tuple[float, float],
) -> State:
    """Take all steps of `coop_runtime.langevin.langevin` at once, one call for each example.

    Parameters
    ----------
    graph
        Of a bundle that has it.
    x
        Start (batch, channels, *sizes), float32, sizes multiples of the energy's strides.
    streams
        Random numbers of each example.
    steps
        Number of steps, ≥ 0.
    settings
        Step size, largest drift, and whether states are clamped to ``value_range``.
    noise
        Whether δ·n is added.
    value_range
        Of the signal.

    Returns
    -------
    The last state: that of the iterator, to rounding.
    """
    low, high = value_range if settings.clamp else (-np.inf, np.inf)
    drift = np.inf if settings.max_drift is None else settings.max_drift
    words = [(s.seed & 0xFFFFFFFF, s.seed >> 32, s.example, s.purpose, s.chain) for s in streams]
    inputs: dict[str, NDArray[Any]] = {
        "x": x,
        "stream": np.array(words, np.int64),
        "origin": np.zeros((len(x), x.ndim - 2), np.int64),
        "steps": np.array(steps, np.int64),
        "first_step": np.array(1, np.int64),
        "step_size": np.array(settings.step_size, np.float32),
        "noise": np.array(noise, np.float32),
        "max_drift": np.array(drift, np.float32),
        "low": np.array(low, np.float32),
        "high": np.array(high, np.float32),
    }
    outputs = {"end": x.shape, "gradient": x.shape, "energies": (len(x), steps + 1)}
    end, gradient, energies = graph.run(inputs, outputs)
    return State(steps, end, np.ascontiguousarray(energies[:, -1]), gradient)
