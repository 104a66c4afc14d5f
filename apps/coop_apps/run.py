"""``coop-run``: play exported bundles."""

import json
import sys
from pathlib import Path

import click
import numpy as np

import coop_runtime
from coop_runtime import Card, CoopError, Model, Report
from coop_runtime.strict import encode

from .console import SIZE, Group, device_option
from .pictures import Pixels, encode_png, side_by_side

__all__ = ["main"]

_BUNDLE = click.argument("bundle", type=click.Path(path_type=Path))


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  coop-run generate exported/brick --size 448x448 -o brick.png
  coop-run info exported/brick
  coop-run doctor

\b
Completion of commands and options, for bash (also zsh_source, fish_source):
  eval "$(_COOP_RUN_COMPLETE=bash_source coop-run)"
""",
)
@click.version_option(coop_runtime.__version__, prog_name="coop-run")
def main() -> None:
    """Draw pictures from exported bundles, without torch."""


@main.command(
    epilog="""\b
Examples:
  coop-run generate exported/brick -o brick.png
  coop-run generate exported/brick -n 3 --size 448x448 --refine 30 --seed 0 -o out.png
  coop-run generate exported/brick -n 4 --refine 0 --sheet -o drafts.png
"""
)
@_BUNDLE
@click.option("-n", "count", type=click.IntRange(1), default=1, show_default=True, help="Pictures.")
@click.option("--size", type=SIZE, help="Height x width in pixels; as in training if not given.")
@click.option(
    "--refine", type=click.IntRange(0), help="Langevin steps; as in the card if not given."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed.")
@click.option("--first", type=click.IntRange(0), default=0, help="Number of the first picture.")
@click.option("--noise/--no-noise", default=None, help="Langevin noise; as in the card if neither.")
@click.option("--sheet", is_flag=True, help="All pictures side by side in one file.")
@device_option
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .png file; out-0.png, out-1.png, … for several.",
)
def generate(
    bundle: Path,
    count: int,
    size: tuple[int, ...] | None,
    refine: int | None,
    seed: int,
    first: int,
    noise: bool | None,
    sheet: bool,
    device: str,
    out: Path,
) -> None:
    """Draw pictures, refine them by Langevin steps, and write PNG files.

    Picture number k of a seed is always the same, however many are drawn.
    """
    _check_out(out)
    model = coop_runtime.load(bundle, device)
    _check_picture(model.card)
    numbers = range(first, first + count)
    sides = size[0] if size is not None and len(size) == 1 else size
    pictures = [_draw(model, k, seed, sides, refine, noise) for k in numbers]
    if sheet:
        files = {out: encode_png(side_by_side(np.stack(pictures)))}
    elif count == 1:
        files = {out: encode_png(pictures[0])}
    else:
        names = [out.with_name(f"{out.stem}-{k}{out.suffix}") for k in numbers]
        files = {name: encode_png(p) for name, p in zip(names, pictures, strict=True)}
    coop_runtime.write_all_atomically(files)
    for path in files:
        click.echo(path)


def _draw(
    model: Model,
    k: int,
    seed: int,
    size: int | tuple[int, ...] | None,
    steps: int | None,
    noise: bool | None,
) -> Pixels:
    """Draw picture k alone: examples do not depend on their batch, and memory stays small."""
    x = model.generate(1, seed, size, first=k)
    with click.progressbar(
        model.refine(x, steps, seed, noise=noise, first=k),
        length=1 + (model.card.langevin.steps if steps is None else steps),
        label=f"picture {k}",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as states:
        for state in states:
            x = state.x
    picture: Pixels = coop_runtime.to_uint8(x, model.card.signal)[0]
    return picture


def _check_out(out: Path) -> None:
    """Refuse before computing what could not be written after it."""
    if out.suffix.lower() != ".png":
        raise click.BadParameter(f"'{out}' does not end in .png", param_hint="'-o'")
    if not out.parent.is_dir():
        raise CoopError(f"cannot write '{out}': there is no folder '{out.parent}'; make it first")


def _check_picture(card: Card) -> None:
    signal = card.signal
    if signal.dims != 2 or signal.channels not in (1, 3):
        raise CoopError(
            f"'{card.name}' draws signals of {signal.dims} dimension(s) and {signal.channels} "
            "channel(s); a PNG takes 2 dimensions and 1 or 3 channels"
        )


@main.command(
    epilog="""\b
Examples:
  coop-run info exported/brick
  coop-run info exported/brick --json
"""
)
@_BUNDLE
@click.option("--json", "as_json", is_flag=True, help="The whole card as JSON.")
def info(bundle: Path, as_json: bool) -> None:
    """Verify a bundle's files and say what it draws."""
    card = coop_runtime.read_card(bundle)
    for name in card.graphs:
        coop_runtime.read_graph(bundle, card, name)
    click.echo(card.to_json().rstrip() if as_json else _described(card))


def _described(card: Card) -> str:
    signal, latent, langevin = card.signal, card.latent, card.langevin
    shape = "x".join(map(str, signal.trained_shape))
    drift = "no limit" if langevin.max_drift is None else f"at most {langevin.max_drift:g}"
    lines = [
        f"name       {card.name}",
        f"signal     {signal.kind}, {signal.dims}-D, {signal.channels} channel(s), "
        f"trained at {shape}",
        f"latent     {latent.channels} channel(s), one cell per {latent.stride} samples",
        f"langevin   {langevin.steps} steps of size {langevin.step_size:g}, "
        f"noise {'on' if langevin.noise else 'off'}, drift {drift}",
    ]
    for name, graph in card.graphs.items():
        parity = card.parity.get(name)
        error = f", parity {parity.max_relative_error:.1e}" if parity else ""
        size = card.files[graph.file].bytes
        lines.append(f"{name:<10} {graph.file}, {size:,} bytes, sha256 verified{error}")
    return "\n".join(lines)


@main.command(
    epilog="""\b
Examples:
  coop-run doctor
  coop-run doctor --json
"""
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def doctor(as_json: bool) -> None:
    """Say what is installed and which devices really work; exit code 1 if something is wrong."""
    report = coop_runtime.examine()
    click.echo(json.dumps(encode(report), indent=2) if as_json else _diagnosis(report))
    if report.problems:
        raise click.exceptions.Exit(1)


def _diagnosis(report: Report) -> str:
    lines = [f"{name:<16} {version}" for name, version in report.versions.items()]
    for provider in report.providers:
        state = "works" if provider.works else f"does not work: {provider.note}"
        lines.append(f"{provider.device:<16} {state}")
    if report.timing:
        timing = report.timing
        lines.append(
            f"{'speed':<16} {timing.gflops:.0f} GFLOP/s on {timing.device} "
            f"(512x512 matrix product, {timing.milliseconds:.2f} ms)"
        )
    return "\n".join(lines + [f"PROBLEM: {line}" for line in report.problems])
