"""Sounds of any length as they come to be, and between two seeds: what the page plays."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import coop_runtime
from coop_runtime import Array, Card, CoopError, Model
from coop_runtime.arrays import latent_shape
from coop_runtime.philox import Purpose, Stream, normal
from coop_runtime.tasks.drawn import mix
from coop_runtime.tasks.stream import TILE, loop_cells

from .drawing import draw, goes_in_bands

__all__ = ["Sounding", "between", "length_of", "sounding"]


class Sounding(NamedTuple):
    """A sound while it is made.

    Attributes
    ----------
    samples
        (time, channels), as long as the whole; what is not made yet is silent.
    done
        Share of the work that is done, from 0 to 1.
    doing
        What is being done, in a few words.
    """

    samples: Array
    done: float
    doing: str


def length_of(card: Card, seconds: float, most: float, loop: bool) -> int:
    """Give the number of samples, or frames, of so many seconds; of a loop, in whole cells.

    Raises
    ------
    CoopError
        Not above 0 and up to ``most`` seconds; a card without a rate.
    """
    if not 0 < seconds <= most:
        raise CoopError(f"length: expected more than 0 and up to {most:g} seconds")
    if card.signal.rate is None:
        raise CoopError(f"the card of '{card.name}' has no rate, so nobody knows how fast it plays")
    unit = loop_cells(card)[0] if loop else 1
    return max(1, round(seconds * card.signal.rate / unit)) * unit


def sounding(model: Model, length: int, seed: int, steps: int, loop: bool) -> Iterator[Sounding]:
    """Make a sound: whole and step by step, or from beginning to end where it is long.

    Parameters
    ----------
    model
        Of a sound.
    length
        In samples; of a loop from `length_of`.
    seed
        As in `Model.generate`.
    steps
        Langevin steps, ≥ 0.
    loop
        Whether it can be played again and again without a click.

    Yields
    ------
    The result last, which is what ``coop-run generate`` writes.
    """
    if not loop and goes_in_bands(model.card, (length,), TILE):
        share = 0.1 if steps else 1.0  # of the work that drafts are
        yield from _in_parts(model, length, seed, 0, (0.0, share))
        if steps:
            yield from _in_parts(model, length, seed, steps, (share, 1.0))
        return
    to_samples = coop_runtime.loop_to_samples if loop else coop_runtime.to_samples
    for state in draw(model, (length,), seed, steps, loop, TILE):
        doing = f"refining, step {state.step}" if steps else "drawing the draft"
        yield Sounding(to_samples(state.x, model.card.signal)[0], state.done, doing)


def _in_parts(
    model: Model, length: int, seed: int, steps: int, span: tuple[float, float]
) -> Iterator[Sounding]:
    """Make it from beginning to end; ``span`` is the share of the work before and after."""
    signal, before = model.card.signal, None
    doing = "refining" if steps else "drawing the draft"
    samples = np.zeros((length, signal.channels), np.float32)
    for block in model.stream(seed, length, refine_steps=steps):
        before = coop_runtime.to_samples(block.x, signal, before)
        end = block.start + before.shape[1]
        samples[block.start : end] = before[0]
        done = span[0] + (span[1] - span[0]) * end / length
        yield Sounding(samples.copy(), done, f"{doing}, {end / (signal.rate or 1):.1f} s so far")


def between(model: Model, seeds: tuple[int, int], way: float, cells: int, steps: int = 0) -> Array:
    """Make a short loop from a latent between those of two seeds.

    Parameters
    ----------
    model
        Of a sound, with a generator.
    seeds
        At ``way`` 0 and 1: the loops that ``coop-run generate --loop`` draws of them.
    way
        From 0 to 1, along the arc between the two latents.
    cells
        Its length in latent cells.
    steps
        Langevin steps, ≥ 0, of the first seed's noise.

    Returns
    -------
    (time, channels).

    Raises
    ------
    CoopError
        The bundle has no generator, or, for ``steps``, no energy.
    """
    model.require("generator")
    latent, signal = model.card.latent, model.card.signal
    if latent is None:  # which `require` has refused
        raise CoopError(f"'{model.card.name}' has no generator")
    stride, margin = latent.strides[0], _margin(model.card, steps)
    shape = latent_shape(latent, (cells * stride,))
    a, b = (normal(Stream(seed, 0, Purpose.LATENT), shape) for seed in seeds)
    z = mix(a, b, way, "spherical").take(range(-margin, cells + margin), axis=1, mode="wrap")
    x = model.decode(z[None])
    if steps:
        *_, last = model.refine(x, steps, seeds[0])
        x = last.x
    inside = x[:, :, margin * stride : (margin + cells) * stride]
    samples: Array = coop_runtime.loop_to_samples(inside, signal)[0]
    return samples


def _margin(card: Card, steps: int) -> int:
    """Give the latent cells to draw on either side, so that a loop's ends know each other."""
    latent, langevin = card.latent, card.langevin
    reach = (latent.reach or (2,))[0] if latent else 0
    if steps and latent and langevin and langevin.reach:
        reach += -(-langevin.reach[0] // latent.strides[0])
    return reach
