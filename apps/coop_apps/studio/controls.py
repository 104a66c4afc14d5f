"""Controls that several tabs have."""

import random
import time
from typing import Any

import gradio as gr

from .show import status

__all__ = ["REFINED", "quality", "seed_of", "stops"]

#: The quality that descriptor and Langevin steps give; the other is the generator's draft.
REFINED = "Refined"

#: Seconds after which no step of a job that was stopped reaches the page.
_LATE = 0.3


def seed_of(tab: str) -> gr.Number:
    """Lay out a seed, beside a button that draws another."""
    with gr.Row(elem_classes="seed"):
        seed = gr.Number(
            0, label="Seed", precision=0, minimum=0, maximum=2**32 - 1, elem_id=f"{tab}-seed"
        )
        dice = gr.Button("Another seed", min_width=120)
    dice.click(lambda: random.randrange(2**31), None, seed, queue=False, api_visibility="private")
    return seed


def quality(tab: str, usual: int) -> tuple[gr.Radio, gr.Slider]:
    """Lay out the choice of draft or refined, and the steps of refinement, ``usual`` at first."""
    kind = gr.Radio(
        ["Draft", REFINED],
        value=REFINED,
        label="Quality",
        info="A draft is the generator's alone; the descriptor refines it, step by step.",
    )
    steps = gr.Slider(1, 100, usual, step=1, label="Steps of refinement", elem_id=f"{tab}-steps")
    kind.change(
        lambda kind: gr.update(interactive=kind == REFINED),
        kind,
        steps,
        queue=False,
        api_visibility="private",
    )
    return kind, steps


def stops(button: gr.Button, job: Any, line: gr.HTML) -> None:
    """Let a button stop the event ``job``, and say so in the status line.

    It is said twice: a step that the page was about to show when the button was pressed may come
    after the first.
    """
    stopped = button.click(
        lambda: status("Stopped."),
        None,
        line,
        cancels=[job],
        queue=False,
        api_visibility="private",
    )
    stopped.then(_stopped_after, None, line, queue=False, api_visibility="private")


def _stopped_after() -> str:
    time.sleep(_LATE)
    return status("Stopped.")
