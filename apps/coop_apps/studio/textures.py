"""The tab of textures."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

from coop_runtime import Card
from coop_runtime.tasks.stream import loop_cells

from ..inputs import open_picture
from .choices import Choice
from .controls import REFINED, quality, seed_of, stops
from .drawing import DRAFTS, Drawing, draw, goes_in_bands
from .friendly import friendly
from .show import Clock, energy_table, preview, status, to_pixels
from .studio import COMPUTE, Studio

__all__ = ["textures"]

# Seconds between pictures and between plots: a browser that is given more lags behind, and the
# button that stops with it.
_EVERY = 0.6
_PLOT_EVERY = 2.0
_ORIGINAL = "original.png"  # among the samples of a bundle


def textures(studio: Studio) -> Choice:
    """Lay out the tab; give its list of bundles."""
    names = studio.library.names("texture")
    with gr.Row():
        with gr.Column(scale=1, min_width=300, elem_classes="controls"):
            bundle = gr.Dropdown(names, value=next(iter(names), None), label="Texture")
            with gr.Row():
                height = gr.Slider(64, studio.limits.side, 448, step=16, label="Height, pixels")
                width = gr.Slider(64, studio.limits.side, 448, step=16, label="Width, pixels")
            seed = seed_of("textures")
            kind, steps = quality("textures", studio.usual_steps(next(iter(names), None)))
            loop = gr.Checkbox(False, label="Seamless tile")
            with gr.Row():
                start = gr.Button("Draw", variant="primary")
                stop = gr.Button("Stop", variant="stop")
            original = gr.Image(
                label="Learned from",
                type="numpy",
                format="png",
                height=220,
                visible=False,
                interactive=False,
                buttons=["fullscreen"],
                alt_text="the picture that the texture was learned from",
                elem_id="textures-original",
            )
        with gr.Column(scale=2, min_width=320):
            image = gr.Image(
                label="Texture",
                show_label=False,
                type="numpy",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                alt_text="the texture that was drawn",
            )
            line = gr.HTML(status("Choose a texture, then press Draw."), elem_id="textures-status")
            plot = gr.LinePlot(
                x="step",
                y="energy per pixel",
                label="Energy: lower is more like the photograph",
                elem_id="textures-energy",
            )
            file = gr.DownloadButton("Download PNG with its settings", interactive=False)

    def run(
        bundle: str, height: float, width: float, seed: float, kind: str, steps: float, loop: bool
    ) -> Iterator[dict[Any, Any]]:
        """Draw a texture of the given height and width (pixels); quality is Draft or Refined."""
        with friendly():
            of_steps = int(steps) if kind == REFINED else 0
            size = _size(studio.library.card(bundle), (int(height), int(width)), loop)
            for shown in _run(studio, bundle, size, int(seed), of_steps, loop):
                yield dict(zip((image, plot, line, file), shown, strict=True))

    drawing = start.click(
        run,
        [bundle, height, width, seed, kind, steps, loop],
        [image, plot, line, file],
        api_name="textures",
        **COMPUTE,
    )
    stops(stop, drawing, line)
    bundle.change(
        studio.usual_steps,
        bundle,
        steps,
        queue=False,
        api_visibility="private",
    )
    gr.on(  # when the page is opened, and when another is chosen
        None,
        lambda name: _learned_from(studio, name),
        bundle,
        original,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return Choice(bundle, lambda: studio.library.names("texture"))


def _run(
    studio: Studio, bundle: str, size: tuple[int, int], seed: int, steps: int, loop: bool
) -> Iterator[tuple[Any, ...]]:
    """Yield values of picture, plot, line and file."""
    model = studio.library.model(bundle)
    clock, energies = Clock(), list[tuple[int, float]]()
    state: Drawing | None = None
    axis = "row" if goes_in_bands(model.card, size) and not loop else "step"
    plotted = 0.0
    for state in studio.worker.run(lambda: draw(model, size, seed, steps, loop), _EVERY):
        if state.energy is not None and (state.step, state.energy) not in energies[-1:]:
            energies.append((state.step, state.energy))
        plot = gr.skip()
        if len(energies) > 1 and clock.seconds > plotted + _PLOT_EVERY:
            plotted, plot = clock.seconds, gr.LinePlot(energy_table(energies, axis), x=axis)
        text = status(_doing(state, steps, axis, clock), state.done)
        yield preview(state.x, model.card), plot, text, gr.update(interactive=False)
    if state is None:  # the worker ended without a result
        return
    options = {"size": f"{size[0]}x{size[1]}", "seed": seed, "refine": steps, "loop": loop}
    recipe = studio.recipe("generate", bundle, options)
    path = studio.results.picture(to_pixels(state.x, model.card), f"{bundle}-{seed}.png", recipe)
    again = f"The same by a command: <code>{recipe.line('out.png')}</code>"
    yield (
        preview(state.x, model.card),
        gr.LinePlot(energy_table(energies, axis), x=axis) if energies else None,
        status(f"Done in {clock.seconds:.1f} s. {again}"),
        gr.update(value=path, interactive=True),
    )


def _doing(state: Drawing, steps: int, axis: str, clock: Clock) -> str:
    """Say what is being done, and how long it still takes if that is known."""
    if steps and state.energy is None and state.done >= DRAFTS:  # nothing is known of it yet
        return "refining the first rows"
    refining = state.step and state.energy is not None
    doing = f"refining, {axis} {state.step}" if refining else "drawing the draft"
    return f"{doing}{clock.left(state.done)}"


def _learned_from(studio: Studio, name: str | None) -> Any:
    """Give the picture that a texture was learned from; nothing where its bundle has none."""
    with friendly():
        data = studio.library.sample(name, _ORIGINAL) if name else None
        if data is None:
            return gr.update(value=None, visible=False)
        picture = open_picture(data, _ORIGINAL).convert("RGB")
        return gr.update(value=np.asarray(picture), visible=True)


def _size(card: Card, size: tuple[int, int], loop: bool) -> tuple[int, int]:
    """Give the size; that of a seamless tile in whole strides."""
    units = loop_cells(card) if loop else (1, 1)
    height, width = (max(1, round(n / unit)) * unit for n, unit in zip(size, units, strict=True))
    return height, width
