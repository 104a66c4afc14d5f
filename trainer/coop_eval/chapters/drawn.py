"""Samples of a model for one signal: drafts, and what its descriptor makes of them."""

from collections.abc import Sequence

import numpy as np

from coop_runtime import Model

from ..pictures.quality import own_steps
from ..subject import from_model
from .asked import Floats

__all__ = ["drawn"]


def drawn(model: Model, n: int, seed: int, size: int | Sequence[int] | None) -> dict[str, Floats]:
    """Draw signals, and refine them by the steps that the model's card asks for.

    A model without a generator starts from noise, one without an energy refines nothing.

    Returns
    -------
    By what they are, in this package's units: textures (n, channels, height, width), a sound
    (samples,), a clip (channels, frames, height, width).
    """
    steps = own_steps(model)
    drafts = (model.noise if model.card.latent is None else model.generate)(n, seed, size)
    found = {} if model.card.latent is None else {"drafts": from_model(drafts, model)}
    if steps:
        refined = np.clip(model.refined(drafts, seed=seed).x, *model.card.signal.value_range)
        found[f"refined, {steps} steps"] = from_model(refined, model)
    return found
