"""A loaded bundle's tasks that infer latents: completion, reconstruction."""

from collections.abc import Iterator
from typing import Any

from .arrays import Array
from .core import Core
from .tasks.around import completing_around
from .tasks.complete import Completion, completing
from .tasks.infer import Chains, Start
from .tasks.reconstruct import How, Reconstruction, reconstructing

__all__ = ["Inferring"]


class Inferring(Core):
    """The tasks of a bundle that infer latents by Langevin dynamics on the posterior."""

    def completing(
        self,
        x: Array,
        mask: Any,
        *,
        seed: int = 0,
        chains: int = 4,
        steps: int = 200,
        settle: int = 50,
        step_size: float | None = None,
        start: Start = "noise",
        sigma: float | None = None,
        refine_steps: int = 0,
        noise: bool | None = None,
        around: int | None = None,
        every: int = 10,
        first: int = 0,
    ) -> Iterator[Completion]:
        """Suggest what is missing, yielding states.

        Parameters
        ----------
        x
            (batch, channels, *size), float32. What stands in missing entries is not looked at.
            Axes that can be extended have any size and are completed as one field; pictures of
            another size than the model's are scaled to it, and what is missing is scaled back.
        mask
            (batch or 1, channels or 1, *size), bool, or float32 of zeros and ones. Something, and
            not everything, must be missing in each example.
        seed, first
            As in `generate`.
        chains
            K ≥ 1, suggestions for each example.
        steps
            Langevin steps on z over the known entries, ≥ 0; the paper takes 1000.
        settle
            Steps without noise after them, towards a mode, ≥ 0.
        step_size
            δ > 0 of the Langevin steps, e.g. the papers' 0.1; None: every chain finds its own.
        start
            ``"noise"``: z ~ N(0, I); ``"encoder"``: z ~ q(z|x) of x with what is missing filled
            smoothly, the first chain at its mean.
        sigma
            σ > 0 of the residual; None for the card's. Smaller ones trust x more.
        refine_steps
            Steps of descriptor Langevin on the missing entries alone at the end, ≥ 0.
        noise
            Whether these have noise; None for the card's choice.
        around
            Entries around what is missing that are looked at, ≥ 0, along axes that can be extended:
            of a large picture with a small hole. At least the size of training; None: everything.
        every
            Steps from one yielded state to the next, ≥ 1; the first and the last are always there.

        Yields
        ------
        States, of which step 0 is the start, and ``steps + settle + refine_steps`` the last.

        Raises
        ------
        ArgumentError, MissingGraphError
            At the call.
        """
        how = Chains(chains, steps, settle, step_size, start, sigma, seed, first)
        if around is None:
            return completing(
                self, x, mask, how, refine_steps=refine_steps, noise=noise, every=every
            )
        return completing_around(
            self, x, mask, how, around, refine_steps=refine_steps, noise=noise, every=every
        )

    def complete(
        self,
        x: Array,
        mask: Any,
        *,
        seed: int = 0,
        chains: int = 4,
        steps: int = 200,
        settle: int = 50,
        step_size: float | None = None,
        start: Start = "noise",
        sigma: float | None = None,
        refine_steps: int = 0,
        noise: bool | None = None,
        around: int | None = None,
        first: int = 0,
    ) -> Completion:
        """Suggest what is missing: the last state of `completing`, whose parameters it has.

        Examples
        --------
        >>> filled = model.complete(x, mask, chains=8)  # doctest: +SKIP
        >>> filled.x, filled.suggestions[:, 1], filled.error  # doctest: +SKIP
        """
        *_, last = self.completing(
            x,
            mask,
            seed=seed,
            chains=chains,
            steps=steps,
            settle=settle,
            step_size=step_size,
            start=start,
            sigma=sigma,
            refine_steps=refine_steps,
            noise=noise,
            around=around,
            every=2**63,
            first=first,
        )
        return last

    def reconstructing(
        self,
        x: Array,
        how: How | None = None,
        *,
        seed: int = 0,
        chains: int = 1,
        steps: int = 200,
        settle: int = 50,
        step_size: float | None = None,
        sigma: float | None = None,
        first: int = 0,
    ) -> Iterator[Reconstruction]:
        """Infer the latents of signals, yielding every state.

        Parameters
        ----------
        x
            (batch, channels, *size), float32, finite.
        how
            ``"encoder"``: the mean of q(z|x), in no steps; ``"posterior"``: Langevin steps from
            N(0, I); ``"both"``: Langevin steps from the encoder. None: the encoder if there is one,
            else the posterior.
        seed, chains, steps, settle, step_size, sigma, first
            As in `completing`; the best chain of each example is given.
        """
        settings = Chains(chains, steps, settle, step_size, "noise", sigma, seed, first)
        return reconstructing(self, x, how, settings)

    def reconstruct(
        self,
        x: Array,
        how: How | None = None,
        *,
        seed: int = 0,
        chains: int = 1,
        steps: int = 200,
        settle: int = 50,
        step_size: float | None = None,
        sigma: float | None = None,
        first: int = 0,
    ) -> Reconstruction:
        """Infer the latents of signals: the last state of `reconstructing`, with its parameters."""
        settings = Chains(chains, steps, settle, step_size, "noise", sigma, seed, first)
        *_, last = reconstructing(self, x, how, settings)
        return last
