"""The tab of clips."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import gradio as gr

import coop_runtime
from coop_runtime import Card
from coop_runtime.tasks.stream import TILE

from .choices import Choice
from .controls import REFINED, quality, seed_of, stops
from .drawing import Drawing, draw
from .friendly import friendly
from .playing import JS_PAUSE, moving, showing
from .show import Clock, status
from .sounding import length_of
from .studio import COMPUTE, Studio

__all__ = ["clips", "learned_from"]

_NO_BUNDLE = "There is no clip here yet: coop-train clips learns one."
_SHOWN_LIVE = 96  # frames: encoding more would take longer than it is looked at
_EVERY = 1.0  # seconds: an animation that starts again too often shows nothing


def clips(studio: Studio) -> Choice:
    """Lay out the tab; give the list of bundles, to be refreshed when there are new ones."""
    names = studio.library.names("clips")
    first = next(iter(names), None)
    usual = studio.usual_steps(first)
    formats = ["MP4"] * (importlib.util.find_spec("av") is not None) + ["WebP", "GIF"]
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            bundle = gr.Dropdown(names, value=first, label="Clip", elem_id="clips-bundle")
            length = gr.Slider(
                0.5,
                studio.limits.seconds,
                6,
                step=0.5,
                label="Length, seconds",
                elem_id="clips-seconds",
            )
            seed = seed_of("clips")
            kind, steps = quality("clips", usual)
            loop = gr.Checkbox(
                False,
                label="Seamless loop",
                info="The end flows into the beginning.",
                elem_id="clips-loop",
            )
            wanted = gr.Radio(formats, value=formats[0], label="File to download")
            with gr.Row():
                start = gr.Button("Film", variant="primary")
                stop = gr.Button("Stop", variant="stop")
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                with gr.Column(min_width=280):
                    gr.Markdown("### Made")
                    film = gr.HTML(elem_id="clips-film")
                with gr.Column(min_width=280):
                    gr.Markdown("### Learned from")
                    original = gr.HTML(elem_id="clips-original")
            paused = gr.Checkbox(False, label="Pause", elem_id="clips-pause")
            said = "Choose a clip, then press Film." if names else _NO_BUNDLE
            line = gr.HTML(status(said), elem_id="clips-status")
            file = gr.DownloadButton(
                "Download with its settings", interactive=False, elem_id="clips-file"
            )

    def run(
        bundle: str, seconds: float, seed: float, kind: str, steps: float, loop: bool, wanted: str
    ) -> Iterator[dict[Any, Any]]:
        """Make a clip of so many seconds; quality is Draft or Refined; file is MP4, WebP or GIF."""
        with friendly():
            of_steps = int(steps) if kind == REFINED else 0
            shown = _run(studio, bundle, seconds, int(seed), of_steps, loop, wanted.lower())
            for values in shown:
                yield dict(zip((film, line, file), values, strict=True))

    filming = start.click(
        run,
        [bundle, length, seed, kind, steps, loop, wanted],
        [film, line, file],
        api_name="clips",
        **COMPUTE,
    )
    stops(stop, filming, line)
    start.click(lambda: False, None, paused, queue=False, api_visibility="private")
    paused.change(None, paused, None, js=JS_PAUSE)
    gr.on(  # when the page is opened, and when another is chosen
        None,
        lambda name: _beside(studio, name),
        bundle,
        [original, steps],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return Choice(bundle, lambda: studio.library.names("clips"))


def learned_from(card: Card) -> str:
    """Say of what pieces a clip was learned.

    Examples
    --------
    >>> from coop_runtime.card import Signal
    >>> ends = (-1.0, 1.0), (0.0, 255.0)
    >>> signal = Signal("clips", 3, 1, *ends, (12, 8, 8), (True, False, False), rate=24.0)
    >>> from types import SimpleNamespace
    >>> learned_from(SimpleNamespace(signal=signal))
    'It was learned in pieces of 0.5 s: 12 frames of 8×8 pixels, 24 per second.'
    """
    frames, height, width = card.signal.trained_shape
    rate = card.signal.rate or 25.0
    return (
        f"It was learned in pieces of {frames / rate:.3g} s: {frames} frames of {height}×{width} "
        f"pixels, {rate:g} per second."
    )


def _run(
    studio: Studio, bundle: str, seconds: float, seed: int, steps: int, loop: bool, kind: str
) -> Iterator[tuple[Any, ...]]:
    """Yield values of film, line and file."""
    yield gr.skip(), status("starting", 0.0), gr.update(interactive=False)
    model = studio.library.model(bundle)
    signal, clock = model.card.signal, Clock()
    length = length_of(model.card, seconds, studio.limits.seconds, loop)
    size, rate = (length, *signal.trained_shape[1:]), signal.rate or 1.0
    state: Drawing | None = None
    drawn = studio.worker.run(lambda: draw(model, size, seed, steps, loop, TILE), _EVERY)
    for state in drawn:
        doing = f"refining, {state.step}" if state.energy is not None else "drawing the draft"
        frames = coop_runtime.to_uint8(state.x[:, :, :_SHOWN_LIVE], signal)[0]
        yield (
            moving(frames, rate, f"{bundle}, in the making"),
            status(f"{doing}{clock.left(state.done)}", state.done),
            gr.update(interactive=False),
        )
    if state is None:  # the worker ended without a result
        return
    shape = "x".join(map(str, size))
    recipe = studio.recipe(
        "generate", bundle, {"size": shape, "seed": seed, "refine": steps, "loop": loop}
    )
    frames = coop_runtime.to_uint8(state.x, signal)[0]
    path = studio.results.clip(frames, rate, f"{bundle}-{seed}.{kind}", recipe)
    again = f"The same by a command: <code>{recipe.line(f'out.{kind}')}</code>"
    yield (
        moving(frames, rate, f"{bundle}, {length / rate:.3g} seconds, made"),
        status(f"Done in {clock.seconds:.1f} s: {length} frames. {again}"),
        gr.update(value=path, interactive=True),
    )


def _beside(studio: Studio, name: str | None) -> tuple[Any, ...]:
    """Give what the model was learned from, as HTML, and the usual steps."""
    with friendly():
        if name is None:
            return "", gr.skip()
        card, data = studio.library.card(name), studio.library.sample(name, "original.gif")
        shown = showing(data, "gif", f"{name}, original") if data else ""
        return f"{shown}<p>{learned_from(card)}</p>", studio.usual_steps(name)
