"""A loaded bundle, ready to play: every task of the papers as a method."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from .arrays import Array
from .inferring import Inferring
from .langevin import State
from .tasks.damage import Damaged, Kind, damage
from .tasks.drawn import Drawn, Refining, Way, around, between, drawn, path, plane
from .tasks.reconstruct import Reconstruction
from .tasks.recover import recovering
from .tasks.stream import Block, Length, stream

__all__ = ["Model"]

Size = int | Sequence[int] | None
End = int | Array | Reconstruction


class Model(Inferring):
    """A bundle that `load` has verified, ready to play.

    To what the graphs do (`Core`) and the tasks that infer latents (`Inferring`) it adds those that
    draw between latents and restore damage. Where a task is long, it comes twice: as an iterator of
    states, to look at and to stop (`completing`), and run through (`complete`). A mask is 1 or True
    where an entry is **missing**.
    """

    def stream(
        self,
        seed: int = 0,
        size: Length = None,
        *,
        refine_steps: int | None = 0,
        noise: bool | None = None,
        loop: bool = False,
        chunk: int | None = None,
        first: int = 0,
    ) -> Iterator[Block]:
        """Draw one signal of any size in bands along its first axis, in order.

        The bands are those of ``generate(1, seed, size, first=first)``, refined as `refine` would,
        to rounding. Memory does not grow with the first axis: drafts need some tiles and a band of
        the others' size, and each step of refinement twice the reach of ∇E more; only a refined
        loop is kept whole. Nothing is computed ahead: stop whenever there is enough.

        Parameters
        ----------
        seed, first
            As in `generate`.
        size
            As in `generate`; the first number may be ``math.inf``, for a sound, clip or picture
            without end. It begins as every finite one does, up to where that one's end is felt.
        refine_steps
            Langevin steps, ≥ 0; None for the card's.
        noise
            As in `refine`.
        loop
            Whether the signal continues into itself, along every axis that can be extended: a sound
            or clip to be played again and again, a texture to be laid side by side. Sizes must be
            multiples of the graphs' strides.
        chunk
            Samples along a tile's sides, ≥ 1, rounded up to whole cells: less takes less memory
            and gives the first band sooner, and more is computed twice. None: some 2¹⁷ a tile.

        Raises
        ------
        CoopError
            The bundle draws one size only, or its card does not say how far its graphs reach.
        """
        return stream(
            self,
            seed,
            size,
            refine_steps=refine_steps,
            noise=noise,
            loop=loop,
            chunk=chunk,
            first=first,
        )

    def interpolate(
        self,
        a: End,
        b: End,
        frames: int = 9,
        how: Way = "linear",
        *,
        size: Size = None,
        refine_steps: int = 0,
        seed: int = 0,
        noise: bool | None = None,
    ) -> Drawn:
        """Draw frames from a to b.

        Parameters
        ----------
        a, b
            A seed of `generate`; a signal (channels, *size), whose latent is inferred by
            `reconstruct` in 4 chains: its frame is the reconstruction; or what `reconstruct` gave
            of one signal.
        frames
            Their number, the ends included, ≥ 2.
        how
            ``"linear"`` or ``"spherical"``.
        size
            As in `generate`; None: that of the signals if there are any.
        refine_steps, seed, noise
            Langevin steps of each frame, as in `refine`, with the same noise for all frames.
        """
        refining = Refining(refine_steps, seed, noise)
        return drawn(self, path(self, (a, b), frames, how, size), refining)

    def corners(
        self,
        ends: Sequence[End],
        rows: int = 8,
        columns: int = 8,
        how: Way = "spherical",
        *,
        size: Size = None,
        refine_steps: int = 0,
        seed: int = 0,
        noise: bool | None = None,
    ) -> Drawn:
        """Draw a grid between four corners: bilinear, or spherical along rows, then columns.

        Parameters
        ----------
        ends
            Upper left, upper right, lower left, lower right; each as in `interpolate`.
        rows, columns
            ≥ 2.
        how, size, refine_steps, seed, noise
            As in `interpolate`.

        Returns
        -------
        Latents and signals, (rows, columns, …).
        """
        refining = Refining(refine_steps, seed, noise)
        return drawn(self, between(self, ends, (rows, columns), how, size), refining)

    def panel(
        self,
        seed: int = 0,
        rows: int = 9,
        columns: int = 9,
        *,
        extent: float = 2.0,
        size: Size = None,
        refine_steps: int = 0,
        noise: bool | None = None,
    ) -> Drawn:
        """Draw the plane of a 2-D latent over [−2, 2]², first number to the right, second upwards.

        Of a latent of d > 2 numbers, the plane of two orthogonal ones of length √(d/2), drawn from
        the seed: normal coordinates in it then give latents of the usual length.

        Parameters
        ----------
        seed
            Names the plane, and the noise of refinement.
        rows, columns
            ≥ 1.
        extent
            Largest coordinate, > 0.
        size, refine_steps, noise
            As in `interpolate`.

        Returns
        -------
        Latents and signals, (rows, columns, …).
        """
        refining = Refining(refine_steps, seed, noise)
        return drawn(self, plane(self, seed, (rows, columns), extent, size), refining)

    def vary(
        self,
        x: End,
        distance: float,
        n: int = 8,
        seed: int = 0,
        *,
        size: Size = None,
        refine_steps: int = 0,
        noise: bool | None = None,
    ) -> Drawn:
        """Draw neighbours of x, in random directions at one distance in z.

        Parameters
        ----------
        x
            As in `interpolate`.
        distance
            ‖z' − z‖ ≥ 0; latents of d numbers have a length of some √d.
        n
            Number of neighbours, ≥ 1.
        seed
            Names the directions, and the noise of refinement.
        size, refine_steps, noise
            As in `interpolate`.
        """
        refining = Refining(refine_steps, seed, noise)
        return drawn(self, around(self, x, distance, n, seed, size), refining)

    def recovering(
        self,
        x: Array,
        mask: Any = "salt-and-pepper",
        *,
        steps: int | None = None,
        seed: int = 0,
        noise: bool | None = None,
        start: Literal["filled", "given"] = "filled",
        first: int = 0,
    ) -> Iterator[State]:
        """Restore damaged entries by descriptor Langevin, yielding every state; others are held.

        Parameters
        ----------
        x
            (batch, channels, *size), float32.
        mask
            As in `completing`, 1 = damaged; or ``"salt-and-pepper"``, which is found.
        steps, seed, noise, first
            As in `refine`.
        start
            ``"filled"``: damaged entries start as a smooth fill of those around them;
            ``"given"``: as they are.
        """
        return recovering(
            self, x, mask, steps=steps, seed=seed, noise=noise, start=start, first=first
        )

    def recover(
        self,
        x: Array,
        mask: Any = "salt-and-pepper",
        *,
        steps: int | None = None,
        seed: int = 0,
        noise: bool | None = None,
        start: Literal["filled", "given"] = "filled",
        first: int = 0,
    ) -> State:
        """Restore damaged entries: the last state of `recovering`, whose parameters it has."""
        *_, last = recovering(
            self, x, mask, steps=steps, seed=seed, noise=noise, start=start, first=first
        )
        return last

    def damage(
        self,
        x: Array,
        kind: Kind = "salt-and-pepper",
        share: float = 0.3,
        seed: int = 0,
        *,
        first: int = 0,
    ) -> Damaged:
        """Damage signals, to test `recover` and `complete`.

        Parameters
        ----------
        x
            (batch, channels, *size), float32.
        kind
            ``"salt-and-pepper"``: single places at the ends of the range; ``"scribble"``: strokes
            at its upper end; ``"block"``: a box at its middle.
        share
            About how much is damaged, between 0 and 1.
        seed, first
            As in `generate`.
        """
        return damage(self, x, kind, share, seed, first)
