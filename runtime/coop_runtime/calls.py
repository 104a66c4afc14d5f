"""What a loaded bundle's graphs do, one call of one graph each: draw, judge, read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from .arguments import check_number
from .arrays import (
    Array,
    check_array,
    check_size,
    crop,
    latent_shape,
    pad_up,
    round_up,
    signal_shape,
)
from .card import Card, Langevin, Latent
from .errors import ArgumentError, MissingGraphError
from .graphs import LoadedGraph

__all__ = ["Code", "GraphCalls", "Posterior"]

# What to do where a graph is missing.
_INSTEAD = {
    "generator": "it has no latent and no drafts; refine() what noise() gives",
    "energy": "it draws with generate(), but cannot judge or revise",
    "encoder": "infer latents from the posterior, with reconstruct() or complete()",
    "chain": "leave chain out, or export it with --chain",
}


class Code(NamedTuple):
    """What `GraphCalls.encode` gives: the normal distribution q(z|x) of each example's latent.

    Attributes
    ----------
    mean, log_variance
        μ(x) and log σ²(x), (batch, latent channels, *cells).
    """

    mean: Array
    log_variance: Array


class Posterior(NamedTuple):
    """What `GraphCalls.log_posterior` gives.

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
class GraphCalls:
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

    def decode(self, z: Array, size: int | Sequence[int] | None = None) -> Array:
        """Draw from given latents: x = g(z).

        Parameters
        ----------
        z
            (batch, latent channels, *cells), float32, finite.
        size
            As in `Core.generate`, but None for that of whole cells.

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
            Like x: 1 where x is observed, 0 where it is not; between, for averages of both.
        sigma
            σ > 0 of the residual; None for the card's.
        """
        latent, graph = self._latent(), self._graph("posterior")
        x = check_array("x", x, signal_shape(self.card))
        mask = check_array("mask", mask, x.shape)
        sigma = self.card.sigma if sigma is None else sigma
        check_number("sigma", sigma)
        padded, hidden = (pad_up(a, latent.strides, "constant") for a in (x, mask))
        z = check_array("z", z, (len(x), *latent_shape(latent, x.shape[2:])))
        if mask.min() < 0 or mask.max() > 1:
            raise ArgumentError("mask", "expected 0 to 1; 1 means observed")
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
