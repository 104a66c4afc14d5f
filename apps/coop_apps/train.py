"""``coop-train``: learn a model from examples."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_runtime import CoopError
from coop_runtime.strict import encode

from .console import Command, Group, device_option

if TYPE_CHECKING:
    from coop_trainer.config import Config
    from coop_trainer.loop import Board, Outcome

__all__ = ["main"]


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="coopnets", prog_name="coop-train")
def main() -> None:
    """Learn a cooperative generative model from examples.

    Completion for bash: eval "$(_COOP_TRAIN_COMPLETE=bash_source coop-train)"; zsh and fish
    likewise.
    """


EXAMPLES = """\b
Examples:
  coop-train texture brick --out runs/brick
  coop-train texture stone1.jpg stone2.jpg --out runs/stone --minutes 20
  coop-train texture brick --out runs/b2 --set coopnets.langevin.steps=30
  coop-train texture --out runs/brick --resume
"""


@main.command(cls=Command, epilog=EXAMPLES)
@click.argument("images", metavar="IMAGE...", nargs=-1)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run: settings, checkpoint, log and sample sheets.",
)
@click.option("--method", type=click.Choice(["coopnets"]), help="Learning algorithm.")
@click.option(
    "--preset", type=click.Choice(["quick", "paper"]), help="Settings to start from.  [quick]"
)
@click.option("--size", type=click.IntRange(min=2), help="Scale the shorter side to N pixels.")
@click.option("--steps", type=click.IntRange(min=1), help="Number of iterations.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop after that time at the latest, learning rates falling in time.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all chance.  [default: 0]")
@device_option
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file that overlays the preset.",
)
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Change one setting.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out, bit for bit.")
@click.option("--tensorboard", is_flag=True, help="Log to --out/tensorboard as well.")
def texture(
    images: tuple[str, ...],
    out: Path,
    method: str | None,
    preset: str | None,
    size: int | None,
    steps: int | None,
    minutes: float | None,
    seed: int | None,
    device: str,
    file: Path | None,
    pairs: tuple[str, ...],
    resume: bool,
    tensorboard: bool,
) -> None:
    """Learn a texture from one or several pictures.

    IMAGE is a file, or one of scikit-image's CC0 photographs: brick, grass, gravel.
    """
    if not images and not resume:
        raise click.UsageError("give at least one IMAGE, e.g. brick or stone.jpg")
    options: dict[str, object] = {"method": method, "seed": seed, "data.size": size}
    options |= {"loop.steps": steps, "loop.minutes": minutes}
    given = [f"{key}={value}" for key, value in options.items() if value is not None]
    outcome = _train(images, out, device, preset, file, (*given, *pairs), resume, tensorboard)
    _report(outcome, out)


def _train(
    images: tuple[str, ...],
    out: Path,
    device: str,
    preset: str | None,
    file: Path | None,
    pairs: tuple[str, ...],
    resume: bool,
    tensorboard: bool,
) -> Outcome:
    """Begin or go on with the run, and train."""
    try:
        from coop_trainer import loop, start
        from coop_trainer.config import configure
        from coop_trainer.data import load_texture
        from coop_trainer.presets import load_preset
        from coop_trainer.run_folder import RunFolder
    except ModuleNotFoundError as error:
        raise CoopError(
            f"training needs {error.name}: pip install 'coopnets[train,apps,cpu]'"
        ) from None

    def settings(stored: Config) -> Config:
        if preset is None and file is None and not pairs:
            return stored
        base = load_preset(preset) if preset is not None else encode(stored)
        return configure(base, file=file, pairs=pairs)

    where, good = start.choose_device(device), None
    writer = _summary_writer() if tensorboard else None
    if resume:
        stored, again = RunFolder.open(out).config().data, None
        if images:
            again = load_texture(images, size=stored.size, crop=stored.crop)
        training, folder, good = start.resume(out, where, signals=again, settings=settings)
        click.echo(f"{out}: going on at step {training.step}", err=True)
    else:
        config = configure(load_preset(preset or "quick"), file=file, pairs=pairs)
        start.check_new(out)
        signals = load_texture(images, size=config.data.size, crop=config.data.crop)
        training, folder = start.begin(out, config, signals, where)
    board = None if writer is None else writer(str(out / "tensorboard"))
    return loop.run(
        training, folder, say=lambda line: click.echo(line, err=True), good=good, board=board
    )


def _summary_writer() -> Callable[[str], Board]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise CoopError("--tensorboard needs: pip install 'coopnets[tensorboard]'") from None
    writer: Callable[[str], Board] = SummaryWriter
    return writer


def _report(outcome: Outcome, out: Path) -> None:
    if outcome.signal is not None:
        name = signal.Signals(outcome.signal).name
        click.echo(
            f"{name} at step {outcome.step}: saved. Go on with: "
            f"coop-train texture --out {out} --resume",
            err=True,
        )
        raise click.exceptions.Exit(128 + outcome.signal)
    rollbacks = f", {outcome.rollbacks} roll-backs" if outcome.rollbacks else ""
    click.echo(f"{out}: {outcome.step} steps in {outcome.seconds:.0f} s{rollbacks}")
    if outcome.sheet is not None:
        click.echo(f"samples: {outcome.sheet}")
    click.echo(f"next: coop-export {out} exported/{out.name}")


if __name__ == "__main__":
    main(prog_name="coop-train")
