"""What the commands share: options, progress, results as JSON."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from coop_runtime import CoopError
from coop_runtime.errors import ArgumentError

from ..console import SIZE, device_option
from ..inputs import STANDARD

__all__ = [
    "about",
    "bundle_argument",
    "check_json",
    "device_options",
    "first_option",
    "json_line",
    "json_option",
    "last_of",
    "noise_option",
    "out_option",
    "running",
    "seed_option",
    "sidecar_option",
    "size_option",
    "steps_option",
    "tell",
    "together",
]

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S")

bundle_argument = click.argument("bundle", type=click.Path(path_type=Path))
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Results as JSON, one object per line."
)
seed_option = click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed."
)
first_option = click.option(
    "--first",
    type=click.IntRange(0),
    default=0,
    help="Number of the first input, whose random numbers it names.",
)
steps_option = click.option(
    "--steps", type=click.IntRange(0), help="Langevin steps; as in the card if not given."
)
noise_option = click.option(
    "--noise/--no-noise", default=None, help="Langevin noise; as in the card if neither."
)
size_option = click.option("--size", type=SIZE, help="As in generate.")
sidecar_option = click.option(
    "--sidecar/--no-sidecar",
    default=True,
    help="Whether a file OUT.json says how OUT was made, for coop-run again.",
)


def out_option(help_: str) -> Callable[[F], F]:
    """Add ``-o``, required, a text."""
    return click.option("-o", "--out", required=True, help=help_)


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Join options into one decorator that adds them in this order."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


device_options = together(
    device_option,
    click.option(
        "--backend",
        type=click.Choice(["onnx", "torchscript"]),
        default="onnx",
        show_default=True,
        help="What plays the bundle. TorchScript takes torch and a bundle of --format torchscript; "
        "its files are programs: play those of people whom you trust.",
    ),
)
running = together(seed_option, device_options, json_option)


def check_json(as_json: bool, out: str | None) -> None:
    """Refuse JSON and a result on one standard output."""
    if as_json and out == STANDARD:
        raise click.UsageError("--json and -o -: both write to standard output; give one")


def tell(as_json: bool, report: dict[str, Any], written: Iterable[Path], out: str | None) -> None:
    """Say on standard output what was made: a JSON object, or the names of the files."""
    if out == STANDARD:
        return
    names = [str(path) for path in written]
    if as_json:
        click.echo(json_line(report | {"written": names}))
    for name in () if as_json else names:
        click.echo(name)


def json_line(report: dict[str, Any]) -> str:
    r"""Give JSON on one line, escaped where a name is not UTF-8 or holds what a terminal obeys.

    Examples
    --------
    >>> print(json_line({"file": "ü.png"}), json_line({"file": "\udcff.png"}))
    {"file": "ü.png"} {"file": "\udcff.png"}
    """
    text = json.dumps(report, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(report)


def last_of(
    states: Iterable[S],
    length: int,
    label: str,
    each: Callable[[S], object] | None = None,
    *,
    hidden: bool = False,
) -> S:
    """Run states through to the last, with a bar on stderr if it is a terminal.

    Parameters
    ----------
    length
        Number of states.
    label
        What is worked on.
    each
        Called with every state.
    hidden
        Whether there is no bar in any case.
    """
    hidden = hidden or not sys.stderr.isatty()
    with click.progressbar(
        states, length=length, label=label, file=sys.stderr, hidden=hidden
    ) as shown:
        for state in shown:
            if each:
                each(state)
    return state


@contextmanager
def about(name: str) -> Iterator[None]:
    """Say in an error of a call which input it is about."""
    try:
        yield
    except ArgumentError as error:
        raise CoopError(f"'{name}': {error}") from None
    except MemoryError:
        raise CoopError(f"'{name}': not enough memory; give a smaller one") from None
