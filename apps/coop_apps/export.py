"""``coop-export``: turn a run into a bundle of ONNX graphs, or into another program's format."""

from pathlib import Path
from typing import get_args

import click

from coop_runtime import Card, CoopError
from coop_runtime.card import HalfType

from .console import Command

__all__ = ["main"]

ENDING = {1: ".wav", 2: ".png", 3: ".gif"}
EXAMPLES = """\b
Examples:
  coop-export runs/wall exported/wall
  coop-export runs/fashion exported/fashion --licence "MIT, Zalando SE"
  coop-export runs/wall exported/wall-loose --rtol 1e-4
  coop-export runs/wall exported/wall --format torchscript
  coop-export runs/rain exported/rain --with-original
  coop-export runs/wall exported/wall-small --precision float16
  coop-export exported/brick models --format triton

Completion of options, for bash (also zsh_source, fish_source):
  eval "$(_COOP_EXPORT_COMPLETE=bash_source coop-export)"
"""


@click.command(
    cls=Command, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="coopnets", prog_name="coop-export")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["onnx", "torchscript", "triton"]),
    default="onnx",
    show_default=True,
    help="onnx: a bundle. torchscript: a bundle with the same graphs as TorchScript, too. "
    "triton: a model repository of Triton Inference Server; RUN may then be a bundle.",
)
@click.option(
    "--chain",
    is_flag=True,
    help="Add a graph that takes all Langevin steps in one call; it holds the energy once more.",
)
@click.option("--licence", metavar="TEXT", help="Of the training data, for the card.")
@click.option(
    "--precision",
    type=click.Choice(get_args(HalfType)),
    help="Store the networks' weights in 16 bits, for files of half the size; all is still "
    "computed in float32. Fails where that changes results or samples too much.",
)
@click.option(
    "--with-original",
    is_flag=True,
    help="Add the beginning of the training data to the samples, for whoever gets the bundle: at "
    "most ten seconds of a sound or clip, 512x512 pixels of a texture.",
)
@click.option(
    "--atol",
    type=click.FloatRange(min=0),
    default=1e-6,
    show_default=True,
    help="Largest absolute difference between torch and ONNX Runtime that is not an error.",
)
@click.option(
    "--rtol",
    type=click.FloatRange(min=0),
    help="The same, relative to an output's largest value.  [default: 1e-5; float16: 0.05, "
    "bfloat16: 0.1]",
)
def main(
    run: Path,
    bundle: Path,
    kind: str,
    chain: bool,
    with_original: bool,
    licence: str | None,
    precision: HalfType | None,
    atol: float,
    rtol: float | None,
) -> None:
    """Export what the run in folder RUN has learned to the new folder BUNDLE.

    The bundle holds what the method learned of: generator, posterior, energy with its gradient,
    encoder; and a card and samples. coop-run and coop_runtime play it without torch. It appears
    whole or not at all.
    """
    try:
        from coop_trainer.export.from_run import export_run  # seconds: only when it is needed
        from coop_trainer.export.triton import export_repository
    except ModuleNotFoundError as error:
        raise CoopError(
            f"exporting needs {error.name}: pip install 'coopnets[train,apps,cpu]'"
        ) from None
    if kind == "triton" and chain:
        raise CoopError("--chain: Triton takes no chain; leave it out")
    if kind == "triton" and with_original:
        raise CoopError("--with-original: Triton takes no samples; leave it out")
    if kind == "triton" and precision:
        raise CoopError("--precision: export a bundle with it first, and give that as RUN")
    if kind == "triton":
        export_repository(run, bundle, atol=atol, rtol=rtol)
        click.echo(f"next: tritonserver --model-repository={bundle}")
        return
    script = kind == "torchscript"
    card = export_run(
        run,
        bundle,
        torchscript=script,
        chain=chain,
        original=with_original,
        licence=licence,
        precision=precision,
        atol=atol,
        rtol=rtol,
    )
    _tell(card, bundle)


def _tell(card: Card, bundle: Path) -> None:
    """Say what was written, how exact it is, and what to do with it."""
    megabytes = sum(entry.bytes for entry in card.files.values()) / 1e6
    if card.training["steps"] == 0:
        click.echo("warning: the run has taken no step yet: the networks know nothing", err=True)
    click.echo(f"{bundle}: {megabytes:.1f} MB")
    reports = {"ONNX Runtime": card.parity}
    if card.torchscript:
        reports["TorchScript"] = card.torchscript.parity
    for name in card.parity:
        for backend, report in reports.items():
            if name in report:
                error = report[name].max_relative_error
                click.echo(f"  {name}: torch and {backend} differ by {error:.1e}")
    if card.precision:
        name, share = max(card.precision.statistics.items(), key=lambda row: row[1])
        click.echo(f"  samples: '{name}' is off by {share:.2g} of its spread, the most of all")
    size = " --size 448x448" if card.signal.kind == "texture" else ""
    click.echo(f"next: coop-run generate {bundle}{size} -o {card.name}{ENDING[card.signal.dims]}")


if __name__ == "__main__":
    main(prog_name="coop-export")
