"""The tab that learns: upload a file, watch what becomes of it, play it in the other tabs."""

import html
import importlib.util
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
from gradio.events import api

from coop_runtime import CoopError

from ..inputs import open_picture
from .friendly import friendly
from .learning.lesson import ENDINGS, Kind
from .learning.process import Trainings
from .learning.report import Report, report
from .learning.state import FIGURES
from .show import status
from .studio import Studio

__all__ = ["learn"]

_EVERY = 2.0  # seconds
_KINDS: list[tuple[str, Kind]] = [
    ("Texture, from a picture", "texture"),
    ("Sound", "sound"),
    ("Clip, from GIF or WebP", "clips"),
]
_NOTHING = "Nothing is being learned. Choose a file, then press Train."
_AT_WORK = ("waiting", "training", "exporting")


def learn(studio: Studio, page: gr.Blocks) -> None:
    """Lay out the tab; ``page`` shows, when it is opened, the training that is at work."""
    why = _off(studio)
    if why or studio.trainings is None:
        gr.Markdown(f"Learning is off: {why}.", elem_id="learning-off")
        return
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            start = _form(studio)
        with gr.Column(scale=2, min_width=320):
            _watch(studio.trainings, page, start)


def _off(studio: Studio) -> str:
    """Say why visitors cannot train here; empty if they can."""
    if not studio.learning:
        return "this server is open to others. Its operator can start it with --learn"
    missing = [n for n in ("torch", "onnx", "onnxscript") if importlib.util.find_spec(n) is None]
    if missing:
        return f"it needs {', '.join(missing)}: pip install 'coopnets[train,studio,cpu]'"
    return ""


class _Form:
    """What is asked for."""

    def __init__(self, most: float) -> None:
        endings = sorted({ending for of_kind in ENDINGS.values() for ending in of_kind})
        self.file = gr.File(
            label="A picture, a sound or a short clip",
            type="filepath",
            file_types=endings,
            elem_id="learn-file",
        )
        self.kind = gr.Radio(_KINDS, value="texture", label="Learn it as", elem_id="learn-kind")
        self.name = gr.Textbox(
            label="Name",
            info="Letters, digits, - and _; it will stand in the lists of the other tabs.",
            max_length=40,
            elem_id="learn-name",
        )
        self.minutes = gr.Slider(
            1, most, 5, step=1, label="Minutes", info="Longer is better.", elem_id="learn-minutes"
        )
        self.start = gr.Button("Train", variant="primary", elem_id="learn-start")


def _form(studio: Studio) -> _Form:
    """Lay out what is asked for; a file suggests its kind and its name."""
    form = _Form(studio.limits.learn_minutes)

    def suggest(path: str | None, kind: Kind, name: str) -> tuple[Kind, str]:
        return (kind, name) if path is None else _suggestion(Path(path), kind, name)

    form.file.upload(
        suggest,
        [form.file, form.kind, form.name],
        [form.kind, form.name],
        queue=False,
        api_visibility="private",
    )
    return form


def _suggestion(file: Path, kind: Kind, name: str) -> tuple[Kind, str]:
    """Give kind and name for a file; what fits already stays.

    Examples
    --------
    >>> _suggestion(Path("My rain (2).wav"), "texture", "")
    ('sound', 'My-rain-2')
    """
    ending = file.suffix.lower()
    if ending not in ENDINGS[kind]:
        kind = next((k for k, endings in ENDINGS.items() if ending in endings), kind)
    words = re.sub(r"[^A-Za-z0-9_]+", "-", file.stem).strip("-_")
    return kind, name or words[:40]


def _watch(trainings: Trainings, page: gr.Blocks, form: _Form) -> None:
    """Lay out how the trainings go; wire all that moves them."""
    panel, timer = _Panel(), gr.Timer(_EVERY)

    def look(name: str | None, seen: tuple[Any, ...]) -> dict[Any, Any]:
        names = [lesson.name for lesson in trainings.lessons()]
        name = name if name in names else next(iter(names), None)
        # Clients that opened no page choose from these.
        panel.chosen.choices = [(n, n) for n in names]
        shown = report(trainings, name) if name is not None else None
        return panel.updates(shown, names, seen)

    def select(data: dict[str, Any]) -> dict[Any, Any]:
        return look(data["name"], ())

    def act(work: Callable[[], Report]) -> dict[str, Any]:
        with friendly():
            return work().data()

    def begin(file: str | None, kind: Kind, name: str, minutes: float) -> dict[str, Any]:
        """Begin to learn a texture, a sound or clips from a file, for so many minutes.

        Gives the state of the training, as `learning` does. Its bundle will have the name.
        """

        def work() -> Report:
            if file is None:
                raise CoopError("choose a file first")
            return report(trainings, trainings.start(name, kind, Path(file), minutes).name)

        return act(work)

    def learning(name: str = "") -> dict[str, Any]:
        """Give the state of a training; without a name of the one at work, or of the newest."""
        lessons = trainings.lessons()
        if not (name or lessons):
            return {}
        return act(lambda: report(trainings, name or lessons[0].name))

    def stop(name: str | None) -> dict[str, Any]:
        """Stop a training: it saves, and can be resumed. Gives its state."""
        return act(lambda: report(trainings, trainings.stop(name or "").name))

    def resume(name: str | None) -> dict[str, Any]:
        """Go on with a training that was stopped, or that failed. Gives its state."""
        return act(lambda: report(trainings, trainings.resume(name or "").name))

    def keep(name: str | None) -> dict[str, Any]:
        """Export what a stopped training has learned so far. Gives its state."""
        return act(lambda: report(trainings, trainings.keep(name or "").name))

    # Queued, else the page does not show their errors; beside one another and all jobs.
    quick: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}
    private: dict[str, Any] = {
        "queue": False,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    asked = [form.file, form.kind, form.name, form.minutes]
    for event in (
        form.start.click(begin, asked, panel.data, api_name="learn", **quick),
        panel.stop.click(stop, panel.chosen, panel.data, api_name="stop_learning", **quick),
        panel.resume.click(resume, panel.chosen, panel.data, api_name="resume_learning", **quick),
        panel.keep.click(keep, panel.chosen, panel.data, api_name="keep_learning", **quick),
    ):
        event.success(select, panel.data, panel.all, **private)
    api(learning, api_name="learning", queue=False)
    for trigger in (timer.tick, page.load, panel.chosen.input):
        trigger(look, [panel.chosen, panel.seen], panel.all, **private)


class _Panel:
    """How one of the trainings goes."""

    def __init__(self) -> None:
        self.chosen = gr.Dropdown([], label="Training", elem_id="learn-chosen")
        self.line = gr.HTML(status(_NOTHING), elem_id="learn-status")
        with gr.Row():
            self.stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="learn-stop")
            self.resume = gr.Button("Resume", interactive=False, elem_id="learn-resume")
            self.keep = gr.Button("Keep as it is", interactive=False, elem_id="learn-keep")
        self.sheet = gr.Image(
            label="Samples, the newest",
            format="png",
            interactive=False,
            buttons=["fullscreen"],
            alt_text="rows of samples: examples, drafts of the generator, refined drafts",
            elem_id="learn-sheet",
        )
        self.words = gr.Markdown("", elem_id="learn-words")
        # A plot each: lines in several colours do not appear in one that was empty before.
        self.plots = [
            gr.LinePlot(
                x="seconds",
                y=name,
                label=f"{name.capitalize()}: {'falling' if k else 'near zero'} is good",
                elem_id=f"learn-{name.replace(' ', '-')}",
            )
            for k, name in enumerate(FIGURES)
        ]
        self.data = gr.JSON(visible=False, label="State of the training")
        self.seen = gr.State(())
        self.all = [self.chosen, self.line, self.stop, self.resume, self.keep, self.sheet]
        self.all += [self.words, *self.plots, self.seen]

    def updates(
        self, shown: Report | None, names: list[str], seen: tuple[Any, ...]
    ) -> dict[Any, Any]:
        """Give what differs from what was seen before: most of the time nothing."""
        if shown is None:
            return {self.seen: ()}
        sheet = shown.progress.sheet
        picture = (shown.lesson.name, None if sheet is None else str(sheet))
        now = (picture, repr(shown.data()), tuple(names))
        if now == seen:
            return {self.seen: seen}
        updates = self._figures(shown) | {self.seen: now}
        updates[self.chosen] = gr.update(choices=names, value=shown.lesson.name)
        if not seen or picture != seen[0]:
            # Pillow decodes it: the trainer wrote it.
            updates[self.sheet] = sheet and open_picture(sheet.read_bytes(), sheet.name)
        return updates

    def _figures(self, shown: Report) -> dict[Any, Any]:
        state, rests = shown.lesson.state, shown.lesson.state in ("stopped", "failed")
        bar = shown.done if state == "training" else None
        figures = shown.progress.figures
        plots = {
            plot: _frame(figures.get(name, []), "seconds", name)
            for plot, name in zip(self.plots, FIGURES, strict=True)
        }
        return {
            self.line: status(html.escape(shown.line()), bar),
            self.stop: gr.update(interactive=state in _AT_WORK and not shown.stopping),
            self.resume: gr.update(interactive=rests),
            self.keep: gr.update(interactive=rests and shown.progress.step > 0),
            self.words: shown.words(),
        } | plots


def _frame(points: Sequence[tuple[Any, ...]], *columns: str) -> pd.DataFrame:
    """Give points as the plots want them: numbers, also where there are none yet."""
    frame = pd.DataFrame(points, columns=columns)
    return frame.astype(float)
