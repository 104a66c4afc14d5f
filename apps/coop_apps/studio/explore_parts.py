"""What the parts of the tab that explores have in common."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import gradio as gr

from coop_runtime import Array

from .controls import stops
from .exploring import sheet, visible
from .results import Recipe
from .show import Clock, status
from .studio import COMPUTE, Studio

__all__ = ["Shown", "buttons", "file", "image", "show_sheet", "wire"]

_SIDE = 640  # of small sheets, about

#: Picture, status and file, and what was drawn, (n, channels, *size): None while it is.
Shown = tuple[Any, Any, Any, Array | None]


def buttons(text: str, name: str) -> tuple[gr.Button, gr.Button]:
    """Lay out the buttons that start and stop."""
    with gr.Row():
        start = gr.Button(text, variant="primary", elem_id=f"explore-{name}-start")
        stop = gr.Button("Stop", variant="stop", elem_id=f"explore-{name}-stop")
    return start, stop


def image(label: str, text: str, name: str) -> gr.Image:
    """Lay out a picture that is shown, its label above it; ``text`` stands for it."""
    with gr.Column(min_width=280):
        gr.Markdown(label)
        return gr.Image(
            label=label,
            show_label=False,
            format="png",
            interactive=False,
            buttons=["fullscreen"],
            alt_text=text,
            elem_id=f"explore-{name}",
        )


def file(name: str, text: str = "Download PNG with its settings") -> gr.DownloadButton:
    """Lay out a button that downloads."""
    return gr.DownloadButton(text, interactive=False, elem_id=f"explore-{name}-file")


def wire(
    run: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    name: str,
    line: gr.HTML,
    start_stop: tuple[gr.Button, gr.Button],
) -> None:
    """Let the buttons start and stop ``run``, the endpoint ``name``."""
    start, stop = start_stop
    event = start.click(run, list(inputs), list(outputs), api_name=name, **COMPUTE)
    stops(stop, event, line)


def show_sheet(
    studio: Studio,
    name: str,
    count: int,
    work: Callable[[], Iterable[Array]],
    recipe: Recipe,
    columns: int | None = None,
) -> Iterator[Shown]:
    """Show the pictures that ``work`` draws, side by side, and write the last of them as PNG.

    Parameters
    ----------
    name
        Of the bundle.
    count
        Of pictures that there will be.
    work
        Gives (n, channels, *size) again and again, or once.
    columns
        As in `grid`.
    """
    card, clock, x = studio.library.card(name), Clock(), None
    waiting = gr.skip(), status("Drawing", 0.0), gr.update(interactive=False), None
    yield waiting

    def first_nothing() -> Iterator[Array | None]:
        yield None  # again each second until there is a picture: the visitor can leave then
        yield from work()

    for x in studio.worker.run(first_nothing):
        if x is None:
            yield waiting
            continue
        done = len(x) / count
        line = status(f"Drawing {len(x)} of {count}{clock.left(done)}", done)
        yield visible(sheet(x, card, columns), _SIDE), line, gr.update(interactive=False), None
    if x is None:  # the worker ended without a result
        return
    pixels = sheet(x, card, columns)
    path = studio.results.picture(pixels, f"{name}-{recipe.command}.png", recipe)
    line = status(
        f"Done in {clock.seconds:.1f} s. The same by a command: "
        f"<code>{recipe.line('out.png')}</code>"
    )
    yield visible(pixels, _SIDE), line, gr.update(value=path, interactive=True), x
