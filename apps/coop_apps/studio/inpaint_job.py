"""What the tab that fills holes does with a picture: suggestions as they come, and files."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from coop_runtime import Card, CoopError
from coop_runtime.tasks.masks import Mask

from ..inputs import open_picture, read_input
from ..masks import read_mask
from ..pictures import Pixels
from .exploring import visible
from .filling import Ask, Filling, fill, in_levels, painted, told
from .results import Recipe
from .show import Clock, preview, status, to_pixels
from .studio import Studio

__all__ = ["AXES", "EXAMPLE", "Filled", "chosen", "example", "suggest"]

#: Of the plot of differences.
AXES = ("step", "difference")
#: What the names of example pictures begin with.
EXAMPLE = "example-"

_PREVIEW = 256  # longest side of suggestions while they come to be


@dataclass(frozen=True)
class Filled:
    """What was completed: to choose from.

    Attributes
    ----------
    before
        The picture, (height, width, 3).
    after
        The suggestions, best first.
    recipe
        How the first is made.
    mask
        Path of the mask as PNG.
    """

    before: Pixels
    after: list[Pixels]
    recipe: Recipe
    mask: str


def suggest(
    studio: Studio,
    bundle: str,
    picture: str,
    layers: list[Pixels],
    mask: str | None,
    ask: Ask,
) -> Iterator[tuple[Any, ...]]:
    """Yield values of gallery, line, plot, slider, files and what there is to choose from."""
    model = studio.library.model(bundle)
    card = model.card
    read = read_input(picture, card, any_size=True)
    side = max(read.x.shape[2:])
    if side > studio.limits.side:
        raise CoopError(
            f"the picture is {side} pixels long; at most {studio.limits.side}: make it smaller"
        )
    missing = _missing(layers, mask, card, read.x.shape[2:])
    around, said = told(card, missing)
    if "energy" not in model.graphs:
        ask = replace(ask, refine=0)
    settings = ask.settings(around)
    clock, points = Clock(), list[tuple[int, float]]()
    state: Filling | None = None
    apart = math.ceil(side / _PREVIEW)
    for state in studio.worker.run(lambda: fill(model, read.x, missing, settings), every=1.0):
        points.append((state.step, in_levels(float(state.errors[0]), card)))
        doing = f"step {state.step}: what is known is met to {points[-1][1]:.0f} of 255 levels"
        shown = [visible(to_pixels(x[None, :, ::apart, ::apart], card)) for x in state.x]
        nothing = gr.update(interactive=False)
        line = status(f"{doing}{clock.left(state.done)}", state.done)
        yield shown, line, _table(points), gr.skip(), nothing, nothing, None
    if state is None:  # the worker ended without a result
        return
    options = {"mask": "mask.png"} | settings
    recipe = studio.recipe("complete", bundle, options, Path(picture).name)
    filled = Filled(
        to_pixels(read.x, card),
        [to_pixels(x[None], card) for x in state.x],
        recipe,
        _mask_file(studio, missing, recipe),
    )
    shown = [visible(preview(x[None], card)) for x in state.x]
    slider, file = chosen(studio, filled, 0)
    grey = (
        "Its colours were made grey: the model knows no others. " if _greyed(picture, card) else ""
    )
    line = status(
        f"Done in {clock.seconds:.1f} s. {grey}{said}Choose a suggestion to see it larger. "
        f"The first by a command: <code>{recipe.line('out.png')}</code>"
    )
    ready = gr.update(value=filled.mask, interactive=True)
    yield shown, line, _table(points), slider, file, ready, filled


def _missing(layers: list[Pixels], mask: str | None, card: Card, size: tuple[int, ...]) -> Mask:
    """Give what is missing, (1, 1, height, width): by the mask if there is one, else as painted."""
    if mask is not None:
        return read_mask(mask, card, size)[0]
    return painted(layers, (size[0], size[1]))[None, None]


def chosen(studio: Studio, filled: Filled, index: int) -> tuple[Any, Any]:
    """Give the values of the slider and of the file for one of the suggestions."""
    recipe = filled.recipe
    if index:
        recipe = replace(recipe, options=dict(recipe.options) | {"choose": index + 1})
    after = filled.after[index]
    path = studio.results.picture(after, f"{recipe.bundle}-filled-{index + 1}.png", recipe)
    return (visible(filled.before), visible(after)), gr.update(value=path, interactive=True)


def _mask_file(studio: Studio, missing: Mask, recipe: Recipe) -> str:
    pixels = np.where(missing[0].any(axis=0), 255, 0).astype(np.uint8)[..., None]
    return studio.results.picture(pixels, "mask.png", recipe)


def example(studio: Studio, bundle: str, pictures: list[Pixels], index: int) -> str:
    """Write an example as a file, as if it were an upload; give its path."""
    recipe = studio.recipe("generate", bundle, {})
    name = f"{EXAMPLE}{bundle}-{index + 1}.png"
    return studio.results.picture(pictures[index], name, recipe)


def _greyed(picture: str, card: Card) -> bool:
    """Say whether a picture of colours was made grey for the model."""
    if card.signal.channels != 1:
        return False
    pixels = np.asarray(open_picture(Path(picture).read_bytes(), "").convert("RGB"))
    return bool((pixels != pixels[..., :1]).any())


def _table(points: list[tuple[int, float]]) -> pd.DataFrame:
    return pd.DataFrame(points, columns=list(AXES))
