"""``coop-run again``: a result made again from its sidecar."""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import click

import coop_runtime
from coop_runtime import CoopError
from coop_runtime.card import CARD_FILE

from ..console import Command
from ..inputs import STANDARD, fingerprint
from ..sidecar import FILES, Record, read_sidecar, sidecar_of
from .shared import json_option, tell

__all__ = ["again"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run again out.png.json
  coop-run again out.png.json -o new.png
""",
)
@click.argument("sidecar", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="The file, with the ending of the first one; the first one itself if not given.",
)
@click.option("--anyway", is_flag=True, help="Write it even if its bytes are not the first ones.")
@click.option("--no-sidecar", is_flag=True, help="Write no sidecar.")
@json_option
@click.pass_context
def again(
    context: click.Context,
    sidecar: Path,
    out: Path | None,
    anyway: bool,
    no_sidecar: bool,
    as_json: bool,
) -> None:
    """Make a result again, byte for byte, from the SIDECAR that was written beside it.

    Refused if the bundle or an input was changed or is missing. Another machine, device or
    version may compute other bytes; then nothing is written, unless --anyway is given. --json gives
    the sidecar, and whether the bytes are the same.
    """
    record, folder = read_sidecar(sidecar), sidecar.parent
    out = folder / record.output.file if out is None else out
    suffix = Path(record.output.file).suffix
    if out.suffix != suffix:
        raise click.BadParameter(f"'{out}' does not end in '{suffix}', as the first one does")
    if not out.parent.is_dir():
        raise CoopError(f"cannot write '{out}': there is no folder '{out.parent}'; make it first")
    if out.is_dir() and not coop_runtime.is_free(out):
        raise CoopError(f"'{out}' exists already; give a new name with -o, or remove it first")
    _check_unchanged(record, folder)
    with tempfile.TemporaryDirectory(prefix=".coop-", dir=out.parent) as place:
        made = Path(place) / out.name
        _make(context, record, folder, made)
        same = fingerprint(made) == record.output.sha256
        if not same and not anyway:
            raise CoopError(
                f"the bytes would not be those of the first '{record.output.file}', which coopnets "
                f"{record.coopnets} made on {record.settings.get('device')}; nothing was written; "
                "add --anyway to write them"
            )
        if not same:
            click.echo("The bytes are not the first ones.", err=True)
        digest = fingerprint(made)
        made.replace(out)
    if not no_sidecar:
        there = record.moved(folder, out.parent, out.name)
        there.made_as(digest).write(sidecar_of(out))
    tell(as_json, {"file": str(sidecar), "same": same}, [out], None)


def _check_unchanged(record: Record, folder: Path) -> None:
    bundle = folder / record.bundle.folder
    name = f"the bundle '{record.bundle.name}' in '{bundle}'"
    _check(bundle / CARD_FILE, name, record.bundle.sha256)
    for file, sha256 in record.files.items():
        if file == STANDARD:
            raise CoopError(
                f"'{record.output.file}' was made from standard input, which is not kept; run "
                f"coop-run {record.command} again"
            )
        _check(folder / file, f"the input '{folder / file}'", sha256)


def _check(path: Path, what: str, sha256: str) -> None:
    if not path.exists():
        raise CoopError(f"{what} is missing; put it back where it was")
    if fingerprint(path) != sha256:
        raise CoopError(f"{what} was changed since; it cannot be made again")


def _make(context: click.Context, record: Record, folder: Path, out: Path) -> None:
    """Run the command that the record describes; its own output is not shown."""
    group = context.parent.command if context.parent else None
    commands = group.commands if isinstance(group, click.Group) else {}
    command = commands.get(record.command)
    options = {p.name: p for p in command.params} if command else {}
    if command is None or not isinstance(options.get("sidecar"), click.Option):
        raise CoopError(f"coopnets {coop_runtime.__version__} has no command '{record.command}'")
    arguments = ["--no-sidecar", "-o", str(out)]
    if "seed" in options:
        arguments += ["--seed", str(record.seed)]
    for name, value in record.settings.items():
        if not isinstance(option := options.get(name), click.Option) or name in ("out", "sidecar"):
            raise CoopError(f"coopnets {coop_runtime.__version__} has no setting '{name}'")
        is_file = name in FILES and value is not None
        arguments += _option(option, _there(str(value), record, folder) if is_file else value)
    inputs = [_there(argument, record, folder) for argument in record.arguments]
    arguments += ["--", str(folder / record.bundle.folder), *inputs]
    with (
        contextlib.redirect_stdout(io.StringIO()),
        command.make_context(record.command, arguments, parent=context) as inner,
    ):
        command.invoke(inner)


def _there(name: str, record: Record, folder: Path) -> str:
    """Give the path of a file that the record knows, and other arguments as they are."""
    return str((folder / name).absolute()) if name in record.files else name


def _option(option: click.Option, value: Any) -> list[str]:
    """Give the arguments that set an option to a value; None: left out."""
    if value is None:
        return []
    if option.is_flag:
        names = option.opts if value else option.secondary_opts
        return names[:1]
    text = "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return [max(option.opts, key=len), text]
