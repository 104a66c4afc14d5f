"""Commands that draw between seeds and inputs, and write one file."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import coop_runtime
from coop_runtime import Array, CoopError, Drawn, Model

from ..inputs import STANDARD, find_inputs, read_input
from ..places import encode_side_by_side, place_of, send
from ..sidecar import write_sidecar
from .shared import (
    about,
    check_json,
    noise_option,
    out_option,
    running,
    sidecar_option,
    size_option,
    tell,
    together,
)

__all__ = ["FRAMES_PER_SECOND", "Drawing", "drawing"]

#: Of pictures that are shown one after another.
FRAMES_PER_SECOND = 10.0


@dataclass(frozen=True)
class Drawing:
    """The options that all these commands have."""

    bundle: Path
    out: str
    size: tuple[int, ...] | None
    refine: int
    noise: bool | None
    seed: int
    device: str
    as_json: bool
    sidecar: bool

    def run(
        self,
        ends: Sequence[str],
        draw: Callable[[Model, list[Any], dict[str, Any]], Drawn],
        columns: int | None = None,
        rate: float = FRAMES_PER_SECOND,
    ) -> None:
        """Draw between ends and write one file.

        Parameters
        ----------
        ends
            Seeds and files.
        draw
            Given the model, seeds and signals, and the arguments that all methods take.
        columns, rate
            As in `encode_side_by_side`.
        """
        check_json(self.as_json, self.out)
        card = coop_runtime.read_card(self.bundle)
        path = place_of(card, self.out)
        read = {e: read_input(_one(e, card.signal.dims), card) for e in ends if not _is_seed(e)}
        points: list[int | Array] = [read[e].x[0] if e in read else int(e) for e in ends]
        size = self.size[0] if self.size and len(self.size) == 1 else self.size
        options = {"size": size, "refine_steps": self.refine, "noise": self.noise}
        with coop_runtime.load(self.bundle, self.device) as model:
            with about(card.name):
                x = draw(model, points, options | {"seed": self.seed}).x
            signals = x.reshape(-1, *x.shape[-1 - card.signal.dims :])
            send(encode_side_by_side(signals, card, path.suffix, columns, rate), self.out, path)
            if self.sidecar and self.out != STANDARD:
                files = {end: found.sha256 for end, found in read.items()}
                write_sidecar(
                    path, self.bundle, card, model.device, arguments=tuple(ends), files=files
                )
        tell(self.as_json, {"ends": list(ends)}, [path], self.out)


def _is_seed(end: str) -> bool:
    return end.isascii() and end.isdigit()


def _one(end: str, dims: int) -> str:
    found = find_inputs([end], dims)
    if len(found) > 1:
        raise CoopError(f"'{end}': expected one file, found {len(found)}")
    return found[0]


def drawing(out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `Drawing`, which it gets as its first argument."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        names = Drawing.__dataclass_fields__

        @together(
            out_option(out + "; - for standard output."),
            size_option,
            click.option(
                "--refine",
                type=click.IntRange(0),
                default=0,
                show_default=True,
                help="Langevin steps of everything that is drawn.",
            ),
            noise_option,
            running,
            sidecar_option,
        )
        @functools.wraps(command)
        def run(**given: Any) -> None:
            command(Drawing(**{k: given.pop(k) for k in names}), **given)

        return run

    return add
