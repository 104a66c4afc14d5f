"""The tab that says what is here: a bundle's card, this machine, licences, problems."""

import html
from collections.abc import Iterator
from typing import Any

import gradio as gr

import coop_runtime
from coop_runtime import Report

from ..inputs import fingerprint, open_picture
from .choices import Choice
from .facts import LICENCES, checksums, in_words, parity_rows, samples, version_rows
from .friendly import friendly
from .show import status
from .studio import COMPUTE, Studio

__all__ = ["about"]

_AUTO = ": a GPU if one works, else the processor"
_PARITY = ["Graph", "Played by", "Largest relative error", "Limit", "Cases", "Verdict"]


def about(studio: Studio, page: gr.Blocks) -> Choice:
    """Lay out the tab; give its list of bundles."""
    names = studio.library.names()
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            bundle = gr.Dropdown(
                names, value=next(iter(names), None), label="Bundle", elem_id="about-bundle"
            )
            words = gr.Markdown(elem_id="about-words")
        with gr.Column(scale=1, min_width=300):
            picture = gr.Image(
                label="Samples",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                alt_text="samples that the bundle came with",
            )
    parity = _table(
        _PARITY,
        "Parity: how far the exported graphs are from what was learned, on random inputs",
        "about-parity",
    )
    with gr.Accordion("Checksums and versions", open=False):
        files = _table(["File", "Size", "SHA-256"], "Files", "about-files")
        versions = _table(["Made with", "Version"], "Versions", "about-versions")
    shown = [words, picture, parity, files, versions]

    def show(bundle: str | None) -> Any:
        """Say what a bundle is: words, samples, parity report, checksums, versions."""
        with friendly():
            return _show(studio, bundle)

    bundle.change(show, bundle, shown, api_name="about", queue=False, show_progress="hidden")
    with gr.Row():
        with gr.Column(min_width=300):
            _machine(studio)
        with gr.Column(min_width=300):
            rows = "\n".join(f"| {what} | {licence} |" for what, licence in LICENCES)
            gr.Markdown(f"### Licences\n| what | licence |\n| --- | --- |\n{rows}")
    problems = gr.HTML(elem_id="about-problems")

    def opened(bundle: str | None) -> list[Any]:
        return [*_show(studio, bundle), _problems(studio)]

    page.load(
        opened, bundle, [*shown, problems], queue=False, api_visibility="private", preprocess=False
    )
    return Choice(bundle, studio.library.names)


def _show(studio: Studio, bundle: str | None) -> list[Any]:
    """Give words, picture and tables of a bundle; empty ones without a bundle."""
    if bundle is None:
        return ["There is no bundle here yet.", None, [], [], []]
    card, folder = studio.library.card(bundle), studio.library.path(bundle)
    sheet = samples(card, folder)
    return [
        in_words(card),
        sheet and open_picture(sheet.read_bytes(), sheet.name),
        parity_rows(card),
        checksums(card, fingerprint(folder / "card.json")),
        version_rows(card),
    ]


def _machine(studio: Studio) -> None:
    """Lay out what this machine computes with; it is found out by computing."""
    gr.Markdown(
        f"### This server\nCoop Studio {coop_runtime.__version__}; models are played on the device "
        f"'{studio.library.device}'{_AUTO if studio.library.device == 'auto' else ''}."
    )
    line = gr.HTML(status(""), elem_id="about-machine")
    examine = gr.Button("Examine the devices", elem_id="about-examine")

    def machine() -> Iterator[str]:
        """Find out which devices work, and how fast, by computing on them."""
        yield status("looking …")
        with friendly():
            for report in studio.worker.run(lambda: [coop_runtime.examine()]):
                yield _report(report)

    examine.click(machine, None, line, api_name="machine", **COMPUTE)


def _report(report: Report) -> str:
    """Give what was found out as HTML."""
    rows = [
        (p.device, "works" if p.works else f"does not work: {p.note}") for p in report.providers
    ]
    if report.timing is not None:
        rows.append(("speed", f"{report.timing.gflops:.0f} Gflop/s on {report.timing.device}"))
    rows += report.versions.items()
    rows += [("to put right", problem) for problem in report.problems]
    lines = (f"<li>{html.escape(a)}: {html.escape(b)}</li>" for a, b in rows)
    return status(f"<ul>{''.join(lines)}</ul>")


def _problems(studio: Studio) -> str:
    """Give the folders that cannot be played as HTML; nothing if there are none."""
    found = studio.library.problems
    if not found:
        return ""
    lines = (
        f"<li><b>{html.escape(name)}</b>: {html.escape(why)}</li>" for name, why in found.items()
    )
    return f"<h3>Folders that cannot be played</h3><ul>{''.join(lines)}</ul>"


def _table(headers: list[str], label: str, element: str) -> gr.Dataframe:
    return gr.Dataframe(
        headers=headers,
        label=label,
        interactive=False,
        wrap=True,
        buttons=[],
        elem_id=element,
        type="array",
    )
