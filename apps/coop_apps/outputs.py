"""Where drawn signals go: PNG files, moving GIF or WebP files, folders of frames, WAV files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

import coop_runtime
from coop_runtime import Array, Card, CoopError

from .pictures import Pixels, encode_clip, encode_png, grid
from .sounds import encode_wav

__all__ = ["Output"]

_SUFFIXES = {1: (".wav",), 2: (".png",), 3: (".gif", ".webp")}
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
    frames
        A clip becomes a folder of PNG pictures.
    sheet
        All signals become one file.
    """

    card: Card
    out: Path
    frames: bool = False
    sheet: bool = False

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
        suffixes = _SUFFIXES[signal.dims]
        if not self.frames and self.out.suffix.lower() not in suffixes:
            raise click.BadParameter(
                f"'{self.out}' does not end in {' or '.join(suffixes)}", param_hint="'-o'"
            )
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
        for path in self._paths(1 if self.sheet else len(numbers), numbers):
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
        if self.card.signal.dims == 1:
            sounds = [coop_runtime.to_samples(x, self.card.signal)[0] for x in signals]
            rate = self.card.signal.rate or 1.0
            return self._files([encode_wav(sound, rate) for sound in sounds], numbers)
        pixels = [coop_runtime.to_uint8(x, self.card.signal)[0] for x in signals]
        if self.sheet:
            pixels = [grid(np.stack(pixels))]
        if self.frames:
            return self._folders(pixels, numbers)
        return self._files([self._encoded(p) for p in pixels], numbers)

    def _encoded(self, pixels: Pixels) -> bytes:
        if self.card.signal.dims == 2:
            return encode_png(pixels)
        rate = self.card.signal.rate or _FRAMES_PER_SECOND
        return encode_clip(pixels, rate, self.out.suffix.lower().removeprefix("."))

    def _files(self, contents: list[bytes], numbers: Sequence[int]) -> list[Path]:
        paths = self._paths(len(contents), numbers)
        coop_runtime.write_all_atomically(dict(zip(paths, contents, strict=True)))
        return paths

    def _folders(self, clips: list[Pixels], numbers: Sequence[int]) -> list[Path]:
        paths = self._paths(len(clips), numbers)
        for path, clip in zip(paths, clips, strict=True):
            with coop_runtime.new_folder(path) as folder:
                for k, frame in enumerate(clip):
                    (folder / f"frame-{k:04}.png").write_bytes(encode_png(frame))
        return paths

    def _paths(self, count: int, numbers: Sequence[int]) -> list[Path]:
        if count == 1:
            return [self.out]
        return [self.out.with_name(f"{self.out.stem}-{k}{self.out.suffix}") for k in numbers]
