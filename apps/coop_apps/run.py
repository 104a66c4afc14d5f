"""``coop-run``: play exported bundles."""

import json
import signal
import sys
import threading
from pathlib import Path

import click

import coop_runtime
from coop_runtime import Card, Report
from coop_runtime.arrays import drawable
from coop_runtime.strict import encode

from .commands import COMMANDS
from .console import Group

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
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGTERM, _leave)
        click.get_current_context().call_on_close(lambda: signal.signal(signal.SIGTERM, before))


def _leave(number: int, _: object) -> None:
    """End as an error does, so that nothing half-written stays."""
    sys.exit(128 + number)


for _command in COMMANDS:
    main.add_command(_command)


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
    if card.precision:
        lines.append(f"weights    {card.precision.weights}")
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
