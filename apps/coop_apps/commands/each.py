"""Commands that make one result of every input."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

import coop_runtime
from coop_runtime import Array, Card, Model
from coop_runtime.bundle import Backend

from ..inputs import STANDARD, Input, find_inputs, read_input
from ..places import Places, spare
from ..sidecar import check_names, write_sidecar
from .attempts import Attempts
from .shared import (
    bundle_argument,
    check_json,
    first_option,
    out_option,
    running,
    sidecar_option,
    tell,
    together,
)

__all__ = ["Done", "Each", "Item", "per_input"]

_OUT = (
    "A file; out-0.png, out-1.png, … for several inputs; a folder (named with a / at its end if "
    "it is new) for files named as the inputs; - for standard output."
)


@dataclass(frozen=True)
class Item:
    """An input, its number, whose random numbers it names, and its place among the inputs."""

    read: Input
    number: int
    index: int

    @property
    def x(self) -> Array:
        """Give the signal, (1, channels, *size)."""
        return self.read.x


@dataclass(frozen=True)
class Done:
    """What was made of an input.

    Attributes
    ----------
    x
        (1, channels, *size); of a sheet several.
    report
        For ``--json``.
    files, changes
        As in `write_sidecar`: of further files that were read.
    """

    x: Array
    report: dict[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Each:
    """The arguments and options that all such commands have; see `per_input`."""

    bundle: Path
    sources: tuple[str, ...]
    out: str
    first: int
    seed: int
    device: str
    backend: Backend
    as_json: bool
    sidecar: bool

    def run(
        self,
        task: Callable[[Model, Item], Done],
        *,
        any_size: bool = False,
        sheet: bool = False,
        prepare: Callable[[int], Iterable[str]] | None = None,
    ) -> None:
        """Read, compute and write input after input; each result appears whole or not at all.

        An input that is wrong is named, and the others are done; see `Attempts`.

        Parameters
        ----------
        task
            Makes the result of an input.
        any_size
            As in `read_input`.
        sheet
            As in `Places`.
        prepare
            Called with the number of inputs before anything is computed; gives further files that
            will be read.
        """
        check_json(self.as_json, self.out)
        card = coop_runtime.read_card(self.bundle)
        names = find_inputs(self.sources, card.signal.dims)
        places = Places(card, self.out, sheet)
        paths = places.of(names, self.first)
        more = list(prepare(len(names))) if prepare else []
        spare(more, paths, self.out)
        if self.sidecar and self.out != STANDARD:
            check_names(self.bundle, *names, *more, *paths)
        with coop_runtime.load(self.bundle, self.device, backend=self.backend) as model:
            attempts = Attempts(len(names), self.as_json)
            for index, (name, path) in enumerate(zip(names, paths, strict=True)):

                def work(name: str = name, index: int = index) -> tuple[Item, Done]:
                    read = read_input(name, card, any_size=any_size)
                    item = Item(read, self.first + index, index)
                    return item, task(model, item)

                made = attempts.of(name, work)
                if made is None:
                    continue
                item, done = made
                places.write(done.x, path)
                if self.sidecar and self.out != STANDARD:
                    self._record(path, card, model.device, item, done)
                tell(self.as_json, {"file": name} | done.report, [path], self.out)
            attempts.end()

    def _record(self, path: Path, card: Card, device: str, item: Item, done: Done) -> None:
        """Write the sidecar of one result."""
        name = item.read.name
        write_sidecar(
            path,
            self.bundle,
            card,
            device,
            arguments=(name,),
            files={name: item.read.sha256} | dict(done.files),
            changes={"first": item.number} | dict(done.changes),
        )


def per_input(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments and options of `Each`, which it gets as its first argument."""
    names = Each.__dataclass_fields__

    @together(
        bundle_argument,
        click.argument("sources", metavar="INPUT...", nargs=-1, required=True),
        out_option(_OUT),
        first_option,
        running,
        sidecar_option,
    )
    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(Each(**{k: given.pop(k) for k in names}), **given)

    return run
