"""What a loaded bundle's graphs do: draw, judge, revise, read; `Model` builds the tasks on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .arrays import (
    Array,
    allocate,
    check_array,
    check_size,
    check_whole,
    crop,
    latent_shape,
    pad_up,
    round_up,
    signal_shape,
)
from .card import Card, Langevin, Latent
from .chain import run_chain
from .errors import ArgumentError, MissingGraphError
from .graphs import LoadedGraph
from .langevin import State, langevin
from .philox import Purpose, Stream, normal, streams, uniform

__all__ = ["Code", "Core", "Posterior"]

# What to do where a graph is missing.
_INSTEAD = {
    "generator": "it has no latent and no drafts; refine() what noise() gives",
    "energy": "it draws with generate(), but cannot judge or revise",
    "encoder": "infer latents from the posterior, with reconstruct() or complete()",
    "chain": "leave chain out, or export it with --chain",
}


class Code(NamedTuple):
    """What `Core.encode` gives: the normal distribution q(z|x) of each example's latent.

    Attributes
    ----------
    mean, log_variance
        μ(x) and log σ²(x), (batch, latent channels, *cells).
    """

    mean: Array
    log_variance: Array


class Posterior(NamedTuple):
    """What `Core.log_posterior` gives.

    Attributes
    ----------
    log_p
        log p(z, x) up to a constant, (batch,).
    gradient
        ∂/∂z log p(z, x), like z.
    reconstruction
        g(z), like x.
    """

    log_p: Array
    gradient: Array
    reconstruction: Array


@dataclass(frozen=True)
class Core:
    """A bundle that `load` has verified: its graphs, as methods.

    Threads may share it. It may be closed, or used as ``with load(folder) as model``.
    Every method computes one example at a time, so that an example's bytes depend neither
    on its batch nor on the number of examples, and memory does not grow with the batch.
    Wrong arguments raise `CoopError`.

    Attributes
    ----------
    card
        The bundle's contract; see `Card`.
    graphs
        Those of the card. A method whose graph is missing raises `CoopError`.
    device
        Where they run: ``"cpu"`` or ``"cuda:i"``.
    """

    card: Card
    graphs: Mapping[str, LoadedGraph]
    device: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the graphs; every later call raises `CoopError`. Closing twice is fine."""
        for graph in self.graphs.values():
            graph.close()

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

    def decode(self, z: Array, size: int | Sequence[int] | None = None) -> Array:
        """Draw from given latents: x = g(z).

        Parameters
        ----------
        z
            (batch, latent channels, *cells), float32, finite.
        size
            As in `generate`, but None for that of whole cells.

        Returns
        -------
        (batch, channels, *size), float32, within the card's ``value_range``.
        """
        latent, graph = self._latent(), self._graph("generator")
        if size is None:
            z = check_array("z", z, ("batch", latent.channels, *["cells"] * len(latent.strides)))
            size = tuple(n * side for n, side in zip(z.shape[2:], latent.strides, strict=True))
        size = check_size(size, self.card)
        z = check_array("z", z, ("batch", *latent_shape(latent, size)))
        whole = round_up(size, latent.strides)
        (x,) = graph.run({"z": z}, {"x": (len(z), self.card.signal.channels, *whole)})
        return np.clip(crop(x, size), *self.card.signal.value_range)

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

    def encode(self, x: Array) -> Code:
        """Give q(z|x) = N(μ(x), diag σ²(x)), the encoder's guess of the latent of each signal.

        A size off the latent's strides is padded up at the end by repeating the edge.

        Parameters
        ----------
        x
            (batch, channels, *size), float32, finite.
        """
        latent, graph = self._latent(), self._graph("encoder")
        x = pad_up(check_array("x", x, signal_shape(self.card)), latent.strides)
        shape = (len(x), *latent_shape(latent, x.shape[2:]))
        mean, log_variance = graph.run({"x": x}, {"mean": shape, "log_variance": shape})
        return Code(mean, log_variance)

    def energy(self, x: Array) -> Array:
        """Give E(x), (batch,), of signals (batch, channels, *size); lower is more likely.

        A size off the graph's strides is padded up at the end by repeating the edge: the
        energy is that of the padded signal.
        """
        return self.energy_and_gradient(x)[0]

    def energy_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Give E(x), (batch,), and ∇E(x), like x.

        A size off the graph's strides is padded up at the end by repeating the edge: the
        energy is that of the padded signal, and the gradient is with respect to the
        entries of the padded signal, cropped back (what falls on the copies of an edge
        is dropped, not added to the edge).

        Parameters
        ----------
        x
            (batch, channels, *size), float32, finite; any size ≥ 1 along axes that can be
            extended, that of training along others.
        """
        strides = self._graph("energy").spec.strides
        x = check_array("x", x, signal_shape(self.card))
        energy, gradient = self._energy_gradient(pad_up(x, strides))
        return energy, crop(gradient, x.shape[2:])

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
        x, value_range = check_array("x", x, signal_shape(self.card)), self.card.signal.value_range
        last = run_chain(
            graph,
            pad_up(np.clip(x, *value_range), graph.spec.strides),
            streams(seed, first, len(x), Purpose.NOISE),
            steps=settings.steps if steps is None else check_whole("steps", steps, 0),
            settings=settings,
            noise=settings.noise if noise is None else noise,
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
        size = x.shape[2:]
        states = langevin(
            self._energy_gradient,
            pad_up(np.clip(x, *value_range), strides),
            of_each,
            steps=settings.steps if steps is None else check_whole("steps", steps, 0),
            step_size=settings.step_size,
            noise=settings.noise if noise is None else noise,
            max_drift=settings.max_drift,
            clamp=value_range if settings.clamp else None,
            free=None if free is None else pad_up(free, strides),
        )
        return (State(s.step, crop(s.x, size), s.energy, crop(s.gradient, size)) for s in states)

    def log_posterior(
        self, z: Array, x: Array, mask: Array, sigma: float | None = None
    ) -> Posterior:
        """Give log p(z, x) = −‖mask·(x − g(z))‖²/(2σ²) − ‖z‖²/2, its gradient in z, and g(z).

        A size off the latent's strides needs no care: what lies beyond it is not observed.

        Parameters
        ----------
        z
            (batch, latent channels, *cells), cells = size / latent strides, rounded up.
        x
            (batch, channels, *size), float32, finite.
        mask
            Like x: 1 where x is observed, 0 where it is not.
        sigma
            σ > 0 of the residual; None for the card's.
        """
        latent, graph = self._latent(), self._graph("posterior")
        x = check_array("x", x, signal_shape(self.card))
        mask = check_array("mask", mask, x.shape)
        sigma = self.card.sigma if sigma is None else sigma
        if not (sigma is not None and sigma > 0):
            raise ArgumentError("sigma", f"expected > 0, found {sigma}")
        padded, hidden = (pad_up(a, latent.strides, "constant") for a in (x, mask))
        z = check_array("z", z, (len(x), *latent_shape(latent, x.shape[2:])))
        log_p, gradient, reconstruction = graph.run(
            {"z": z, "x": padded, "mask": hidden, "sigma": np.array(sigma, np.float32)},
            {"log_p": (len(x),), "gradient": z.shape, "reconstruction": padded.shape},
        )
        return Posterior(log_p, gradient, crop(reconstruction, x.shape[2:]))

    def require(self, *graphs: str) -> None:
        """Check that these graphs are there.

        Raises
        ------
        MissingGraphError
            One is not.
        """
        for name in graphs:
            self._graph(name)

    def _energy_gradient(self, x: Array) -> tuple[Array, Array]:
        energy, gradient = self.graphs["energy"].run(
            {"x": x}, {"energy": (len(x),), "gradient": x.shape}
        )
        return energy, gradient

    def _blank(
        self, n: int, seed: int, size: int | Sequence[int] | None, first: int, purpose: Purpose
    ) -> tuple[Array, list[Stream]]:
        """Check what a drawing method was given; make room for n examples, and their streams."""
        of_each = streams(seed, first, check_whole("n", n, 1), purpose)
        out = allocate((len(of_each), self.card.signal.channels, *check_size(size, self.card)))
        return out, of_each

    def _graph(self, name: str) -> LoadedGraph:
        if name not in self.graphs:
            raise self._missing(name)
        return self.graphs[name]

    def _latent(self) -> Latent:
        if self.card.latent is None:
            raise self._missing("generator")
        return self.card.latent

    def _langevin(self) -> Langevin:
        if self.card.langevin is None:
            raise self._missing("energy")
        return self.card.langevin

    def _missing(self, name: str) -> MissingGraphError:
        method = self.card.training.get("method")
        learned = f" (it was learned by {method})" if method else ""
        return MissingGraphError(f"'{self.card.name}' has no {name}{learned}: {_INSTEAD[name]}")
