"""Signals of any size as they come to be: what the page shows while they are drawn."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from coop_runtime import Array, Block, Card, Model
from coop_runtime.tasks.stream import revising_loop, streams_in_tiles

__all__ = ["DRAFTS", "WHOLE", "Drawing", "draw", "goes_in_bands"]

#: Pixels up to which a picture is refined whole, in some 1.2 GB of memory.
WHOLE = 1024 * 1024
#: Share of the work that drafts are, of what is refined in bands.
DRAFTS = 0.1
# Side of a tile's middle, whose energy is shown.
_MIDDLE = 128


class Drawing(NamedTuple):
    """A signal while it is drawn.

    Attributes
    ----------
    x
        (1, channels, *size), in the units of the model.
    done
        Share of the work that is done, from 0 to 1.
    step
        Langevin steps taken so far; in bands, rows or frames that are finished.
    energy
        E(x) per place, of the whole, of the newest band, or of a tile's middle; None of a
        draft that is not refined.
    """

    x: Array
    done: float
    step: int
    energy: float | None


def draw(
    model: Model, size: tuple[int, ...], seed: int, steps: int, loop: bool, whole: int = WHOLE
) -> Iterator[Drawing]:
    """Draw a signal and refine it, step by step; large ones from beginning to end.

    Parameters
    ----------
    model
        Of a texture, sound or clip.
    size
        In the card's order of axes; of a loop in whole strides, see `loop_cells`.
    seed
        As in `Model.generate`.
    steps
        Langevin steps, ≥ 0.
    loop
        Whether it goes on into itself: a picture laid side by side, a clip played again and again.
    whole
        Places up to which it is refined whole.

    Yields
    ------
    The draft first, and the result last, which is what ``coop-run generate`` writes.
    """
    if loop:
        yield from _in_tiles(model, size, seed, steps)
        return
    if goes_in_bands(model.card, size, whole):
        yield from _in_bands(model, size, seed, steps)
        return
    x = model.generate(1, seed, size) if model.card.latent else model.noise(1, seed, size)
    if steps == 0:
        yield Drawing(x, 1.0, 0, None)
        return
    for state in model.refine(x, steps, seed):
        energy = float(state.energy[0]) / math.prod(size)
        yield Drawing(state.x, (1 + state.step) / (1 + steps), state.step, energy)


def goes_in_bands(card: Card, size: tuple[int, ...], whole: int = WHOLE) -> bool:
    """Say whether `draw` goes from beginning to end, because it is large."""
    return math.prod(size) > whole and streams_in_tiles(card)


def _in_tiles(model: Model, size: tuple[int, ...], seed: int, steps: int) -> Iterator[Drawing]:
    middle = tuple(slice((n - min(n, _MIDDLE)) // 2, (n + min(n, _MIDDLE)) // 2) for n in size)
    for step, x in enumerate(revising_loop(model, seed, size, steps)):
        energy = _energy(model, x[:, :, *middle]) if steps else None
        yield Drawing(x, (1 + step) / (1 + steps), step, energy)


def _in_bands(model: Model, size: tuple[int, ...], seed: int, steps: int) -> Iterator[Drawing]:
    low = model.card.signal.value_range[0]
    canvas = np.full((1, model.card.signal.channels, *size), low, np.float32)
    share = DRAFTS if steps else 1.0
    for block in model.stream(seed, size, refine_steps=0):
        rows = _lay(canvas, block)
        yield Drawing(canvas, share * rows / size[0], rows, None)
    if steps == 0:
        return
    for block in model.stream(seed, size, refine_steps=steps):
        rows = _lay(canvas, block)
        share_done = share + (1 - share) * rows / size[0]
        yield Drawing(canvas, share_done, rows, _energy(model, block.x))


def _energy(model: Model, x: Array) -> float:
    """Give E(x) per pixel of the first signal."""
    return float(model.energy(x)[0]) / math.prod(x.shape[2:])


def _lay(canvas: Array, block: Block) -> int:
    """Lay a band on the canvas; give the row below it."""
    end: int = block.start + block.x.shape[2]
    canvas[:, :, block.start : end] = block.x
    return end
