"""A loaded bundle: generate, judge and revise signals, with numpy and ONNX Runtime only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .arrays import allocate, check_array, check_size, check_whole, crop, pad_up, round_up
from .card import Card
from .errors import CoopError
from .graphs import LoadedGraph
from .langevin import Array, State, langevin

__all__ = ["Model", "Posterior"]

# The third number of a random stream's seed, [seed, example, purpose].
_LATENT, _NOISE = 0, 1


class Posterior(NamedTuple):
    """What `Model.log_posterior` gives.

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
class Model:
    """A bundle that `load` has verified, ready to play.

    Every method computes one example at a time, so that an example's bytes depend neither
    on its batch nor on the number of examples, and memory does not grow with the batch.
    Wrong arguments raise `CoopError`.

    Attributes
    ----------
    card
        The bundle's contract; see `Card`.
    graphs
        ``generator``, ``energy`` and ``posterior``.
    device
        Where they run: ``"cpu"`` or ``"cuda:i"``.
    """

    card: Card
    graphs: Mapping[str, LoadedGraph]
    device: str

    def generate(
        self, n: int = 1, seed: int = 0, size: int | Sequence[int] | None = None, *, first: int = 0
    ) -> Array:
        """Draw signals from the generator: x = g(z), z ~ N(0, I).

        Parameters
        ----------
        n
            Number of examples, ≥ 1.
        seed
            ≥ 0. Example k of a seed is the same bytes whatever ``n`` and ``first`` are.
        size
            Spatial size; one number stands for every axis, None for the size of training.
            Any size ≥ 1: it is made of whole latent cells, then cropped.
        first
            Number of the first example, ≥ 0.

        Returns
        -------
        (n, channels, *size), float32, within the card's ``value_range``.
        """
        n, seed = check_whole("n", n, 1), check_whole("seed", seed, 0)
        first, latent = check_whole("first", first, 0), self.card.latent
        size = check_size(size, self.card.signal)
        whole = round_up(size, latent.stride)
        cells = [side // latent.stride for side in whole]
        out = allocate((n, self.card.signal.channels, *size))
        for k in range(n):
            rng = np.random.default_rng([seed, first + k, _LATENT])
            z = rng.standard_normal((1, latent.channels, *cells), dtype=np.float32)
            (x,) = self.graphs["generator"].run({"z": z}, {"x": (1, out.shape[1], *whole)})
            out[k] = crop(x, size)[0]
        return np.clip(out, *self.card.signal.value_range, out=out)

    def energy(self, x: Array) -> Array:
        """Give E(x), (batch,), of signals (batch, channels, *size); lower is more likely.

        A size off the graph's stride is padded up at the end by repeating the edge: the
        energy is that of the padded signal.
        """
        return self.energy_and_gradient(x)[0]

    def energy_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Give E(x), (batch,), and ∇E(x), like x.

        A size off the graph's stride is padded up at the end by repeating the edge: the
        energy is that of the padded signal, and the gradient is with respect to the
        entries of the padded signal, cropped back (what falls on the copies of an edge
        is dropped, not added to the edge).

        Parameters
        ----------
        x
            (batch, channels, *size), float32, finite, any size ≥ 1.
        """
        x = check_array("x", x, self._shape())
        energy, gradient = self._energy_gradient(pad_up(x, self.graphs["energy"].spec.stride))
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
        energy's stride is padded up once, by repeating the edge, and the padded signal is
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
        x = check_array("x", x, self._shape())
        seed, first = check_whole("seed", seed, 0), check_whole("first", first, 0)
        settings, value_range = self.card.langevin, self.card.signal.value_range
        size = x.shape[2:]
        states = langevin(
            self._energy_gradient,
            pad_up(np.clip(x, *value_range), self.graphs["energy"].spec.stride),
            [np.random.default_rng([seed, first + k, _NOISE]) for k in range(len(x))],
            steps=settings.steps if steps is None else check_whole("steps", steps, 0),
            step_size=settings.step_size,
            noise=settings.noise if noise is None else noise,
            max_drift=settings.max_drift,
            clamp=value_range if settings.clamp else None,
        )
        return (State(s.step, crop(s.x, size), s.energy, crop(s.gradient, size)) for s in states)

    def log_posterior(
        self, z: Array, x: Array, mask: Array, sigma: float | None = None
    ) -> Posterior:
        """Give log p(z, x) = −‖mask·(x − g(z))‖²/(2σ²) − ‖z‖²/2, its gradient in z, and g(z).

        A size off the latent stride needs no care: what lies beyond it is not observed.

        Parameters
        ----------
        z
            (batch, latent channels, *cells), cells = size / latent stride, rounded up.
        x
            (batch, channels, *size), float32, finite.
        mask
            Like x: 1 where x is observed, 0 where it is not.
        sigma
            σ > 0 of the residual; None for the card's.
        """
        latent = self.card.latent
        x = check_array("x", x, self._shape())
        mask = check_array("mask", mask, x.shape)
        sigma = self.card.sigma if sigma is None else sigma
        if not sigma > 0:
            raise CoopError(f"sigma: expected > 0, found {sigma}")
        padded, hidden = (pad_up(a, latent.stride, "constant") for a in (x, mask))
        cells = [side // latent.stride for side in padded.shape[2:]]
        z = check_array("z", z, (len(x), latent.channels, *cells))
        log_p, gradient, reconstruction = self.graphs["posterior"].run(
            {"z": z, "x": padded, "mask": hidden, "sigma": np.array(sigma, np.float32)},
            {"log_p": (len(x),), "gradient": z.shape, "reconstruction": padded.shape},
        )
        return Posterior(log_p, gradient, crop(reconstruction, x.shape[2:]))

    def _energy_gradient(self, x: Array) -> tuple[Array, Array]:
        energy, gradient = self.graphs["energy"].run(
            {"x": x}, {"energy": (len(x),), "gradient": x.shape}
        )
        return energy, gradient

    def _shape(self) -> tuple[int | str, ...]:
        return ("batch", self.card.signal.channels, *["size"] * self.card.signal.dims)
