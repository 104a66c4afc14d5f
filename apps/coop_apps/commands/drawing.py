"""Commands that draw between seeds and inputs, and write one file."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

import coop_runtime
from coop_runtime import Array, CoopError, Model, Reconstruction
from coop_runtime.bundle import Backend
from coop_runtime.tasks.drawn import Latents, Refining, draw_each
from coop_runtime.tasks.infer import Chains

from ..inputs import STANDARD, Input, find_inputs, read_input
from ..places import encode_side_by_side, place_of, send, spare
from ..sidecar import check_names, write_sidecar
from .shared import (
    about,
    check_json,
    last_of,
    noise_option,
    out_option,
    running,
    sidecar_option,
    size_option,
    tell,
    together,
)

__all__ = ["FRAMES_PER_SECOND", "Drawing", "End", "Size", "drawing"]

End = int | Array | Reconstruction
Size = int | tuple[int, ...] | None

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
    backend: Backend
    as_json: bool
    sidecar: bool

    def run(
        self,
        ends: Sequence[str],
        latents: Callable[[Model, list[End], Size], Latents],
        columns: int | None = None,
        rate: float = FRAMES_PER_SECOND,
    ) -> None:
        """Draw between ends and write one file.

        Parameters
        ----------
        ends
            Seeds and files.
        latents
            What to draw, given the model, the ends, and the size.
        columns, rate
            As in `encode_side_by_side`.
        """
        check_json(self.as_json, self.out)
        card = coop_runtime.read_card(self.bundle)
        path = place_of(card, self.out)
        given = [end for end in ends if not _is_seed(end)]
        spare(given, [path], self.out)
        if self.sidecar and self.out != STANDARD:
            check_names(self.bundle, *given, path)
        read = {e: read_input(_one(e, card.signal.dims), card) for e in ends if not _is_seed(e)}
        size = self.size[0] if self.size and len(self.size) == 1 else self.size
        with coop_runtime.load(self.bundle, self.device, backend=self.backend) as model:
            with about(card.name):
                signals = self._drawn(model, latents(model, _points(model, ends, read), size))
            send(encode_side_by_side(signals, card, path.suffix, columns, rate), self.out, path)
            if self.sidecar and self.out != STANDARD:
                files = {end: found.sha256 for end, found in read.items()}
                write_sidecar(
                    path, self.bundle, card, model.device, arguments=tuple(ends), files=files
                )
        tell(self.as_json, {"ends": list(ends)}, [path], self.out)

    def _drawn(self, model: Model, latents: Latents) -> Array:
        """Draw all, (n, channels, *size), with a bar."""
        signals: list[Array] = []
        drawn = draw_each(model, latents, Refining(self.refine, self.seed, self.noise))
        last_of(drawn, len(latents.frames), "drawing", signals.append)
        return np.stack(signals)


def _points(model: Model, ends: Sequence[str], read: Mapping[str, Input]) -> list[End]:
    """Give seeds, and what is read off files, with a bar for each file."""
    length = 1 if "encoder" in model.graphs else 1 + Chains.steps + Chains.settle
    known: dict[str, End] = {end: int(end) for end in ends if end not in read}
    for name, given in read.items():
        states = model.reconstructing(given.x, chains=Chains.chains)
        known[name] = last_of(states, length, name)
    return [known[end] for end in ends]


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
