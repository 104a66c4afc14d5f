"""Where the results of several inputs go: numbered files, a folder, standard output."""

import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from coop_runtime import Array, Card, CoopError, to_samples, to_uint8, write_atomically

from .console import check_writable
from .inputs import STANDARD
from .outputs import Output
from .pictures import encode_clip, encode_png, grid
from .sounds import encode_sound

__all__ = ["ENDING", "Places", "encode_side_by_side", "place_of", "send", "spare"]

#: Of a result whose name is not given.
ENDING = {1: ".wav", 2: ".png", 3: ".webp"}
_ANIMATED = (".gif", ".webp")


@dataclass(frozen=True)
class Places:
    """The files of one command.

    Attributes
    ----------
    card
        Of the model.
    out
        A file name, which is numbered for several inputs; a folder, there already or named with a
        slash at its end, for files named as the inputs; or ``"-"``.
    sheet
        Whether the results are several signals, side by side.
    """

    card: Card
    out: str
    sheet: bool = False

    def of(self, inputs: Sequence[str], first: int) -> list[Path]:
        """Give the file of each input; refuse before computing what could not be written.

        Parameters
        ----------
        first
            Number of the first input.

        Raises
        ------
        click.UsageError, CoopError
            A wrong ending, no folder, two results of one name, a result in place of an input, or
            several for standard output.
        """
        paths = self._paths(inputs, first)
        folder = Path(self.out)
        if not self._is_folder():
            Output(self.card, paths[0], sheet=self.sheet).check([])
        elif folder.is_dir() or folder.parent.is_dir():
            Output(self.card, Path(paths[0].name), sheet=self.sheet).check([])
        else:
            raise CoopError(f"cannot make '{folder}': there is no folder '{folder.parent}'")
        spare(inputs, paths, self.out)
        seen: set[Path] = set()
        for path in paths:
            if path in seen:
                raise CoopError(f"two inputs would become '{path}'; give -o with a file name")
            seen.add(path)
            if path.is_dir():
                raise CoopError(f"'{path}' is a folder; give another name")
        return paths

    def write(self, signals: Array, path: Path) -> None:
        """Write a signal (1, channels, *size), or those of a sheet; ``"-"``: to standard output."""
        numbers, parts = range(len(signals)), [x[None] for x in signals]
        if self.out != STANDARD:
            if self._is_folder():
                path.parent.mkdir(exist_ok=True)
            Output(self.card, path, sheet=self.sheet).write(parts, numbers)
            return
        with tempfile.TemporaryDirectory() as folder:
            there = Path(folder) / path.name
            Output(self.card, there, sheet=self.sheet).write(parts, numbers)
            send(there.read_bytes())

    def _is_folder(self) -> bool:
        return self.out.endswith(("/", "\\")) or Path(self.out).is_dir()

    def _paths(self, inputs: Sequence[str], first: int) -> list[Path]:
        ending, out = ENDING[self.card.signal.dims], Path(self.out)
        if self.out == STANDARD:
            if len(inputs) > 1:
                raise click.UsageError("-o -: standard output takes one result; give one input")
            return [Path(f"out{ending}")]
        if self._is_folder():
            stems = ("stdin" if name == STANDARD else Path(name).stem for name in inputs)
            return [out / f"{stem}{ending}" for stem in stems]
        if len(inputs) == 1:
            return [out]
        return [out.with_name(f"{out.stem}-{first + k}{out.suffix}") for k in range(len(inputs))]


def spare(inputs: Iterable[str], paths: Iterable[Path], out: str) -> None:
    """Refuse results in place of inputs; to standard output, ``out`` ``"-"``, all may go.

    Raises
    ------
    CoopError
        One of ``paths`` is one of ``inputs``.
    """
    taken = {Path(name).resolve() for name in inputs if name != STANDARD}
    for path in paths:
        if out != STANDARD and path.resolve() in taken:
            raise CoopError(f"'{path}' is an input; give another name")


def place_of(card: Card, out: str) -> Path:
    """Give the one file of signals that stand side by side; see `encode_side_by_side`.

    Raises
    ------
    click.UsageError, CoopError
        It cannot be written.
    """
    ending = ENDING[card.signal.dims]
    path = Path(f"out{ending}") if out == STANDARD else Path(out)
    endings = {1: (".wav",), 2: (".png", *_ANIMATED), 3: _ANIMATED}[card.signal.dims]
    check_writable(path, *endings)
    Output(card, path.with_suffix(ending)).check([])
    if path.is_dir():
        raise CoopError(f"'{path}' is a folder; give another name")
    return path


def encode_side_by_side(
    signals: Array, card: Card, ending: str, columns: int | None, rate: float
) -> bytes:
    """Encode signals (n, channels, *size) as one file.

    Pictures stand side by side (PNG), or one after another (GIF, WebP); clips side by side; sounds
    one after another.

    Parameters
    ----------
    columns
        Of a sheet; None: as `grid` chooses.
    rate
        Pictures per second, where they stand one after another.
    """
    signal, kind = card.signal, ending.lower().removeprefix(".")
    if signal.dims == 1:
        return encode_sound(np.concatenate(to_samples(signals, signal)), signal.rate or 1.0)
    pixels = to_uint8(signals, signal)
    if signal.dims == 3:
        return encode_clip(grid(pixels, columns), signal.rate or rate, kind)
    return encode_png(grid(pixels, columns)) if kind == "png" else encode_clip(pixels, rate, kind)


def send(data: bytes, out: str = STANDARD, path: Path | None = None) -> None:
    """Write bytes to standard output, or for another ``out`` to ``path``."""
    if out != STANDARD and path is not None:
        write_atomically(path, data)
        return
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
