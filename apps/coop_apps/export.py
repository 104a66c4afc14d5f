"""``coop-export``: turn a run into a bundle of ONNX graphs."""

from pathlib import Path

import click

from coop_runtime import CoopError

from .console import Command

__all__ = ["main"]

ENDING = {1: ".wav", 2: ".png", 3: ".gif"}
EXAMPLES = """\b
Examples:
  coop-export runs/brick exported/brick
  coop-export runs/brick exported/brick-loose --rtol 1e-4

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
    "--atol",
    type=click.FloatRange(min=0),
    default=1e-6,
    show_default=True,
    help="Largest absolute difference between torch and ONNX Runtime that is not an error.",
)
@click.option(
    "--rtol",
    type=click.FloatRange(min=0),
    default=1e-5,
    show_default=True,
    help="The same, relative to an output's largest value.",
)
def main(run: Path, bundle: Path, atol: float, rtol: float) -> None:
    """Export what the run in folder RUN has learned to the new folder BUNDLE.

    The bundle holds what the method learned of: generator, posterior, energy with its gradient,
    encoder; and a card and samples. coop-run and coop_runtime play it without torch. It appears
    whole or not at all.
    """
    try:
        from coop_trainer.export.from_run import export_run  # seconds: only when it is needed
    except ModuleNotFoundError as error:
        raise CoopError(
            f"exporting needs {error.name}: pip install 'coopnets[train,apps,cpu]'"
        ) from None
    card = export_run(run, bundle, atol=atol, rtol=rtol)
    megabytes = sum(entry.bytes for entry in card.files.values()) / 1e6
    if card.training["steps"] == 0:
        click.echo(f"warning: {run} has taken no step yet: the networks know nothing", err=True)
    click.echo(f"{bundle}: {megabytes:.1f} MB")
    for name, parity in card.parity.items():
        click.echo(f"  {name}: torch and ONNX Runtime differ by {parity.max_relative_error:.1e}")
    size = " --size 448x448" if card.signal.kind == "texture" else ""
    click.echo(f"next: coop-run generate {bundle}{size} -o {card.name}{ENDING[card.signal.dims]}")


if __name__ == "__main__":
    main(prog_name="coop-export")
