"""``coop-run generate``: pictures, sounds and clips of any size."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

import coop_runtime
from coop_runtime import Array, Block, Card, CoopError, Model, SessionOptions
from coop_runtime.arrays import check_size
from coop_runtime.bundle import Backend
from coop_runtime.tasks.stream import TILE, loop_cells, streams_in_tiles

from ..console import SIZE, Command
from ..outputs import Output
from ..sidecar import check_names, write_sidecar
from ..sounds import check_sound
from .shared import (
    bundle_argument,
    check_json,
    device_options,
    json_option,
    last_of,
    noise_option,
    seed_option,
    sidecar_option,
    tell,
)

__all__ = ["generate"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run generate exported/brick -o brick.png
  coop-run generate exported/brick -n 3 --size 448x448 --refine 30 --seed 0 -o out.png
  coop-run generate exported/brick --size 512x512 --loop -o tile.png
  coop-run generate exported/brick --size 16384x16384 --refine 0 -o wall.png
  coop-run generate exported/fashion -n 64 --sheet -o sheet.png
  coop-run generate exported/rain --seconds 3600 -o rain.flac
  coop-run generate exported/rain --seconds inf --raw -o - | aplay -f S16_LE -r 11025
  coop-run generate exported/fire --seconds 60 -o fire.mp4
  coop-run generate exported/fire --seconds 3 --loop --frames -o fire
""",
)
@bundle_argument
@click.option("-n", "count", type=click.IntRange(1), default=1, show_default=True, help="How many.")
@click.option(
    "--size",
    type=SIZE,
    help="Height x width, samples, or frames x height x width; one number for every axis that "
    "can be extended; as in training if not given.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="Length of a sound or clip, instead of --size; inf with --raw: without end.",
)
@click.option(
    "--refine", type=click.IntRange(0), help="Langevin steps; as in the card if not given."
)
@seed_option
@click.option("--first", type=click.IntRange(0), default=0, help="Number of the first one.")
@noise_option
@click.option(
    "--loop",
    is_flag=True,
    help="What ends flows into what begins: sounds and clips to be repeated, pictures to be laid "
    "side by side. Their size is made of whole latent cells.",
)
@click.option("--sheet", is_flag=True, help="All pictures or clips side by side in one file.")
@click.option("--frames", is_flag=True, help="A clip as a folder of PNG pictures, new or empty.")
@click.option(
    "--raw", is_flag=True, help="A sound as bare samples, 16 bits, little-endian; with -o -."
)
@device_options
@json_option
@sidecar_option
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A .png, .wav, .flac, .mp4, .webp or .gif file; out-0.png, out-1.png, … for several; "
    "- for standard output.",
)
def generate(
    bundle: Path,
    count: int,
    size: tuple[int, ...] | None,
    seconds: float | None,
    refine: int | None,
    seed: int,
    first: int,
    noise: bool | None,
    loop: bool,
    sheet: bool,
    frames: bool,
    raw: bool,
    device: str,
    backend: Backend,
    as_json: bool,
    sidecar: bool,
    out: Path,
) -> None:
    """Draw pictures, sounds or clips, refine them by Langevin steps, and write files.

    A model without an energy only draws; one without a generator refines noise. Number k of a seed
    is always the same, however many are drawn. What is large is drawn and written in parts: memory
    does not grow with the height of a picture or the length of a sound or clip. --json gives the
    seed, and the number of the (first) signal in each file.
    """
    check_json(as_json, str(out))
    card = coop_runtime.read_card(bundle)
    output = Output(card, out, frames, sheet, raw)
    numbers = range(first, first + count)
    output.check(numbers)
    if sidecar and not output.is_standard:
        check_names(bundle, out)
    length = _length(card, size, seconds, loop)
    if length[0] == math.inf and not raw:
        raise click.UsageError("--seconds inf is for --raw -o -: a file has an end")
    if card.signal.dims == 1 and not raw:
        check_sound((int(length[0]), card.signal.channels), output.sound)
    # Tiles at the edges differ in size: room planned for each would only add up.
    options = SessionOptions(memory_pattern=False)
    with coop_runtime.load(bundle, device, backend=backend, options=options) as model:
        drawing = _Drawing(model, length, seed, refine, noise, loop)
        written = drawing.write(output, numbers)
        for k, path in zip(numbers, written, strict=False):
            if sidecar:
                alone = {"first": k, "count": 1} if len(written) > 1 else {}
                write_sidecar(path, bundle, card, model.device, changes=alone)
            tell(as_json, {"seed": seed, "number": k}, [path], str(out))


@dataclass(frozen=True)
class _Drawing:
    """How each signal is drawn; see `generate`."""

    model: Model
    size: tuple[float, ...]
    seed: int
    refine: int | None
    noise: bool | None
    loop: bool
    steps: int = field(init=False)

    def __post_init__(self) -> None:
        settings = self.model.card.langevin
        chosen = self.refine if self.refine is not None else settings.steps if settings else 0
        object.__setattr__(self, "steps", chosen)

    def write(self, output: Output, numbers: Sequence[int]) -> list[Path]:
        """Draw and write signals of these numbers; give the files' names."""
        large = math.prod(self.size) > TILE and streams_in_tiles(self.model.card)
        if not output.sheet and (self.loop or output.is_standard or large):
            paths = output.paths(len(numbers), numbers)
            for k, path in zip(numbers, paths, strict=True):
                output.write_parts(self._parts(k), self.size, path, self.loop)
            return [] if output.is_standard else paths
        signals: list[Array] = []
        hidden = self.steps > 0 or self.loop  # then each has a bar of its own
        last_of(map(self._whole, numbers), len(numbers), "drawing", signals.append, hidden=hidden)
        return output.write(signals, numbers)

    def _whole(self, k: int) -> Array:
        """Draw number k alone: examples do not depend on their batch, and memory stays small."""
        if self.loop:
            return np.concatenate([block.x for block in self._parts(k)], axis=2)
        draw = self.model.generate if self.model.card.latent else self.model.noise
        x = draw(1, self.seed, [int(n) for n in self.size], first=k)
        if self.steps == 0:
            return x
        states = self.model.refine(x, self.steps, self.seed, noise=self.noise, first=k)
        return last_of(states, 1 + self.steps, f"number {k}").x

    def _parts(self, k: int) -> Iterator[Block]:
        """Draw number k in parts; of a bundle that has to be drawn whole, in one."""
        if not (streams_in_tiles(self.model.card) or self.loop or self.size[0] == math.inf):
            return iter([Block(0, self._whole(k))])
        blocks = self.model.stream(
            self.seed,
            self.size,
            refine_steps=self.steps,
            noise=self.noise,
            loop=self.loop,
            first=k,
        )
        return _shown(blocks, self.size[0], f"number {k}")


def _shown(blocks: Iterator[Block], length: float, label: str) -> Iterator[Block]:
    """Give the blocks, with a bar on stderr if it is a terminal and there is an end."""
    endless = length == math.inf
    with click.progressbar(
        length=0 if endless else int(length),
        label=label,
        file=sys.stderr,
        hidden=endless or not sys.stderr.isatty(),
    ) as bar:
        for block in blocks:
            yield block
            bar.update(block.x.shape[2])


def _length(
    card: Card, size: tuple[int, ...] | None, seconds: float | None, loop: bool
) -> tuple[float, ...]:
    """Give the size that --size or --seconds means; that of a loop in whole cells."""
    if seconds is None:
        sides = check_size(size[0] if size is not None and len(size) == 1 else size, card)
        return _whole_cells(card, sides) if loop and size is None else sides
    if size is not None:
        raise click.UsageError("--size and --seconds: give one of them")
    if card.signal.rate is None:
        raise CoopError(f"--seconds: the card of '{card.name}' has no rate; give --size")
    if math.isnan(seconds):
        raise click.BadParameter("expected a number", param_hint="'--seconds'")
    others = card.signal.trained_shape[1:]
    if seconds == math.inf:
        return math.inf, *others
    sides = check_size((max(1, round(seconds * card.signal.rate)), *others), card)
    return _whole_cells(card, sides) if loop else sides


def _whole_cells(card: Card, sides: Sequence[int]) -> tuple[int, ...]:
    """Give the nearest size that a loop can have."""
    units = loop_cells(card)
    return tuple(max(1, round(n / unit)) * unit for n, unit in zip(sides, units, strict=True))
