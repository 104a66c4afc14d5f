"""The tab of sounds."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ..sounds import decode_sound
from .choices import Choice
from .controls import REFINED, quality, seed_of, stops
from .friendly import friendly
from .live import live
from .show import Clock, playable, status
from .sounding import Sounding, length_of, sounding
from .spectrogram import sound_picture
from .studio import COMPUTE, Studio

__all__ = ["sounds"]

_NO_BUNDLE = "There is no sound here yet: coop-train sound learns one."
_LONGEST = 10.0  # seconds of an original that are shown; coop-export writes no more


def sounds(studio: Studio) -> Choice:
    """Lay out the tab; give the list of bundles, to be refreshed when there are new ones."""
    names = studio.library.names("sound")
    first = next(iter(names), None)
    usual = studio.usual_steps(first)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            bundle = gr.Dropdown(names, value=first, label="Sound", elem_id="sounds-bundle")
            seconds = gr.Slider(
                0.5,
                studio.limits.seconds,
                6,
                step=0.5,
                label="Length, seconds",
                elem_id="sounds-seconds",
            )
            seed = seed_of("sounds")
            kind, steps = quality("sounds", usual)
            loop = gr.Checkbox(
                False,
                label="Seamless loop",
                info="The end flows into the beginning.",
                elem_id="sounds-loop",
            )
            with gr.Row():
                start = gr.Button("Make", variant="primary")
                stop = gr.Button("Stop", variant="stop")
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                with gr.Column(min_width=300):
                    gr.Markdown("### Made")
                    picture = _picture("waveform and spectrogram, made", "sounds-picture")
                    audio = _player("Listen to what was made", "sounds-audio")
                with gr.Column(min_width=300, visible=False) as beside:
                    gr.Markdown("### Learned from")
                    original = _picture("waveform and spectrogram, original", "sounds-original")
                    heard = _player("Listen to what it learned from", "sounds-heard")
            again = gr.Checkbox(True, label="Repeat while playing", elem_id="sounds-repeat")
            said = "Choose a sound, then press Make." if names else _NO_BUNDLE
            line = gr.HTML(status(said), elem_id="sounds-status")
            file = gr.DownloadButton(
                "Download WAV with its settings", interactive=False, elem_id="sounds-file"
            )
            live(studio, bundle, seed)

    def run(
        bundle: str, seconds: float, seed: float, kind: str, steps: float, loop: bool
    ) -> Iterator[dict[Any, Any]]:
        """Make a sound of so many seconds; quality is Draft or Refined. Gives a picture and WAV."""
        with friendly():
            of_steps = int(steps) if kind == REFINED else 0
            for shown in _run(studio, bundle, seconds, int(seed), of_steps, loop):
                yield dict(zip((picture, audio, line, file), shown, strict=True))

    making = start.click(
        run,
        [bundle, seconds, seed, kind, steps, loop],
        [picture, audio, line, file],
        api_name="sounds",
        **COMPUTE,
    )
    stops(stop, making, line)
    gr.on(  # when the page is opened, and when another is chosen
        None,
        lambda name: _beside(studio, name),
        bundle,
        [beside, original, heard, steps],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    again.change(
        lambda again: [gr.update(loop=again)] * 2,
        again,
        [audio, heard],
        queue=False,
        api_visibility="private",
    )
    return Choice(bundle, lambda: studio.library.names("sound"))


def _picture(label: str, name: str) -> gr.Image:
    return gr.Image(
        label=label,
        show_label=False,
        type="numpy",
        format="png",
        interactive=False,
        buttons=["fullscreen"],
        alt_text=label,
        elem_id=name,
    )


def _player(label: str, name: str) -> gr.Audio:
    return gr.Audio(
        label=label, interactive=False, loop=True, buttons=[], format="wav", elem_id=name
    )


def _run(
    studio: Studio, bundle: str, seconds: float, seed: int, steps: int, loop: bool
) -> Iterator[tuple[Any, ...]]:
    """Yield values of picture, player, line and file."""
    yield gr.skip(), gr.skip(), status("starting", 0.0), gr.update(interactive=False)
    model = studio.library.model(bundle)
    length = length_of(model.card, seconds, studio.limits.seconds, loop)
    rate, clock = model.card.signal.rate or 1.0, Clock()
    state: Sounding | None = None
    for state in studio.worker.run(lambda: sounding(model, length, seed, steps, loop)):
        text = status(f"{state.doing}{clock.left(state.done)}", state.done)
        yield sound_picture(state.samples, rate), gr.skip(), text, gr.update(interactive=False)
    if state is None:  # the worker ended without a result
        return
    recipe = studio.recipe(
        "generate", bundle, {"size": length, "seed": seed, "refine": steps, "loop": loop}
    )
    path = studio.results.sound(state.samples, rate, f"{bundle}-{seed}.wav", recipe)
    again = f"The same by a command: <code>{recipe.line('out.wav')}</code>"
    yield (
        sound_picture(state.samples, rate),
        path,
        status(f"Done in {clock.seconds:.1f} s. {again}"),
        gr.update(value=path, interactive=True),
    )


def _beside(studio: Studio, name: str | None) -> tuple[Any, ...]:
    """Give values of the original's column, picture and player, and the usual steps."""
    with friendly():
        if name is None:
            return gr.update(visible=False), None, None, gr.skip()
        card, data = studio.library.card(name), studio.library.sample(name, "original.wav")
        steps, rate = studio.usual_steps(name), card.signal.rate
        if data is None or rate is None:
            return gr.update(visible=False), None, None, steps
        samples = decode_sound(data, "original.wav", round(rate), card.signal.channels)
        samples = samples[: round(_LONGEST * rate)]
        shown = sound_picture(samples, rate)
        return gr.update(visible=True), shown, playable(samples, rate), steps
