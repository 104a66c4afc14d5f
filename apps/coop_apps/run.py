"""``coop-run``: play exported bundles."""

import json
import sys
from pathlib import Path

import click

import coop_runtime
from coop_runtime import Array, Card, CoopError, Model, Report
from coop_runtime.arrays import drawable
from coop_runtime.strict import encode

from .commands import COMMANDS
from .commands.shared import sidecar_option
from .console import SIZE, Group, device_option
from .outputs import Output
from .sidecar import write_sidecar

__all__ = ["main"]

_BUNDLE = click.argument("bundle", type=click.Path(path_type=Path))


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  coop-run generate exported/brick --size 448x448 -o brick.png
  coop-run complete exported/faces photo.jpg --mask hole.png -o out.png
  coop-run again out.png.json
  coop-run info exported/brick
  coop-run doctor

\b
Completion of commands and options, for bash (also zsh_source, fish_source):
  eval "$(_COOP_RUN_COMPLETE=bash_source coop-run)"
""",
)
@click.version_option(coop_runtime.__version__, prog_name="coop-run")
def main() -> None:
    """Draw pictures, sounds and clips from exported bundles, without torch."""


for _command in COMMANDS:
    main.add_command(_command)


@main.command(
    epilog="""\b
Examples:
  coop-run generate exported/brick -o brick.png
  coop-run generate exported/brick -n 3 --size 448x448 --refine 30 --seed 0 -o out.png
  coop-run generate exported/fashion -n 64 --sheet -o sheet.png
  coop-run generate exported/rain --seconds 5 -o rain.wav
  coop-run generate exported/fire --size 64 -o fire.gif
  coop-run generate exported/fire --seconds 3 --frames -o fire
"""
)
@_BUNDLE
@click.option("-n", "count", type=click.IntRange(1), default=1, show_default=True, help="How many.")
@click.option(
    "--size",
    type=SIZE,
    help="Height x width, samples, or frames x height x width; one number for every axis that "
    "can be extended; as in training if not given.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="Length of a sound or clip, instead of --size.",
)
@click.option(
    "--refine", type=click.IntRange(0), help="Langevin steps; as in the card if not given."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed.")
@click.option("--first", type=click.IntRange(0), default=0, help="Number of the first one.")
@click.option("--noise/--no-noise", default=None, help="Langevin noise; as in the card if neither.")
@click.option("--sheet", is_flag=True, help="All pictures or clips side by side in one file.")
@click.option("--frames", is_flag=True, help="A clip as a folder of PNG pictures, new or empty.")
@device_option
@sidecar_option
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A .png, .wav, .gif or .webp file; out-0.png, out-1.png, … for several.",
)
def generate(
    bundle: Path,
    count: int,
    size: tuple[int, ...] | None,
    seconds: float | None,
    refine: int | None,
    seed: int,
    first: int,
    noise: bool | None,
    sheet: bool,
    frames: bool,
    device: str,
    sidecar: bool,
    out: Path,
) -> None:
    """Draw pictures, sounds or clips, refine them by Langevin steps, and write files.

    A model without an energy only draws; one without a generator refines noise.
    Number k of a seed is always the same, however many are drawn.
    """
    card = coop_runtime.read_card(bundle)
    output = Output(card, out, frames, sheet)
    numbers = range(first, first + count)
    output.check(numbers)
    sides = _sides(card, size, seconds)
    model = coop_runtime.load(bundle, device)
    signals = [_draw(model, k, seed, sides, refine, noise) for k in numbers]
    written = output.write(signals, numbers)
    for k, path in zip(numbers, written, strict=False):
        if sidecar:
            alone = {"first": k, "count": 1} if len(written) > 1 else {}
            write_sidecar(path, bundle, card, model.device, changes=alone)
        click.echo(path)


def _sides(
    card: Card, size: tuple[int, ...] | None, seconds: float | None
) -> int | tuple[int, ...] | None:
    """Give the size that --size or --seconds means."""
    if seconds is None:
        return size[0] if size is not None and len(size) == 1 else size
    if size is not None:
        raise click.UsageError("--size and --seconds: give one of them")
    if card.signal.rate is None:
        raise CoopError(f"--seconds: the card of '{card.name}' has no rate; give --size")
    return (max(1, round(seconds * card.signal.rate)), *card.signal.trained_shape[1:])


def _draw(
    model: Model,
    k: int,
    seed: int,
    size: int | tuple[int, ...] | None,
    steps: int | None,
    noise: bool | None,
) -> Array:
    """Draw number k alone: examples do not depend on their batch, and memory stays small."""
    card = model.card
    if steps is None:
        steps = card.langevin.steps if card.langevin else 0
    start = model.generate if card.latent else model.noise
    x = start(1, seed, size, first=k)
    if steps == 0:
        return x
    with click.progressbar(
        model.refine(x, steps, seed, noise=noise, first=k),
        length=1 + steps,
        label=f"number {k}",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as states:
        for state in states:
            x = state.x
    return x


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
    rate = f", {signal.rate:g} per second" if signal.rate else ""
    lines = [
        f"name       {card.name}",
        *([f"method     {card.training['method']}"] if "method" in card.training else []),
        f"signal     {signal.kind}, {signal.dims}-D, {signal.channels} channel(s), "
        f"trained at {shape}{rate}",
        f"draws      {'x'.join(map(str, drawable(card)))}{', any N' * any(signal.extendable)}",
    ]
    if latent:
        cell = "x".join(map(str, latent.strides))
        lines.append(f"latent     {latent.channels} channel(s), one cell per {cell} samples")
    if langevin:
        drift = "no limit" if langevin.max_drift is None else f"at most {langevin.max_drift:g}"
        lines.append(
            f"langevin   {langevin.steps} steps of size {langevin.step_size:g}, "
            f"noise {'on' if langevin.noise else 'off'}, drift {drift}"
        )
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
