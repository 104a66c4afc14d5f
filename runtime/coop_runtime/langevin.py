"""Langevin revision in numpy: the twin of the trainer's, bound to it by a parity test."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number
from .arrays import Array, check_whole
from .errors import ArgumentError
from .philox import Stream, normals

__all__ = ["EnergyGradient", "State", "langevin", "langevin_step"]

EnergyGradient = Callable[[Array], tuple[Array, Array]]
"""x (batch, …) → (energy (batch,), gradient like x), both newly allocated."""


class State(NamedTuple):
    """One state of a batch of Langevin chains.

    Attributes
    ----------
    step
        Number of steps taken so far; 0 is the start.
    x
        Signals (batch, channels, …), in the signal's value range.
    energy
        E(x), (batch,).
    gradient
        ∇E(x), like x.
    """

    step: int
    x: Array
    energy: Array
    gradient: Array


def langevin_step(
    x: Array,
    gradient: Array,
    n: Array | None,
    *,
    step_size: float,
    max_drift: float | None = None,
    clamp: tuple[float, float] | None = None,
) -> Array:
    """Take one step of CoopNets equation (4): x ← clamp(x − clip(½δ²∇E(x), ±max_drift) + δ·n).

    Parameters
    ----------
    x, gradient
        The states and ∇E(x), float32 of one shape.
    n
        Standard normal noise like x; None for none.
    step_size
        δ, > 0, in units of x.
    max_drift
        Largest absolute drift of one entry; None for no limit.
    clamp
        Ends of the range that states must keep; None for none.

    Returns
    -------
    The next states, a new array.

    Examples
    --------
    >>> x = np.ones((1, 1, 2), np.float32)
    >>> langevin_step(x, x, None, step_size=1.0)
    array([[[0.5, 0.5]]], dtype=float32)
    >>> langevin_step(x, x, None, step_size=1.0, max_drift=0.125)
    array([[[0.875, 0.875]]], dtype=float32)
    """
    drift = 0.5 * step_size**2 * gradient
    if max_drift is not None:
        drift = np.clip(drift, -max_drift, max_drift)
    x = x - drift
    if n is not None:
        x = x + step_size * n
    return x if clamp is None else np.clip(x, *clamp)


def langevin(
    energy_gradient: EnergyGradient,
    x: Array,
    streams: Sequence[Stream],
    *,
    steps: int,
    step_size: float,
    noise: bool = True,
    max_drift: float | None = None,
    clamp: tuple[float, float] | None = None,
    free: NDArray[np.bool_] | None = None,
) -> Iterator[State]:
    """Revise x by Langevin dynamics, CoopNets equation (4), yielding every state.

    Each state is made of new arrays, so a caller may keep them, and may stop at any
    of them: nothing is computed ahead.

    Parameters
    ----------
    energy_gradient
        x → (energy (batch,), gradient like x), both newly allocated.
    x
        Start (batch, channels, *spatial), float32.
    streams
        Random numbers of each example, so that a chain does not depend on its batch;
        not used, and may be empty, without noise. Step k takes those of step k.
    steps
        Number of steps, ≥ 0; ``steps + 1`` states are yielded, the start first.
    step_size, noise, max_drift, clamp
        As in `langevin_step`; ``noise`` says whether δ·n is added.
    free
        Where entries move, broadcast to x; others keep their start. None: everywhere.

    Raises
    ------
    ArgumentError
        At the call, when steps, step_size or the number of streams is wrong.

    Examples
    --------
    >>> def gaussian(x):
    ...     return 0.5 * (x**2).sum(axis=(1, 2)), x.copy()
    >>> from coop_runtime.philox import Purpose, streams
    >>> noise = streams(seed=0, first=0, n=2, purpose=Purpose.NOISE)
    >>> start = np.zeros((2, 1, 3), np.float32)
    >>> [state.step for state in langevin(gaussian, start, noise, steps=2, step_size=0.5)]
    [0, 1, 2]
    """
    check_whole("steps", steps, 0)
    check_number("step_size", step_size)
    if noise and len(streams) != len(x):
        raise ArgumentError("streams", f"expected one per example, {len(x)}; found {len(streams)}")

    def chain(x: Array) -> Iterator[State]:
        energy, gradient = energy_gradient(x)
        yield State(0, x, energy, gradient)
        for step in range(1, steps + 1):
            n = normals(streams, x.shape[1:], step) if noise else None
            moved = langevin_step(
                x, gradient, n, step_size=step_size, max_drift=max_drift, clamp=clamp
            )
            x = moved if free is None else np.where(free, moved, x)
            energy, gradient = energy_gradient(x)
            yield State(step, x, energy, gradient)

    return chain(np.array(x, dtype=np.float32))
