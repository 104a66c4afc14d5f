"""What every command shares: one-line errors, exit codes, the SIZE and --device options.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from coop_runtime import CoopError

__all__ = ["SIZE", "Command", "Group", "check_writable", "device_option", "one_line_errors"]

F = TypeVar("F", bound=Callable[..., Any])


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what a user or a machine can cause into one line on stderr and an exit code.

    `CoopError`, `OSError` and `MemoryError` become ``Error: …`` and exit code 1; an
    interrupt becomes exit code 130. Other exceptions are bugs and pass.

    Examples
    --------
    >>> with one_line_errors():
    ...     raise CoopError("no such bundle: 'brik'")
    Traceback (most recent call last):
    ...
    click.exceptions.ClickException: no such bundle: 'brik'
    """
    try:
        yield
    except CoopError as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # as in `coop-run info … | head`: click leaves quietly
            raise
        where = f"'{error.filename}': " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error
    except MemoryError as error:
        raise click.ClickException("not enough memory; give a smaller size") from error
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        raise click.exceptions.Exit(130) from None


def check_writable(out: Path, *endings: str) -> None:
    """Refuse, before computing, a file that could not be written after it.

    Raises
    ------
    click.BadParameter
        Another ending than ``endings``.
    CoopError
        There is no such folder.
    """
    if out.suffix.lower() not in endings:
        raise click.BadParameter(f"'{out}' does not end in {' or '.join(endings)}")
    if not out.parent.is_dir():
        raise CoopError(f"cannot write '{out}': there is no folder '{out.parent}'; make it first")


class Command(click.Command):
    """A click command whose failures are one line, see `one_line_errors`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with one_line_errors():
            return super().invoke(ctx)


class Group(click.Group):
    """A click group whose commands' failures are one line, see `one_line_errors`."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        with one_line_errors():
            return super().invoke(ctx)


class _Size(click.ParamType):  # type: ignore[type-arg]  # click 8.2 has no arguments for it
    """``448x448``, or one number for every axis; a tuple of numbers ≥ 1."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Read the text."""
        if isinstance(value, tuple):
            return value
        sides = str(value).lower().replace("×", "x").split("x")
        if not all(s.isascii() and s.isdigit() and 0 < int(s) < 10**9 for s in sides):
            self.fail(f"{value!r} is not a size; expected e.g. 448x448 or 448", param, ctx)
        return tuple(int(side) for side in sides)


SIZE = _Size()
"""Option type: ``"448x448"`` → (448, 448), ``"448"`` → (448,)."""


def device_option(command: F) -> F:
    """Add ``--device auto|cpu|cuda|cuda:N`` to a command."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda[:N]",
        help="Where to compute; a device named here is taken or refused, never replaced.",
    )(command)
