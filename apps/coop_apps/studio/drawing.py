"""Signals of any size as they come to be: what the page shows while they are drawn."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from coop_runtime import Array, Block, Model
from coop_runtime.tasks.stream import streams_in_tiles

__all__ = ["WHOLE", "Drawing", "draw"]

#: Pixels up to which a picture is refined whole, in some 1.2 GB of memory; larger ones in bands.
WHOLE = 1024 * 1024


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
        E(x) per sample's place, of the whole or of the newest band; None of a draft.
    """

    x: Array
    done: float
    step: int
    energy: float | None


def draw(
    model: Model, size: tuple[int, ...], seed: int, steps: int, loop: bool, whole: int = WHOLE
) -> Iterator[Drawing]:
    """Draw a signal and refine it, step by step; large or seamless ones from beginning to end.

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
        Samples up to which it is refined whole.

    Yields
    ------
    The draft first, and the result last, which is what ``coop-run generate`` writes.
    """
    if loop or (math.prod(size) > whole and streams_in_tiles(model.card)):
        yield from _in_bands(model, size, seed, steps, loop)
        return
    x = model.generate(1, seed, size) if model.card.latent else model.noise(1, seed, size)
    if steps == 0:
        yield Drawing(x, 1.0, 0, None)
        return
    for state in model.refine(x, steps, seed):
        energy = float(state.energy[0]) / math.prod(size)
        yield Drawing(state.x, (1 + state.step) / (1 + steps), state.step, energy)


def _in_bands(
    model: Model, size: tuple[int, ...], seed: int, steps: int, loop: bool
) -> Iterator[Drawing]:
    low = model.card.signal.value_range[0]
    canvas = np.full((1, model.card.signal.channels, *size), low, np.float32)
    share = 0.1 if steps else 1.0  # of the work that drafts are
    for block in model.stream(seed, size, refine_steps=0, loop=loop):
        rows = _lay(canvas, block)
        yield Drawing(canvas, share * rows / size[0], rows, None)
    if steps == 0:
        return
    for block in model.stream(seed, size, refine_steps=steps, loop=loop):
        rows = _lay(canvas, block)
        energy = float(model.energy(block.x)[0]) / math.prod(block.x.shape[2:])
        yield Drawing(canvas, share + (1 - share) * rows / size[0], rows, energy)


def _lay(canvas: Array, block: Block) -> int:
    """Lay a band on the canvas; give the row below it."""
    end: int = block.start + block.x.shape[2]
    canvas[:, :, block.start : end] = block.x
    return end
