"""``coop-eval``: measure what a run or a bundle has learned, and write a report."""

import tempfile
import time
from pathlib import Path

import click

from coop_runtime import CoopError
from coop_runtime.files import new_folder

from .console import Command, device_option

__all__ = ["main"]

EXAMPLES = """\b
Examples:
  coop-eval runs/stone --report report
  coop-eval exported/faces --train faces.npz --data unseen-faces.npz --report report
  coop-eval runs/fashion --data t10k-images-idx3-ubyte.gz --only completion --report holes
  coop-eval exported/rain --data rain.wav --report rain-report

Completion of options, for bash (also zsh_source, fish_source):
  eval "$(_COOP_EVAL_COMPLETE=bash_source coop-eval)"
"""


@click.command(
    cls=Command, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="coopnets", prog_name="coop-eval")
@click.argument("subject", metavar="RUN_OR_BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--data",
    multiple=True,
    metavar="SOURCE",
    help="Real data: pictures that the model has not seen, as coop-train reads them (a folder, an "
    ".npz, an idx file); of a texture, a sound or a clip the original.  [of a run of these: its "
    "own]",
)
@click.option(
    "--train",
    multiple=True,
    metavar="SOURCE",
    help="Pictures that the model learned from: is it nearer to them?  [of a run: its own]",
)
@click.option(
    "--other",
    multiple=True,
    metavar="SOURCE",
    help="Pictures of other things, whose energies are compared; may be given often.",
)
@click.option(
    "--labels",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Classes of the pictures of --data (.npz, .npy or idx): they judge basins of the energy.",
)
@click.option(
    "--train-labels",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Classes of the pictures of --train: with both, features are judged by few labels.",
)
@click.option(
    "--only", multiple=True, metavar="CHAPTER", help="Only these chapters; may be given often."
)
@click.option(
    "--samples",
    type=click.IntRange(min=8, max=50_000),
    default=500,
    show_default=True,
    help="Pictures that are drawn; of a texture at most three are, of a sound or a clip one is.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=1, max=50_000),
    default=50,
    show_default=True,
    help="Real pictures that are completed, reconstructed and led down the energy.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    show_default=True,
    help="Of all chance.",
)
@click.option(
    "--report",
    "folder",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="New folder of report.html, report.json and pictures.",
)
@device_option
def main(
    subject: Path,
    data: tuple[str, ...],
    train: tuple[str, ...],
    other: tuple[str, ...],
    labels: Path | None,
    train_labels: Path | None,
    only: tuple[str, ...],
    samples: int,
    examples: int,
    seed: int,
    folder: Path,
    device: str,
) -> None:
    """Measure what RUN_OR_BUNDLE has learned: a folder of coop-train or of coop-export.

    Pictures: Fréchet, kernel and sliced Wasserstein distances of drafts and refined samples, with
    the distance of real from real beside them; nearest training pictures; energies; completion
    against classic inpainting; reconstruction; the energy's landscape; with labels what features
    are worth; of runs on incomplete pictures, with --train the originals, what they recovered.
    Textures, sounds and clips: their statistics and copies, with the original's own beside them.
    Nothing is downloaded. The report appears whole or not at all.
    """
    if not subject.is_dir():
        raise CoopError(
            f"no such run or bundle: '{subject}'; give a folder of coop-train or of coop-export"
        )
    # The report's place is made first, so that nothing is computed that cannot be written.
    with new_folder(folder) as place, tempfile.TemporaryDirectory() as scratch:
        try:
            from coop_eval.chapters import Ask, chapters, check_needs, read_real  # seconds: late
            from coop_eval.report import as_text, write_report
            from coop_eval.subject import open_subject
        except ModuleNotFoundError as error:
            raise CoopError(
                f"evaluating needs {error.name}: pip install 'coopnets[eval,cpu]'"
            ) from None
        evaluated = open_subject(subject, Path(scratch), device)
        incomplete = evaluated.learned is not None and evaluated.learned.seen is not None
        asked_for = {"recovery": incomplete and bool(train), "features": labels and train_labels}
        without = [name for name, asked in asked_for.items() if not asked]
        chosen = chapters(evaluated.model, only, without)
        real = read_real(evaluated, data, train, other, labels, train_labels, seed)
        run = None if evaluated.learned is None else subject
        ask = Ask(samples, examples, seed, Path(scratch), run, _tell)
        check_needs(chosen, real, ask)
        sections, began = [], time.monotonic()
        for k, (name, write) in enumerate(chosen.items(), 1):
            click.echo(f"[{k}/{len(chosen)}] {name} …", err=True)
            started = time.monotonic()
            sections += write(evaluated.model, real, ask)
            click.echo(f"      {time.monotonic() - started:.0f} s", err=True)
        facts: dict[str, str | int | float | None] = {
            "what": str(subject),
            "learned by": evaluated.model.card.training.get("method"),
            "real data": ", ".join(real.names),
            "seed": seed,
        }
        if evaluated.model.card.signal.kind == "images":
            facts |= {"samples": samples, "examples": examples}
        click.echo(f"{as_text(sections)}\n")
        write_report(place, f"Report on {evaluated.name}", facts, sections)
    click.echo(f"look at: {folder / 'report.html'} ({time.monotonic() - began:.0f} s)")


def _tell(what: str) -> None:
    click.echo(f"      {what} …", err=True)


if __name__ == "__main__":
    main(prog_name="coop-eval")
