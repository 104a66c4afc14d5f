"""Bands of drafts and of Langevin states, computed in tiles that see all that they depend on."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arrays import Array, allocate, latent_shape, pad_up, round_up
from ..card import Langevin, Latent
from ..core import Core
from ..langevin import langevin_step
from ..philox import Purpose, Stream, normal
from .tiles import ENDLESS, Axis, Ends, spans, wrapped

__all__ = ["Block", "Plan", "drafts", "padded", "revised", "revised_ring"]


class Block(NamedTuple):
    """A part of a signal along its first axis: rows of a picture, time of a sound or clip.

    Attributes
    ----------
    start
        First place along that axis.
    x
        (1, channels, places, *size along the other axes), float32.
    """

    start: int
    x: Array


@dataclass(frozen=True)
class Plan:
    """What is streamed, checked.

    Attributes
    ----------
    core
        The bundle.
    size
        Of the signal; the first number may be `ENDLESS`.
    tile
        Sides of a tile, multiples of the graphs' strides along axes that can be extended.
    seed, first
        Name the random numbers.
    loop
        Whether ends are neighbours, along axes that can be extended.
    noise
        Whether Langevin steps add noise.
    """

    core: Core
    size: tuple[int, ...]
    tile: tuple[int, ...]
    seed: int
    first: int
    loop: bool
    noise: bool

    def stream(self, purpose: Purpose) -> Stream:
        """Name the random numbers for this."""
        return Stream(self.seed, self.first, purpose)

    def axes(self, lengths: Sequence[int], reach: Sequence[int], wraps: bool) -> list[Axis]:
        """Describe the axes of what is tiled; those of fixed size are never cut."""
        free = self.core.card.signal.extendable
        return [
            Axis(n, r, wraps) if extendable else Axis(n, 0, wraps=False)
            for n, r, extendable in zip(lengths, reach, free, strict=True)
        ]

    def places(self, first: Ends, sides: Sequence[int]) -> Iterator[tuple[Ends, ...]]:
        """Give the tiles of a band, whose interval along the first axis is given."""
        others = zip(sides[1:], self.tile[1:], strict=True)
        return itertools.product([first], *(spans(0, n, side) for n, side in others))


def drafts(plan: Plan) -> Iterator[Block]:
    """Draw x = g(z), or uniform noise without a generator, band by band."""
    card = plan.core.card
    draw = _noise if card.latent is None else _generated(plan, card.latent)
    for band in spans(0, plan.size[0], plan.tile[0]):
        x = allocate((1, card.signal.channels, band[1] - band[0], *plan.size[1:]))
        for place in plan.places(band, plan.size):
            x[_within(place, [band[0], *[0] * len(plan.size[1:])])] = draw(plan, place)
        yield Block(band[0], x)


def _noise(plan: Plan, place: Sequence[Ends]) -> Array:
    origin, size = [a for a, _ in place], [b - a for a, b in place]
    return plan.core.noise_block(plan.stream(Purpose.START), size, origin)[None]


def _generated(plan: Plan, latent: Latent) -> Callable[[Plan, Sequence[Ends]], Array]:
    """Give the function that draws a tile from the cells that it depends on."""
    cells = latent_shape(latent, plan.size)[1:]
    axes = plan.axes(cells, latent.reach or (), plan.loop or latent.wraps)
    stream = plan.stream(Purpose.LATENT)

    def z(origin: Sequence[int], size: Sequence[int]) -> Array:
        return normal(stream, (latent.channels, *size), origin=origin)

    def draw(plan: Plan, place: Sequence[Ends]) -> Array:
        window = [
            axis.window((a // side, -(-b // side)))
            for axis, side, (a, b) in zip(axes, latent.strides, place, strict=True)
        ]
        x = plan.core.decode(wrapped(z, window, cells)[None])
        starts = [a * side for (a, _), side in zip(window, latent.strides, strict=True)]
        return x[_within(place, starts)]

    return draw


def padded(bands: Iterator[Block], strides: Sequence[int]) -> Iterator[Block]:
    """Pad a signal's ends up to the energy's strides, as `Core.refine` does."""
    return (Block(band.start, pad_up(band.x, strides)) for band in bands)


def revised(plan: Plan, settings: Langevin, bands: Iterator[Block], step: int) -> Iterator[Block]:
    """Take one Langevin step behind the bands of the states before it.

    A place is revised when all that its gradient depends on is known. Of what came, only what later
    places depend on is kept.
    """
    strides = plan.core.graphs["energy"].spec.strides
    axes = _energy_axes(plan, settings, strides, wraps=False)
    (length, reach, _), *_ = axes
    x, top, done = None, 0, 0  # the states kept, their first place, the first not yet revised
    for start, band in bands:
        known = start + band.shape[2]
        x = band if x is None else np.concatenate([x, band], axis=2)
        del band  # steps wait one inside the other: none may hold more than it needs
        for ends in spans(done, known if known == length else known - reach, plan.tile[0]):
            moved = [_moved(plan, settings, axes, step, ends, _seen(x, top))]
            done = ends[1]
            below = max(0, done - reach)
            x, top = x[:, :, below - top :].copy(), below
            yield Block(ends[0], moved.pop())


def revised_ring(plan: Plan, settings: Langevin, x: Array, step: int) -> Array:
    """Take one Langevin step of a whole signal whose ends are neighbours."""
    strides = plan.core.graphs["energy"].spec.strides
    axes = _energy_axes(plan, settings, strides, wraps=True)
    bands = spans(0, plan.size[0], plan.tile[0])
    moved = (_moved(plan, settings, axes, step, ends, _around(x)) for ends in bands)
    return np.concatenate(list(moved), axis=2)


def _energy_axes(plan: Plan, settings: Langevin, strides: Sequence[int], wraps: bool) -> list[Axis]:
    """Describe the axes of padded states; windows must begin and end at multiples of strides."""
    lengths = [
        n if n == ENDLESS else round_up([n], [side])[0]
        for n, side in zip(plan.size, strides, strict=True)
    ]
    return plan.axes(lengths, round_up(settings.reach or (), strides), wraps)


def _moved(
    plan: Plan,
    settings: Langevin,
    axes: Sequence[Axis],
    step: int,
    band: Ends,
    see: Callable[[Sequence[Ends]], Array],
) -> Array:
    """Take one Langevin step of a band; ``see`` gives the states of an interval along each axis."""
    core, stream = plan.core, plan.stream(Purpose.NOISE)
    sides = [axis.length for axis in axes]
    out = allocate((1, core.card.signal.channels, band[1] - band[0], *sides[1:]))
    for place in plan.places(band, sides):
        window = [axis.window(ends) for axis, ends in zip(axes, place, strict=True)]
        x, inside = see(window), _within(place, [a for a, _ in window])
        gradient = core.energy_and_gradient(x)[1][inside]
        x = x[inside]
        n = normal(stream, x.shape[1:], step, [a for a, _ in place]) if plan.noise else None
        out[_within(place, [band[0], *[0] * len(sides[1:])])] = langevin_step(
            x,
            gradient,
            n,
            step_size=settings.step_size,
            max_drift=settings.max_drift,
            clamp=core.card.signal.value_range if settings.clamp else None,
        )
    return out


def _seen(x: Array, top: int) -> Callable[[Sequence[Ends]], Array]:
    """Look at states whose first place along the first axis is ``top``."""
    return lambda window: x[_within(window, [top, *[0] * (x.ndim - 3)])]


def _around(x: Array) -> Callable[[Sequence[Ends]], Array]:
    """Look at states whose ends are neighbours."""

    def see(window: Sequence[Ends]) -> Array:
        seen = x
        for axis, ends in enumerate(window, start=2):
            seen = seen.take(range(*ends), axis=axis, mode="wrap")
        return seen

    return see


def _within(place: Sequence[Ends], starts: Sequence[int]) -> tuple[slice, ...]:
    """Give the slices of (batch, channels, …) where a place lies in what begins at ``starts``."""
    inside = (slice(a - at, b - at) for (a, b), at in zip(place, starts, strict=True))
    return (slice(None), slice(None), *inside)
