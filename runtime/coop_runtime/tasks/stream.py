"""Signals larger than memory: drawn and revised band by band, as if they were whole.

A band is drawn in tiles, each with the latent cells around it that it depends on (`Latent.reach`),
whose random numbers depend on their place alone. Langevin steps run one behind the other, each as
far behind the one before as the energy's gradient reaches (`Langevin.reach`), so that it finds all
that it depends on. The result is that of `generate` and `refine` but for rounding: there are no
seams to hide.
"""

import math
from collections.abc import Iterator, Sequence

from ..arguments import check_switch
from ..arrays import Array, allocate, check_size, check_whole, crop
from ..card import Card, Langevin
from ..core import Core
from ..errors import ArgumentError, CoopError
from ..philox import Purpose, streams
from .bands import Block, Plan, drafts, padded, revised, revised_ring
from .tiles import ENDLESS, spans

__all__ = [
    "TILE",
    "Block",
    "Length",
    "loop_cells",
    "revising_loop",
    "stream",
    "streams_in_tiles",
]

#: A size of `generate`, whose first number may be infinite.
Length = float | Sequence[float] | None

#: Samples of a tile, without what lies around it: memory against computing twice what tiles share.
TILE = 2**17


def stream(
    core: Core,
    seed: int,
    size: Length,
    *,
    refine_steps: int | None,
    noise: bool | None,
    loop: bool,
    chunk: int | None,
    first: int,
) -> Iterator[Block]:
    """Draw a signal of any size in bands; see `Model.stream`."""
    plan, steps = _plan(core, seed, size, refine_steps, noise, loop, chunk, first)
    if steps == 0:
        return drafts(plan)
    return _ring(plan, steps) if loop else _chain(plan, steps)


def revising_loop(
    core: Core, seed: int, size: Sequence[int], refine_steps: int, *, first: int = 0
) -> Iterator[Array]:
    """Draw a loop and revise it, yielding it whole after every step, the draft first.

    Parameters
    ----------
    core
        A bundle that `streams_in_tiles`.
    seed, size, first
        As in `Model.stream`.
    refine_steps
        Langevin steps, ≥ 0.

    Yields
    ------
    (1, channels, *size); the last is what `Model.stream` gives band by band.

    Raises
    ------
    CoopError
        As `Model.stream` does.
    """
    plan, steps = _plan(core, seed, size, refine_steps, None, True, None, first)
    yield from _ring_states(plan, steps)


def _plan(
    core: Core,
    seed: int,
    size: Length,
    refine_steps: int | None,
    noise: bool | None,
    loop: bool,
    chunk: int | None,
    first: int,
) -> tuple[Plan, int]:
    """Check what is asked for; give how it is drawn, and the Langevin steps."""
    card, settings = core.card, core.card.langevin
    streams(seed, first, 1, Purpose.LATENT)
    if refine_steps is None:
        refine_steps = settings.steps if settings else 0
    if check_whole("refine_steps", refine_steps, 0) > 0:
        core.require("energy")
    sides = _sides(card, size)
    _check_known(card, refine_steps)
    check_switch("loop", loop)
    if loop:
        _check_loop(card, sides)
        if refine_steps:
            allocate(_whole(card, sides))  # refused now rather than when much of it is drawn
    tile = _tile(card, sides, loop_cells(card), chunk)
    if noise is None:
        noise = bool(settings and settings.noise)
    check_switch("noise", noise)
    return Plan(core, sides, tile, seed, first, loop, noise=noise), refine_steps


def streams_in_tiles(card: Card) -> bool:
    """Say whether `stream` can draw from a bundle: whether it draws several sizes, and says how."""
    parts = [part for part in (card.latent, card.langevin) if part is not None]
    return card.signal.extendable[0] and all(part.reach is not None for part in parts)


def loop_cells(card: Card) -> tuple[int, ...]:
    """Give what the size of a loop must be a multiple of: all graphs' strides; 1 where it is fixed.

    A fixed axis has one size, and is not wrapped.
    """
    strides = [graph.strides for graph in card.graphs.values()]
    return tuple(
        math.lcm(*axis) if free else 1
        for axis, free in zip(zip(*strides, strict=True), card.signal.extendable, strict=True)
    )


def _chain(plan: Plan, steps: int) -> Iterator[Block]:
    bands = padded(drafts(plan), plan.core.graphs["energy"].spec.strides)
    for step in range(1, steps + 1):
        bands = revised(plan, _settings(plan), bands, step)
    for start, x in bands:
        size = (min(x.shape[2], plan.size[0] - start), *plan.size[1:])
        if size[0] > 0:
            yield Block(start, crop(x, size))


def _ring(plan: Plan, steps: int) -> Iterator[Block]:
    *_, x = _ring_states(plan, steps)
    for start, stop in spans(0, plan.size[0], plan.tile[0]):
        yield Block(start, x[:, :, start:stop])


def _ring_states(plan: Plan, steps: int) -> Iterator[Array]:
    x = allocate(_whole(plan.core.card, plan.size))
    for band in drafts(plan):
        x[:, :, band.start : band.start + band.x.shape[2]] = band.x
    yield x
    for step in range(1, steps + 1):
        x = revised_ring(plan, _settings(plan), x, step)
        yield x


def _whole(card: Card, size: Sequence[int]) -> tuple[int, ...]:
    """Give the shape of a signal of this size."""
    return 1, card.signal.channels, *size


def _settings(plan: Plan) -> Langevin:
    settings = plan.core.card.langevin
    assert settings is not None  # noqa: S101  `_plan` requires an energy where there are steps
    return settings


def _sides(card: Card, size: Length) -> tuple[int, ...]:
    """Give the spatial size; `ENDLESS` where it is infinite."""
    sides = [*size] if isinstance(size, Sequence) else [size]
    if not sides or sides[0] != math.inf:
        return check_size(size, card)  # type: ignore[arg-type]  # it refuses what is not whole
    others = sides[1:] if isinstance(size, Sequence) else card.signal.trained_shape[1:]
    if not isinstance(size, Sequence) and any(card.signal.extendable[1:]):
        raise ArgumentError("size", "only the first axis can be infinite; give the others' sizes")
    fixed = card.signal.trained_shape[:1]
    return ENDLESS, *check_size((*fixed, *others), card)[1:]


def _check_known(card: Card, steps: int) -> None:
    """Refuse a bundle of one size, and one whose card does not say how far its graphs reach."""
    if not card.signal.extendable[0]:
        raise CoopError(f"'{card.name}' draws one size only, which generate() gives whole")
    missing = card.latent is not None and card.latent.reach is None
    if missing or (steps and card.langevin is not None and card.langevin.reach is None):
        raise CoopError(
            f"the card of '{card.name}' does not say how far its graphs reach, so that it cannot "
            "be drawn in parts; export it again"
        )


def _check_loop(card: Card, sides: Sequence[int]) -> None:
    units = loop_cells(card)
    if sides[0] == ENDLESS:
        raise ArgumentError("size", "a loop has an end; give a number")
    if any(n % unit for n, unit in zip(sides, units, strict=True)):
        found, shown = ("x".join(map(str, numbers)) for numbers in (sides, units))
        raise ArgumentError("size", f"a loop needs multiples of {shown}, found {found}")


def _tile(
    card: Card, sides: Sequence[int], units: Sequence[int], chunk: int | None
) -> tuple[int, ...]:
    """Give the sides of a tile: ``chunk``, or what makes about `TILE` samples, in whole units."""
    free = card.signal.extendable
    if chunk is None:
        fixed = math.prod(n for n, extendable in zip(sides, free, strict=True) if not extendable)
        chunk = max(1, round((TILE / fixed) ** (1 / sum(free))))
    side = check_whole("chunk", chunk, 1)
    return tuple(
        -(-side // unit) * unit if extendable else n
        for n, unit, extendable in zip(sides, units, free, strict=True)
    )
