"""What a loaded bundle does without inference: draw, and revise; `Model` builds the tasks on it."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .arguments import check_switch
from .arrays import (
    Array,
    allocate,
    check_array,
    check_size,
    check_whole,
    crop,
    latent_shape,
    pad_up,
    signal_shape,
)
from .calls import GraphCalls
from .chain import run_chain
from .langevin import State, langevin
from .philox import Purpose, Stream, normal, streams, uniform

__all__ = ["Core"]


class Core(GraphCalls):
    """A bundle that `load` has verified: its graphs, as methods, drawing and Langevin revision."""

    def generate(
        self, n: int = 1, seed: int = 0, size: int | Sequence[int] | None = None, *, first: int = 0
    ) -> Array:
        """Draw signals from the generator: x = g(z), z ~ N(0, I).

        Parameters
        ----------
        n
            Number of examples, ≥ 1.
        seed
            0 ≤ seed < 2⁶⁴. Example k of a seed is the same bytes whatever ``n`` and ``first`` are;
            its latents are the same at every size, see `coop_runtime.philox`.
        size
            Spatial size, None for that of training; along an axis that cannot be extended only
            that one. One number stands for every axis that can be (for every axis if none can).
            Any size ≥ 1: it is made of whole latent cells, then cropped.
        first
            Number of the first example, ≥ 0.

        Returns
        -------
        (n, channels, *size), float32, within the card's ``value_range``.
        """
        latent = self._latent()
        out, of_each = self._blank(n, seed, size, first, Purpose.LATENT)
        size = out.shape[2:]
        for k, stream in enumerate(of_each):
            out[k] = self.decode(normal(stream, latent_shape(latent, size))[None], size)[0]
        return out

    def noise(
        self, n: int = 1, seed: int = 0, size: int | Sequence[int] | None = None, *, first: int = 0
    ) -> Array:
        """Draw noise, a start for `refine` without drafts: what the chains of training start from.

        Normal with deviation ``langevin.start_sd`` of the card, or uniform in ``value_range``
        where the card has none. Parameters and result are those of `generate`.
        """
        out, of_each = self._blank(n, seed, size, first, Purpose.START)
        for k, stream in enumerate(of_each):
            out[k] = self.noise_block(stream, out.shape[2:])
        return out

    def noise_block(
        self, stream: Stream, size: Sequence[int], origin: Sequence[int] | None = None
    ) -> Array:
        """Draw a block of `noise`, (channels, *size), of named numbers; ``origin``: its place."""
        shape = (self.card.signal.channels, *size)
        low, high = self.card.signal.value_range
        sd = self.card.langevin.start_sd if self.card.langevin else None
        if sd is None:
            return low + (high - low) * uniform(stream, shape, origin=origin)
        block: Array = np.clip(sd * normal(stream, shape, origin=origin), low, high)
        return block

    def refine(
        self,
        x: Array,
        steps: int | None = None,
        seed: int = 0,
        *,
        noise: bool | None = None,
        first: int = 0,
    ) -> Iterator[State]:
        """Revise signals by Langevin dynamics with the card's settings, yielding every state.

        The first state is the start; stop whenever a state is good enough. A size off the
        energy's strides is padded up once, by repeating the edge, and the padded signal is
        revised: states are cropped, their energy is that of the padded signal.

        Parameters
        ----------
        x
            Start (batch, channels, *size), float32; clipped to ``value_range``.
        steps
            ≥ 0; None for the card's.
        seed
            ≥ 0. The noise of example k is the same whatever the batch.
        noise
            Whether noise is added; None for the card's choice.
        first
            Number of the first example, ≥ 0, as in `generate`.
        """
        self.require("energy")
        x = check_array("x", x, signal_shape(self.card))
        of_each = streams(seed, first, len(x), Purpose.NOISE)
        return self.revise(x, of_each, steps=steps, noise=noise)

    def refined(
        self,
        x: Array,
        steps: int | None = None,
        seed: int = 0,
        *,
        noise: bool | None = None,
        first: int = 0,
        chain: bool | None = None,
    ) -> State:
        """Revise signals as `refine` does, all steps at once; give the last state.

        Parameters
        ----------
        x, steps, seed, noise, first
            As in `refine`.
        chain
            Whether the bundle's graph ``chain`` takes all steps of an example in one call, with the
            same numbers to rounding, or each step is a call of the energy. None: if the bundle has
            it and the device is the CPU (its random numbers have no CUDA kernels).
        """
        if chain is None:
            chain = "chain" in self.graphs and self.device == "cpu"
        if not chain:
            *_, last = self.refine(x, steps, seed, noise=noise, first=first)
            return last
        graph, settings = self._graph("chain"), self._langevin()
        noise = settings.noise if noise is None else noise
        check_switch("noise", noise)
        x, value_range = check_array("x", x, signal_shape(self.card)), self.card.signal.value_range
        last = run_chain(
            graph,
            pad_up(np.clip(x, *value_range), graph.spec.strides),
            streams(seed, first, len(x), Purpose.NOISE),
            steps=settings.steps if steps is None else check_whole("steps", steps, 0),
            settings=settings,
            noise=noise,
            value_range=value_range,
        )
        size = x.shape[2:]
        return last._replace(x=crop(last.x, size), gradient=crop(last.gradient, size))

    def revise(
        self,
        x: Array,
        of_each: Sequence[Stream],
        *,
        steps: int | None = None,
        noise: bool | None = None,
        free: NDArray[np.bool_] | None = None,
    ) -> Iterator[State]:
        """Refine signals with named random numbers, some entries held.

        Parameters
        ----------
        x, steps, noise
            As in `refine`.
        of_each
            Random numbers of each example.
        free
            Like x: where entries are revised; others keep their (clipped) start. None: everywhere.
        """
        strides = self._graph("energy").spec.strides
        x = check_array("x", x, signal_shape(self.card))
        settings, value_range = self._langevin(), self.card.signal.value_range
        noise = settings.noise if noise is None else noise
        check_switch("noise", noise)
        size = x.shape[2:]
        states = langevin(
            self._energy_gradient,
            pad_up(np.clip(x, *value_range), strides),
            of_each,
            steps=settings.steps if steps is None else check_whole("steps", steps, 0),
            step_size=settings.step_size,
            noise=noise,
            max_drift=settings.max_drift,
            clamp=value_range if settings.clamp else None,
            free=None if free is None else pad_up(free, strides),
        )
        return (State(s.step, crop(s.x, size), s.energy, crop(s.gradient, size)) for s in states)

    def _blank(
        self, n: int, seed: int, size: int | Sequence[int] | None, first: int, purpose: Purpose
    ) -> tuple[Array, list[Stream]]:
        """Check what a drawing method was given; make room for n examples, and their streams."""
        of_each = streams(seed, first, check_whole("n", n, 1), purpose)
        out = allocate((len(of_each), self.card.signal.channels, *check_size(size, self.card)))
        return out, of_each
