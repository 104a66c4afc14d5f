"""Where drawn signals go: PNG, WAV, FLAC, GIF, WebP and MP4 files, folders of frames."""

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click
import numpy as np

import coop_runtime
from coop_runtime import Array, Block, Card, CoopError

from .inputs import STANDARD
from .movies import check_mp4, write_mp4
from .pictures import Pixels, encode_clip, encode_png, grid
from .png import write_png
from .sounds import Kind, check_sound, encode_sound, write_sound

__all__ = ["Output"]

_SUFFIXES = {1: (".wav", ".flac"), 2: (".png",), 3: (".gif", ".webp", ".mp4")}
_FRAMES_PER_SECOND = 25.0


@dataclass(frozen=True)
class Output:
    """What to write for the signals of one model.

    Attributes
    ----------
    card
        Of the model.
    out
        The file, or the folder of frames; for several signals a number is added to its name.
        ``"-"``: standard output, to which only `write_parts` writes: PNG, WAV or WebP.
    frames
        A clip becomes a folder of PNG pictures.
    sheet
        All signals become one file.
    raw
        A sound becomes bare samples, see `write_sound`; on standard output alone.
    """

    card: Card
    out: Path
    frames: bool = False
    sheet: bool = False
    raw: bool = False

    @property
    def is_standard(self) -> bool:
        """Whether standard output is meant."""
        return str(self.out) == STANDARD

    def check(self, numbers: Sequence[int]) -> None:
        """Refuse before computing what could not be written after it; arguments as in `write`.

        Raises
        ------
        click.UsageError
            Options that do not fit this kind of signal, or a wrong ending of the name.
        CoopError
            A signal that none of these files takes, or no place to write to.
        """
        signal, name = self.card.signal, self.card.name
        if self.frames and signal.dims != 3:
            raise click.UsageError(f"--frames is for clips; '{name}' draws {signal.kind}")
        if self.sheet and signal.dims == 1:
            raise click.UsageError(f"--sheet is for pictures and clips; '{name}' draws sound")
        if self.raw and signal.dims != 1:
            raise click.UsageError(f"--raw is for sounds; '{name}' draws {signal.kind}")
        if self.raw and not self.is_standard:
            raise click.UsageError("--raw is for sounds on standard output: give -o -")
        if self.is_standard and (self.frames or self.sheet or len(numbers) > 1):
            raise click.UsageError("-o -: standard output takes one signal, as one file")
        suffix, suffixes = self.out.suffix.lower(), _SUFFIXES[signal.dims]
        if not (self.frames or self.is_standard) and suffix not in suffixes:
            raise click.BadParameter(
                f"'{self.out}' does not end in {' or '.join(suffixes)}", param_hint="'-o'"
            )
        if suffix == ".mp4" and not self.frames:
            check_mp4()
        if suffix == ".flac":
            check_sound((0, signal.channels), "flac")
        if signal.dims == 1 and signal.rate is None:
            raise CoopError(f"the card of '{name}' has no rate, which a sound needs; use Python")
        if signal.dims > 1 and signal.channels not in (1, 3):
            raise CoopError(
                f"'{name}' draws signals of {signal.channels} channels; a picture takes 1 or 3"
            )
        folder = self.out.parent
        if not folder.is_dir():
            raise CoopError(
                f"cannot write '{self.out}': there is no folder '{folder}'; make it first"
            )
        for path in self.paths(1 if self.sheet else len(numbers), numbers):
            if not coop_runtime.is_free(path) if self.frames else path.is_dir():
                raise CoopError(f"'{path}' exists already; give a new name, or remove it first")

    def write(self, signals: Sequence[Array], numbers: Sequence[int]) -> list[Path]:
        """Write signals (1, channels, *spatial) and give the names; each appears whole or not.

        Parameters
        ----------
        signals
            All of one size.
        numbers
            Of each, for the names where there are several files.

        Raises
        ------
        CoopError
            A file cannot be written; for frames, a folder is not free.
        """
        signal = self.card.signal
        if signal.dims == 1:
            sounds = [coop_runtime.to_samples(x, signal)[0] for x in signals]
            encoded = [encode_sound(sound, signal.rate or 1.0, self.sound) for sound in sounds]
            return self._files(encoded, numbers)
        pixels = [coop_runtime.to_uint8(x, signal)[0] for x in signals]
        if self.sheet:
            pixels = [grid(np.stack(pixels))]
        if self.frames:
            return self._folders(pixels, numbers)
        return self._files([self._encoded(p) for p in pixels], numbers)

    def write_parts(
        self, blocks: Iterable[Block], size: Sequence[float], path: Path, loop: bool = False
    ) -> None:
        """Write one signal band by band, of which only one need be in memory.

        GIF and WebP files keep their frames, the sound of a loop its samples.

        Parameters
        ----------
        blocks
            Of `Model.stream`, in order.
        size
            Of the signal; the first number may be infinite for ``raw``.
        path
            Its file or folder of frames, or ``"-"``: standard output.
        loop
            Whether the blocks are those of a loop.

        Raises
        ------
        CoopError
            The file cannot be written.
        """
        if self.frames:
            _write_frames(path, (frame for part in self._pixels(blocks) for frame in part))
        elif str(path) == STANDARD:
            self._write_to(sys.stdout.buffer, blocks, size, loop)
            sys.stdout.buffer.flush()
        else:
            with coop_runtime.new_file(path) as file:
                self._write_to(file, blocks, size, loop)

    def _write_to(
        self, file: BinaryIO, blocks: Iterable[Block], size: Sequence[float], loop: bool
    ) -> None:
        signal = self.card.signal
        rate = signal.rate or _FRAMES_PER_SECOND
        if signal.dims == 1:
            samples = self._samples(blocks, loop)
            write_sound(file, samples, rate, (size[0], signal.channels), self.sound)
        elif signal.dims == 2:
            height, width = (int(n) for n in size)
            write_png(file, self._pixels(blocks), (height, width, signal.channels))
        elif self.out.suffix.lower() == ".mp4":
            write_mp4(file, self._pixels(blocks), rate, (int(size[1]), int(size[2])))
        else:
            file.write(self._encoded(np.concatenate(list(self._pixels(blocks)))))

    def _pixels(self, blocks: Iterable[Block]) -> Iterator[Pixels]:
        return (coop_runtime.to_uint8(block.x, self.card.signal)[0] for block in blocks)

    def _samples(self, blocks: Iterable[Block], loop: bool) -> Iterator[Array]:
        signal, before = self.card.signal, None
        if loop:
            x: Array = np.concatenate([block.x for block in blocks], axis=2)
            yield coop_runtime.loop_to_samples(x, signal)[0]
            return
        for block in blocks:
            before = coop_runtime.to_samples(block.x, signal, before)
            yield before[0]

    @property
    def sound(self) -> Kind:
        """How a sound is written."""
        if self.raw:
            return "raw"
        return "flac" if self.out.suffix.lower() == ".flac" else "wav"

    def _encoded(self, pixels: Pixels) -> bytes:
        if self.card.signal.dims == 2:
            return encode_png(pixels)
        rate, kind = self.card.signal.rate or _FRAMES_PER_SECOND, self.out.suffix.lower()
        if kind == ".mp4":
            file = io.BytesIO()
            write_mp4(file, [pixels], rate, pixels.shape[1:3])
            return file.getvalue()
        return encode_clip(pixels, rate, kind.removeprefix(".") or "webp")

    def _files(self, contents: list[bytes], numbers: Sequence[int]) -> list[Path]:
        paths = self.paths(len(contents), numbers)
        coop_runtime.write_all_atomically(dict(zip(paths, contents, strict=True)))
        return paths

    def _folders(self, clips: list[Pixels], numbers: Sequence[int]) -> list[Path]:
        paths = self.paths(len(clips), numbers)
        for path, clip in zip(paths, clips, strict=True):
            _write_frames(path, clip)
        return paths

    def paths(self, count: int, numbers: Sequence[int]) -> list[Path]:
        """Give the names of so many files, of signals of these numbers."""
        if count == 1:
            return [self.out]
        return [self.out.with_name(f"{self.out.stem}-{k}{self.out.suffix}") for k in numbers]


def _write_frames(path: Path, frames: Iterable[Pixels]) -> None:
    with coop_runtime.new_folder(path) as folder:
        for k, frame in enumerate(frames):
            (folder / f"frame-{k:04}.png").write_bytes(encode_png(frame))
