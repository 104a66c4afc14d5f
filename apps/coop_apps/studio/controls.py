"""Controls that several tabs have."""

import random
from typing import Any

import gradio as gr

from .show import status

__all__ = ["REFINED", "quality", "seed_of", "stops"]

#: The quality that descriptor and Langevin steps give; the other is the generator's draft.
REFINED = "Refined"

#: Milliseconds after which no step of a job that was stopped reaches the page.
_LATE = 300

_STOPPED = status("Stopped.")


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

    A step that the page was about to show when the button was pressed may come after that; if the
    line then still shows the progress of a job, it is said again. The page looks and writes in one
    go: asked of the server, it could come after the last word of a job that was started since.
    """
    stopped = button.click(
        lambda: _STOPPED, None, line, cancels=[job], queue=False, api_visibility="private"
    )
    waited = stopped.then(None, js=f"() => new Promise(after => setTimeout(after, {_LATE}))")
    waited.then(None, line, line, js=f"x => x.includes('<progress') ? `{_STOPPED}` : x")
