"""The tab that fills holes of pictures."""

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
from .filling import Ask, Filling, canvas, fill, in_levels, painted, told
from .friendly import friendly
from .ready import Ready
from .results import Recipe
from .show import Clock, preview, status, to_pixels
from .studio import COMPUTE, Studio

__all__ = ["inpaint"]

_BRUSH = "rgb(233, 30, 99)"
_EXAMPLE = "example-"
_HINT = "Choose a picture, paint over what is to be filled, then press Complete."
_AXES = ("step", "difference")


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


def inpaint(studio: Studio) -> gr.Dropdown:
    """Lay out the tab; give the list of bundles, to be refreshed when there are new ones."""
    library, ready = studio.library, Ready(studio.library)
    names = [n for kind in ("texture", "images") for n in library.names(kind, "generator")]
    filled = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            bundle = gr.Dropdown(
                names, value=next(iter(names), None), label="Model", elem_id="inpaint-bundle"
            )
            picture = gr.Image(
                label="Your picture",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                height=200,
                buttons=[],
                alt_text="the picture to be filled",
                elem_id="inpaint-picture",
            )
            gr.Markdown("Or one of these:")
            examples = gr.Gallery(
                label="Ready pictures",
                show_label=False,
                columns=6,
                height=80,
                format="png",
                allow_preview=False,
                interactive=False,
                buttons=[],
                elem_id="inpaint-examples",
            )
            count = gr.Slider(1, 6, 4, step=1, label="Suggestions", elem_id="inpaint-count")
            with gr.Accordion("More", open=False):
                steps = gr.Slider(
                    10,
                    1000,
                    120,
                    step=10,
                    label="Steps",
                    info="More steps find what fits the surroundings better, and take longer.",
                )
                refine = gr.Slider(
                    0,
                    100,
                    0,
                    step=1,
                    label="Steps of refinement",
                    info="At the end, the descriptor refines what was filled.",
                )
                seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=2**32 - 1)
                mask = gr.Image(
                    label="A mask instead of painting: white where something is missing",
                    type="filepath",
                    image_mode=None,
                    sources=["upload"],
                    height=160,
                    buttons=[],
                    alt_text="the mask",
                    elem_id="inpaint-mask",
                )
        with gr.Column(scale=2, min_width=320):
            editor = gr.ImageEditor(
                label="Paint over what is to be filled",
                type="numpy",
                sources=[],
                transforms=[],
                buttons=[],
                layers=False,
                format="png",
                height=480,
                brush=gr.Brush(default_size=40, colors=[_BRUSH], color_mode="fixed"),
                eraser=gr.Eraser(default_size=40),
                elem_id="inpaint-editor",
            )
            with gr.Row():
                start = gr.Button("Complete", variant="primary", elem_id="inpaint-start")
                stop = gr.Button("Stop", variant="stop", elem_id="inpaint-stop")
            line = gr.HTML(status(_HINT), elem_id="inpaint-status")
            gr.Markdown("Suggestions, the best first. Choose one to see it larger:")
            gallery = gr.Gallery(
                label="Suggestions",
                show_label=False,
                columns=3,
                height="auto",
                format="png",
                allow_preview=False,
                interactive=False,
                buttons=[],
                elem_id="inpaint-suggestions",
            )
            slider = gr.ImageSlider(
                label="Before and after",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                elem_id="inpaint-slider",
            )
            with gr.Row():
                file = gr.DownloadButton(
                    "Download PNG with its settings", interactive=False, elem_id="inpaint-file"
                )
                mask_file = gr.DownloadButton(
                    "Download the mask", interactive=False, elem_id="inpaint-mask-file"
                )
            plot = gr.LinePlot(
                x=_AXES[0],
                y=_AXES[1],
                label="How far the best suggestion is from what is known, in levels of 255",
            )

    def run(
        bundle: str,
        picture: str | None,
        painted_on: dict[str, Any] | None,
        mask: str | None,
        count: float,
        steps: float,
        refine: float,
        seed: float,
    ) -> Iterator[dict[Any, Any]]:
        """Fill what is missing of a picture, with up to six suggestions, the best first.

        Missing is what is white in the mask, a picture of the same size, or else what is painted
        in the layers of the editor. Gives the suggestions, the status, the steps' differences, the
        picture before and after, and files: the best suggestion and the mask.
        """
        with friendly():
            if picture is None:
                raise CoopError("there is no picture yet: upload one, or choose one of those below")
            ask = Ask(int(count), int(steps), int(refine), int(seed))
            layers = (painted_on or {}).get("layers") or []
            shown = _run(studio, bundle, picture, layers, mask, ask)
            for values in shown:
                yield dict(zip(outputs, values, strict=True))

    outputs = [gallery, line, plot, slider, file, mask_file, filled]
    completing = start.click(
        run,
        [bundle, picture, editor, mask, count, steps, refine, seed],
        outputs,
        api_name="inpaint",
        **COMPUTE,
    )

    def begin(name: str) -> list[Pixels]:
        with friendly():
            return [visible(pixels) for pixels in ready.pictures(name)] if name else []

    def first(name: str, picture: str | None) -> Any:
        if not name or (picture is not None and not Path(picture).name.startswith(_EXAMPLE)):
            return gr.skip()
        with friendly():
            return _example(studio, name, ready.pictures(name), 0)

    def take(name: str, event: gr.SelectData) -> str:
        with friendly():
            return _example(studio, name, ready.pictures(name), int(event.index))

    def paint(picture: str | None) -> Any:
        if picture is None:
            return None
        with friendly():
            source = Path(picture)
            pixels = np.asarray(open_picture(source.read_bytes(), source.name).convert("RGB"))
            return {"background": canvas(pixels), "layers": [], "composite": None}

    def choose(filled: Filled | None, event: gr.SelectData) -> tuple[Any, Any]:
        if filled is None:
            return gr.skip(), gr.skip()
        return _chosen(studio, filled, int(event.index))

    stop.click(
        lambda: status("Stopped."),
        None,
        line,
        cancels=[completing],
        queue=False,
        api_visibility="private",
    )
    gr.on(  # when the page opens, too
        None,
        begin,
        bundle,
        examples,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    examples.change(first, [bundle, picture], picture, queue=False, api_visibility="private")
    examples.select(take, bundle, picture, queue=False, api_visibility="private")
    picture.change(paint, picture, editor, queue=False, api_visibility="private")
    gallery.select(choose, filled, [slider, file], queue=False, api_visibility="private")
    return bundle


def _run(
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
    settings = ask.settings(around)
    clock, points = Clock(), list[tuple[int, float]]()
    state: Filling | None = None
    for state in studio.worker.run(lambda: fill(model, read.x, missing, settings)):
        points.append((state.step, in_levels(float(state.errors[0]), card)))
        doing = f"step {state.step}: what is known is met to {points[-1][1]:.0f} of 255 levels"
        shown = [visible(preview(x[None], card)) for x in state.x]
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
    slider, file = _chosen(studio, filled, 0)
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


def _chosen(studio: Studio, filled: Filled, index: int) -> tuple[Any, Any]:
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


def _example(studio: Studio, bundle: str, pictures: list[Pixels], index: int) -> str:
    """Write an example as a file, as if it were an upload; give its path."""
    recipe = studio.recipe("generate", bundle, {})
    name = f"{_EXAMPLE}{bundle}-{index + 1}.png"
    return studio.results.picture(pictures[index], name, recipe)


def _greyed(picture: str, card: Card) -> bool:
    """Say whether a picture of colours was made grey for the model."""
    if card.signal.channels != 1:
        return False
    pixels = np.asarray(open_picture(Path(picture).read_bytes(), "").convert("RGB"))
    return bool((pixels != pixels[..., :1]).any())


def _table(points: list[tuple[int, float]]) -> pd.DataFrame:
    return pd.DataFrame(points, columns=list(_AXES))
