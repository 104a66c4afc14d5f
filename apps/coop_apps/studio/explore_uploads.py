"""Parts of the tab that explores: what a model makes of a picture that is uploaded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

import coop_runtime
from coop_runtime import Array, CoopError, Model

from ..pictures import grid
from .explore_parts import buttons, file, image, wire
from .exploring import drawn, fitted, visible
from .filling import in_levels
from .friendly import friendly
from .judging import Known, histogram, learned_energies, verdict, windows
from .show import Clock, status
from .studio import Studio

__all__ = ["energy", "reconstruct"]

_STEPS = 150, 50  # on the latent, with noise and without
_SAMPLES = 32
_SEED = 1
Values = Iterator[tuple[Any, ...]]


def reconstruct(studio: Studio, bundle: gr.Dropdown) -> None:
    """Lay out the part that reads the latent of an upload, and draws it again."""
    upload = _upload("A picture to be drawn again", "again-picture")
    both = buttons("Draw it again", "again")
    line = gr.HTML(
        status("The model describes your picture in its own numbers, and draws it from them."),
        elem_id="explore-again-status",
    )
    pair = image("Yours, and the model's", "the picture, and the model's drawing of it", "again")
    path = file("again")

    def run(bundle: str, picture: str | None) -> Values:
        """Read the latent of a picture, and draw it again: both side by side, and the second."""
        with friendly():
            model = studio.library.model(bundle)
            card, clock, state = model.card, Clock(), None
            x, note = fitted(_there(picture), card)
            steps, settle = _STEPS
            total = 1 if "encoder" in model.graphs else 1 + steps + settle

            def work() -> Iterator[Any]:
                return model.reconstructing(x, steps=steps, settle=settle)

            for state in studio.worker.run(work):
                done = (1 + state.step) / total
                shown = _side_by_side(x, state.x, model)
                text = status(f"Step {state.step}{clock.left(done)}", done)
                yield shown, text, gr.update(interactive=False)
            if state is None:  # the worker ended without a result
                return
            name = Path(_there(picture)).name
            recipe = studio.recipe(
                "reconstruct", bundle, {"steps": steps, "settle": settle, "seed": 0}, name
            )
            pixels = coop_runtime.to_uint8(state.x, card.signal)[0]
            made = studio.results.picture(pixels, f"{bundle}-again.png", recipe)
            level = in_levels(float(state.error[0]), card)
            text = status(
                f"{note}On average it differs by {level:.0f} of 255 levels: {_closeness(level)}."
                + ("" if note else f" By a command: <code>{recipe.line('out.png')}</code>")
            )
            yield shown, text, gr.update(value=made, interactive=True)

    wire(run, [bundle, upload], [pair, line, path], "reconstruct", line, both)


def energy(studio: Studio, bundle: gr.Dropdown) -> None:
    """Lay out the part that says how likely an upload is."""
    upload = _upload("A picture to be judged", "likely-picture")
    both = buttons("Judge it", "likely")
    line = gr.HTML(
        status("The descriptor gives every picture an energy: the lower, the more likely."),
        elem_id="explore-likely-status",
    )
    plot = gr.HTML("", label="Histogram of energies", elem_id="explore-likely")

    def run(bundle: str, picture: str | None) -> Values:
        """Judge a picture by its energy, beside the energies of what the model has learned from.

        Gives the verdict, and the histogram as SVG.
        """
        with friendly():
            model = studio.library.model(bundle)
            model.require("energy")
            x, note = fitted(_there(picture), model.card)
            found: tuple[float, Known | None] | None = None
            for found in studio.worker.run(lambda: _judged(model, x)):
                text = "Judging" if found[1] else "Drawing pictures to compare with"
                yield status(text, 0.5), gr.skip()
            value, known = found or (0.0, None)
            if known is not None:  # else the worker ended without a result
                yield status(f"{note}{verdict(value, known)}"), histogram(value, known)

    wire(run, [bundle, upload], [line, plot], "energy", line, both)


def _judged(model: Model, x: Array) -> Iterator[tuple[float, Known | None]]:
    """Give the energy of a picture, then with what it is compared."""
    value = float(model.energy(windows(x, model.card)).mean())
    yield value, None
    known = learned_energies(model.card)
    if known is None:
        steps = model.card.langevin.steps if model.card.langevin else 0
        energies = []
        for samples in drawn(model, _SAMPLES, _SEED, steps):
            energies.append(float(model.energy(samples[-1:])[0]))
            yield value, None
        quantiles = np.sort(np.array(energies))
        what = f"{_SAMPLES} pictures that it draws itself (its training pictures' are not known)"
        known = Known(quantiles, what)
    yield value, known


def _upload(label: str, name: str) -> gr.Image:
    return gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        height=200,
        buttons=[],
        alt_text="the picture that you gave",
        elem_id=f"explore-{name}",
    )


def _there(picture: str | None) -> str:
    if picture is None:
        raise CoopError("there is no picture yet: upload one")
    return picture


def _side_by_side(x: Array, again: Array, model: Model) -> Any:
    both = np.concatenate([x, again])
    return visible(grid(coop_runtime.to_uint8(both, model.card.signal)), 512)


def _closeness(level: float) -> str:
    """Say in words what a difference in levels of 255 means."""
    for most, words in ((6, "hardly to be told apart"), (16, "close"), (40, "alike in the large")):
        if level <= most:
            return words
    return "the model does not know such pictures"
