"""The tab that fills holes of pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from coop_runtime import CoopError

from ..inputs import open_picture
from ..pictures import Pixels
from .choices import Choice
from .controls import stops
from .exploring import visible
from .filling import Ask, canvas
from .friendly import friendly
from .inpaint_job import AXES, EXAMPLE, Filled, chosen, example, suggest
from .ready import Ready
from .show import status
from .studio import COMPUTE, Studio

__all__ = ["inpaint"]

_BRUSH = "rgb(233, 30, 99)"
_HINT = "Choose a picture, paint over what is to be filled, then press Complete."


def inpaint(studio: Studio) -> Choice:
    """Lay out the tab; give the list of bundles, to be refreshed when there are new ones."""
    library, ready = studio.library, Ready(studio.library)

    def names() -> list[str]:
        return [n for kind in ("texture", "images") for n in library.names(kind, "generator")]

    filled = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            bundle = gr.Dropdown(
                names(), value=next(iter(names()), None), label="Model", elem_id="inpaint-bundle"
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
                    30,
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
            gr.Markdown("Paint over what is to be filled:")
            editor = gr.ImageEditor(
                label="Paint over what is to be filled",
                show_label=False,
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
                columns=4,
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
                x=AXES[0],
                y=AXES[1],
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
            shown = suggest(studio, bundle, picture, layers, mask, ask)
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
        if not name or (picture is not None and not Path(picture).name.startswith(EXAMPLE)):
            return gr.skip()
        with friendly():
            return example(studio, name, ready.pictures(name), 0)

    def take(name: str, event: gr.SelectData) -> str:
        with friendly():
            return example(studio, name, ready.pictures(name), int(event.index))

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
        return chosen(studio, filled, int(event.index))

    stops(stop, completing, line)
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
    picture.change(  # in the queue, or else the page would not show its errors
        paint,
        picture,
        editor,
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    gallery.select(choose, filled, [slider, file], queue=False, api_visibility="private")
    return Choice(bundle, names)
