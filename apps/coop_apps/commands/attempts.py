"""Many inputs, of which some may be wrong: those are named, and the others done."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import click

from coop_runtime import MissingGraphError

from ..console import one_line_errors
from .shared import about, json_line

__all__ = ["Attempts"]

T = TypeVar("T")
_CLEAR = "\r\033[K"  # what a terminal takes to empty the line, on which a bar may stand


@dataclass
class Attempts:
    """The inputs of one command.

    Attributes
    ----------
    count
        How many there are. If it is one, its error ends the command as every other does.
    as_json
        Whether what is wrong is said on standard output too, as ``{"file": …, "failed": …}``.
    failed
        Names of those that are wrong.
    """

    count: int
    as_json: bool
    failed: list[str] = field(default_factory=list)

    def of(self, name: str, work: Callable[[], T]) -> T | None:
        """Do the work on an input; if the input is wrong, say so on stderr and give None.

        Raises
        ------
        MissingGraphError
            What is wrong is the bundle: the other inputs would fare no better.
        click.ClickException
            The only input is wrong.
        """
        try:
            with one_line_errors(), about(name):
                return work()
        except click.ClickException as error:
            if isinstance(error.__cause__, MissingGraphError):
                raise
            if self.as_json:
                line = {"file": name, "failed": error.message}
                click.echo(json_line(line))
            if self.count == 1:
                raise
            clear = _CLEAR if sys.stderr.isatty() else ""
            click.echo(f"{clear}Error: {error.message}", err=True)
            self.failed.append(name)
            return None

    def end(self) -> None:
        """End the command with exit code 1 if an input was wrong.

        Raises
        ------
        click.ClickException
            With how many were.
        """
        if self.failed:
            raise click.ClickException(
                f"{len(self.failed)} of {self.count} inputs could not be used, named above"
            )
