"""The options of ``coop-train`` that every kind of signal has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from coop_trainer.presets import preset_names

from .console import device_option

__all__ = ["METHODS", "Run", "files", "run_options", "skip_broken_option"]

#: As in `coop_trainer.config`, which takes seconds to import.
METHODS = ("descriptor", "abp", "coopnets", "triangle", "mcmc-triangle", "vae", "gan")

F = TypeVar("F", bound=Callable[..., Any])


def run_options(kind: str) -> Callable[[F], F]:
    """Add what every kind of signal has in common: the run, its method, its settings."""
    presets = ", ".join(preset_names(kind))
    options = [
        click.option(
            "--out",
            required=True,
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of the run: settings, checkpoint, log and samples.",
        ),
        click.option("--method", type=click.Choice(METHODS), help="Learning algorithm."),
        click.option(
            "--preset", metavar="NAME", help=f"Settings to start from: {presets}.  [quick]"
        ),
        click.option("--steps", type=click.IntRange(min=1), help="Number of iterations."),
        click.option(
            "--minutes",
            type=click.FloatRange(min=0, min_open=True),
            help="Stop after that time at the latest, learning rates falling in time.",
        ),
        click.option("--seed", type=click.IntRange(min=0), help="Seed of all chance.  [0]"),
        device_option,
        click.option(
            "--config",
            "file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="TOML file that overlays the preset.",
        ),
        click.option(
            "--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Change one setting."
        ),
        click.option("--resume", is_flag=True, help="Go on with the run in --out, bit for bit."),
        click.option("--tensorboard", is_flag=True, help="Log to --out/tensorboard as well."),
    ]

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def files(name: str) -> Callable[[F], F]:
    """Add the files to learn from."""
    return click.argument("sources", metavar=f"{name}...", nargs=-1)


skip_broken_option = click.option(
    "--skip-broken", is_flag=True, help="Leave out files that cannot be read, and say which."
)


@dataclass(frozen=True)
class Run:
    """The options that every kind of signal has, see `run_options`."""

    out: Path
    method: str | None
    preset: str | None
    steps: int | None
    minutes: float | None
    seed: int | None
    device: str
    file: Path | None
    pairs: tuple[str, ...]
    resume: bool
    tensorboard: bool
