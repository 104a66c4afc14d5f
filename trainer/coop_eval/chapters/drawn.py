"""Samples of a model for one signal: drafts, and what its descriptor makes of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coop_runtime import Model

from ..refinement import STEPS, after_steps, own_steps
from ..subject import from_model
from .asked import Floats

__all__ = ["Drawn", "drawn"]


class Drawn(NamedTuple):
    """Samples by what they are, in this package's units.

    Textures (n, channels, height, width), a sound (samples,), a clip (channels, frames, height,
    width).

    Attributes
    ----------
    samples
        The drafts, which a model without a generator has not, and, if it has an energy, what they
        are refined to by the steps that the card asks for.
    by_steps
        All that is compared: these, and those of other numbers of steps between them, in order.
    """

    samples: dict[str, Floats]
    by_steps: dict[str, Floats]


def drawn(model: Model, n: int, seed: int, size: int | Sequence[int] | None) -> Drawn:
    """Draw signals, and refine them by the steps that the model's card asks for, and by others.

    A model without a generator starts from noise, one without an energy refines nothing.
    """
    own = own_steps(model)
    start = (model.noise if model.card.latent is None else model.generate)(n, seed, size)
    told = {own: f"refined, {own} steps"} | ({} if model.card.latent is None else {0: "drafts"})
    kept = after_steps(model, start, {*STEPS, own} if own else {0}, seed)
    signals = {
        step: from_model(np.clip(x, *model.card.signal.value_range), model)
        for step, x in kept.items()
        if step or model.card.latent is not None
    }
    return Drawn(
        {told[step]: x for step, x in signals.items() if step in told},
        {told.get(step, f"{step} steps"): x for step, x in signals.items()},
    )
