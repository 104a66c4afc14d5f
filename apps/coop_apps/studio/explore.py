"""The tab that shows what a model can draw: panels, sheets, and what lies between two pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

import coop_runtime
from coop_runtime import Array

from ..inputs import read_input
from ..pictures import Pixels
from .choices import Choice
from .explore_parts import buttons, file, image, show_sheet, wire
from .explore_uploads import energy, reconstruct
from .exploring import cell_at, drawn, moving, visible
from .friendly import friendly
from .show import status
from .studio import Studio

__all__ = ["explore"]

_ROWS = 9
Values = Iterator[tuple[Any, ...]]


def explore(studio: Studio) -> Choice:
    """Lay out the tab; give the list of bundles, to be refreshed when there are new ones."""

    def names() -> list[str]:
        return [
            n for kind in ("images", "texture") for n in studio.library.names(kind, "generator")
        ]

    bundle = gr.Dropdown(
        names(), value=next(iter(names()), None), label="Model", elem_id="explore-bundle"
    )
    for title, lay_out in (
        ("Panel", _panel),
        ("Sheet", _sheet),
        ("Between two", _between),
        ("Read again", reconstruct),
        ("How likely", energy),
    ):
        with gr.Tab(title):
            lay_out(studio, bundle)
    return Choice(bundle, names)


def _panel(studio: Studio, bundle: gr.Dropdown) -> None:
    with gr.Row():
        seed = gr.Number(0, label="Plane", precision=0, minimum=0, maximum=2**32 - 1)
        refine = gr.Slider(0, 50, 0, step=1, label="Steps of refinement")
    both = buttons("Draw the panel", "panel")
    line = gr.HTML(
        status("Neighbours on the panel are neighbours in the model. Each number is a new panel."),
        elem_id="explore-panel-status",
    )
    with gr.Row():
        sheet = image("Panel: choose a picture to see it larger", "neighbouring pictures", "panel")
        cell = image("The picture that you chose", "one picture of the panel", "panel-cell")
    path = file("panel")
    kept = gr.State(None, time_to_live=3600)

    def run(bundle: str, seed: float, refine: float) -> Values:
        """Draw a plane of latents of a model, 9 × 9 pictures; the seed names the plane."""
        with friendly():
            model, steps = studio.library.model(bundle), int(refine)

            def work() -> Iterator[Array]:
                x = model.panel(int(seed), _ROWS, _ROWS, refine_steps=steps).x
                yield x.reshape(-1, *x.shape[2:])

            recipe = studio.recipe("panel", bundle, {"seed": int(seed), "refine": steps})
            shown = show_sheet(studio, bundle, _ROWS**2, work, recipe, _ROWS)
            for *values, x in shown:
                cells = None if x is None else coop_runtime.to_uint8(x, model.card.signal)
                yield *values, cells

    def choose(cells: Pixels | None, panel: Pixels | None, event: gr.SelectData) -> Any:
        if cells is None or panel is None:
            return gr.skip()
        return visible(cells[cell_at(event.index, panel.shape, _ROWS, _ROWS)])

    wire(run, [bundle, seed, refine], [sheet, line, path, kept], "panel", line, both)
    sheet.select(choose, [kept, sheet], cell, queue=False, api_visibility="private")


def _sheet(studio: Studio, bundle: gr.Dropdown) -> None:
    with gr.Row():
        count = gr.Slider(1, 64, 25, step=1, label="Pictures")
        refine = gr.Slider(0, 100, 0, step=1, label="Steps of refinement: 0 for drafts")
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=2**32 - 1)
    both = buttons("Draw the sheet", "sheet")
    line = gr.HTML(
        status("Pictures that the model draws by itself."), elem_id="explore-sheet-status"
    )
    sheet = image("Sheet", "pictures that the model drew", "sheet")
    path = file("sheet")

    def run(bundle: str, count: float, refine: float, seed: float) -> Values:
        """Draw pictures of a model on one sheet, each refined by so many steps."""
        with friendly():
            model, n, steps = studio.library.model(bundle), int(count), int(refine)
            options = {"refine": steps, "seed": int(seed), "sheet": n > 1}
            recipe = studio.recipe("generate", bundle, options, "-n", str(n))

            def work() -> Iterator[Array]:
                return drawn(model, n, int(seed), steps)

            for *values, _ in show_sheet(studio, bundle, n, work, recipe):
                yield tuple(values)

    wire(run, [bundle, count, refine, seed], [sheet, line, path], "sheet", line, both)


def _between(studio: Studio, bundle: gr.Dropdown) -> None:
    with gr.Row():
        ends = [_end(letter, k + 1) for k, letter in enumerate("AB")]
    with gr.Row():
        frames = gr.Slider(2, 33, 9, step=1, label="Pictures", elem_id="explore-frames")
        refine = gr.Slider(0, 50, 0, step=1, label="Steps of refinement")
        how = gr.Radio(
            [("Straight", "linear"), ("Round", "spherical")], value="spherical", label="Way"
        )
    both = buttons("Go from A to B", "between")
    line = gr.HTML(
        status("Each end is the picture, if you upload one, or else what its seed draws."),
        elem_id="explore-between-status",
    )
    strip = image("Strip", "the pictures from A to B, side by side", "strip")
    film = image("Film", "the pictures from A to B, one after another", "film")
    with gr.Row():
        strip_path, film_path = file("strip"), file("film", "Download the film (WebP)")

    def run(
        bundle: str,
        seed_a: float,
        picture_a: str | None,
        seed_b: float,
        picture_b: str | None,
        frames: float,
        refine: float,
        how: Any,
    ) -> Values:
        """Draw what lies between two pictures or seeds: a strip, and a moving picture (WebP).

        An end is the picture, if one is given, else what its seed draws. The way is linear or
        spherical.
        """
        with friendly():
            model, n, steps = studio.library.model(bundle), int(frames), int(refine)
            a, name_a = _point(studio, bundle, seed_a, picture_a)
            b, name_b = _point(studio, bundle, seed_b, picture_b)

            def work() -> Iterator[Array]:
                yield model.interpolate(a, b, n, how, refine_steps=steps).x

            options = {"frames": n, "how": how, "refine": steps}
            recipe = studio.recipe("interpolate", bundle, options, name_a, name_b)
            for values in show_sheet(studio, bundle, n, work, recipe, n):
                picture, text, path, x = values
                if x is None:
                    yield picture, gr.skip(), text, path, path
                    continue
                pictures = coop_runtime.to_uint8(x, model.card.signal)
                large = np.stack([visible(p) for p in pictures])
                shown, made = (
                    studio.results.file(moving(p), f"{bundle}-between.webp")
                    for p in (large, pictures)
                )
                yield picture, shown, text, path, gr.update(value=made, interactive=True)

    inputs = [bundle, *ends[0], *ends[1], frames, refine, how]
    outputs = [strip, film, line, strip_path, film_path]
    wire(run, inputs, outputs, "interpolate", line, both)


def _end(letter: str, seed: int) -> tuple[gr.Number, gr.Image]:
    with gr.Column(min_width=200):
        number = gr.Number(
            seed, label=f"Seed of {letter}", precision=0, minimum=0, maximum=2**32 - 1
        )
        picture = gr.Image(
            label=f"Or a picture for {letter}",
            type="filepath",
            image_mode=None,
            sources=["upload"],
            height=140,
            buttons=[],
            alt_text=f"the picture at {letter}",
            elem_id=f"explore-{letter.lower()}",
        )
    return number, picture


def _point(
    studio: Studio, bundle: str, seed: float, picture: str | None
) -> tuple[int | Array, str]:
    """Give one end, a seed or a signal, and what a command calls it."""
    if picture is None:
        return int(seed), str(int(seed))
    name = Path(picture).name
    return read_input(picture, studio.library.card(bundle)).x[0], f"./{name}"
