"""A short loop that follows sliders while it plays: between two seeds, rawer or finer, louder."""

import random
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

from coop_runtime import Array, Card

from .friendly import friendly
from .show import playable, status
from .sounding import between
from .spectrogram import sound_picture
from .studio import COMPUTE, Studio

__all__ = ["cells_of", "live"]

_SECONDS = 2.0
_STEPS = 20
_LOUDEST = 12  # decibels


def live(studio: Studio, bundle: gr.Dropdown, seed: gr.Number) -> None:
    """Lay out the sliders and their player, which redraws as they are moved."""
    panel = gr.Accordion("Play with it: a short loop that follows the sliders", open=False)
    with panel, gr.Row():
        with gr.Column(min_width=280):
            way = gr.Slider(
                0,
                100,
                0,
                step=1,
                label="Variation, %",
                info="From the seed above towards another.",
                elem_id="live-way",
            )
            with gr.Row(elem_classes="seed"):
                other = gr.Number(
                    1, label="Towards seed", precision=0, minimum=0, maximum=2**32 - 1
                )
                dice = gr.Button("Another one", min_width=120)
            steps = gr.Slider(0, _STEPS, 0, step=1, label="Refinement, steps")
            level = gr.Slider(-24, _LOUDEST, 0, step=1, label="Level, dB", elem_id="live-level")
        with gr.Column(min_width=280):
            picture = gr.Image(
                label="The loop",
                show_label=False,
                type="numpy",
                format="png",
                interactive=False,
                buttons=[],
                alt_text="waveform and spectrogram of the short loop",
                elem_id="live-picture",
            )
            audio = gr.Audio(
                label="Listen to the loop",
                interactive=False,
                autoplay=True,
                loop=True,
                buttons=[],
                format="wav",
                elem_id="live-audio",
            )
            line = gr.HTML(status("Move a slider."), elem_id="live-status")

    def run(
        bundle: str, seed: float, way: float, other: float, steps: float, level: float
    ) -> Iterator[dict[Any, Any]]:
        """Make a loop of two seconds, way per cent from one seed to the other, level in dB."""
        with friendly():
            model = studio.library.model(bundle)
            rate, seeds = model.card.signal.rate or 1.0, (int(seed), int(other))

            def work() -> list[Array]:
                return [between(model, seeds, way / 100, cells_of(model.card), int(steps))]

            for made in studio.worker.run(work):
                samples = louder(made, level)
                yield {
                    picture: sound_picture(samples, rate),
                    audio: playable(samples, rate),
                    line: status(_said(samples)),
                }

    gr.on(
        [way.input, steps.input, level.input, other.input, panel.expand],
        run,
        [bundle, seed, way, other, steps, level],
        [picture, audio, line],
        api_name="sounds_live",
        **(COMPUTE | {"trigger_mode": "always_last"}),
    )
    dice.click(lambda: random.randrange(2**31), None, other, queue=False, api_visibility="private")


def cells_of(card: Card, seconds: float = _SECONDS) -> int:
    """Give the latent cells of the loop, at least one."""
    stride = card.latent.strides[0] if card.latent else 1
    return max(1, round(seconds * (card.signal.rate or 1.0) / stride))


def louder(samples: Array, decibels: float) -> Array:
    """Give samples with a gain; what then lies beyond full scale is clipped.

    Examples
    --------
    >>> louder(np.array([[0.1], [0.5]], np.float32), 20.0).tolist()
    [[1.0], [1.0]]
    """
    gained: Array = np.clip(samples * np.float32(10 ** (decibels / 20)), -1, 1)
    return gained


def _said(samples: Array) -> str:
    clipped = float(np.mean(np.abs(samples) >= 1))
    beyond = f"; {clipped:.1%} of it is too loud and clipped" if clipped > 0.001 else ""
    return f"{_SECONDS:g} seconds, again and again{beyond}."
