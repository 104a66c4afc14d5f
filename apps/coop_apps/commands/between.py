"""``coop-run interpolate``, ``corners``, ``panel`` and ``vary``: what is drawn between latents."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import coop_runtime
from coop_runtime import Array, Drawn, Model
from coop_runtime.tasks.drawn import Way

from ..console import Command
from ..inputs import STANDARD, find_inputs, read_input
from ..places import encode_side_by_side, place_of, send
from ..sidecar import write_sidecar
from .shared import (
    about,
    bundle_argument,
    check_json,
    noise_option,
    out_option,
    running,
    sidecar_option,
    size_option,
    tell,
    together,
)

__all__ = ["corners", "interpolate", "panel", "vary"]

_FRAMES_PER_SECOND = 10.0


@dataclass(frozen=True)
class _Drawing:
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
        rate: float = _FRAMES_PER_SECOND,
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
        raise coop_runtime.CoopError(f"'{end}': expected one file, found {len(found)}")
    return found[0]


def _drawing(out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `_Drawing`, which it gets as its first argument."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        names = _Drawing.__dataclass_fields__

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
            command(_Drawing(**{k: given.pop(k) for k in names}), **given)

        return run

    return add


_how = functools.partial(
    click.option,
    "--how",
    type=click.Choice(["linear", "spherical"]),
    show_default=True,
    help="The way from latent to latent.",
)
_SHEET = "A .png file; .gif or .webp, pictures one after another, clips side by side; .wav"


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run interpolate exported/fashion 1 2 -o strip.png
  coop-run interpolate exported/fashion shoe.png boot.png --frames 25 --refine 10 -o between.gif
  coop-run interpolate exported/faces a.jpg 7 --how spherical -o strip.png
""",
)
@bundle_argument
@click.argument("a")
@click.argument("b")
@click.option(
    "--frames",
    type=click.IntRange(2),
    default=9,
    show_default=True,
    help="How many, with both ends.",
)
@_how(default="linear")
@click.option(
    "--fps",
    type=click.FloatRange(0, min_open=True),
    default=_FRAMES_PER_SECOND,
    show_default=True,
    help="Pictures per second of .gif and .webp.",
)
@_drawing(_SHEET)
def interpolate(drawing: _Drawing, a: str, b: str, frames: int, how: Way, fps: float) -> None:
    """Draw what lies between A and B: a strip, or a moving picture.

    Each of them is a seed of generate, or a file (./7 for one that is named as a seed).
    """
    drawing.run(
        (a, b),
        lambda model, ends, options: model.interpolate(ends[0], ends[1], frames, how, **options),
        frames,
        fps,
    )


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run corners exported/fashion 1 2 3 4 -o corners.png
  coop-run corners exported/faces a.jpg b.jpg c.jpg d.jpg --rows 5 --columns 5 -o corners.png
""",
)
@bundle_argument
@click.argument("ends", metavar="A B C D", nargs=4)
@click.option("--rows", type=click.IntRange(2), default=8, show_default=True, help="Of the sheet.")
@click.option(
    "--columns", type=click.IntRange(2), default=8, show_default=True, help="Of the sheet."
)
@_how(default="spherical")
@_drawing(_SHEET)
def corners(drawing: _Drawing, ends: tuple[str, ...], rows: int, columns: int, how: Way) -> None:
    """Draw the sheet between four corners, row by row; each a seed or a file, as in interpolate."""
    drawing.run(
        ends,
        lambda model, points, options: model.corners(points, rows, columns, how, **options),
        columns,
    )


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run panel exported/digits -o panel.png
  coop-run panel exported/fashion --seed 3 --rows 5 --columns 5 -o panel.png
""",
)
@bundle_argument
@click.option("--rows", type=click.IntRange(1), default=9, show_default=True, help="Of the sheet.")
@click.option(
    "--columns", type=click.IntRange(1), default=9, show_default=True, help="Of the sheet."
)
@click.option(
    "--extent",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="Largest coordinate.",
)
@_drawing(_SHEET)
def panel(drawing: _Drawing, rows: int, columns: int, extent: float) -> None:
    """Draw the plane of a 2-D latent; of a larger latent, a plane that the seed names."""

    def draw(model: Model, _: list[Any], options: dict[str, Any]) -> Drawn:
        return model.panel(options.pop("seed"), rows, columns, extent=extent, **options)

    drawing.run((), draw, columns)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run vary exported/fashion shoe.png --distance 3 -o shoes.png
  coop-run vary exported/faces 7 --distance 2 -n 16 --seed 1 -o like7.png
""",
)
@bundle_argument
@click.argument("x")
@click.option(
    "--distance",
    type=click.FloatRange(0),
    required=True,
    help="In the latent, whose length is about the square root of its number of entries.",
)
@click.option("-n", "count", type=click.IntRange(1), default=8, show_default=True, help="How many.")
@_drawing(_SHEET)
def vary(drawing: _Drawing, x: str, distance: float, count: int) -> None:
    """Draw neighbours of X, a seed or a file as in interpolate, in random directions."""

    def draw(model: Model, ends: list[Any], options: dict[str, Any]) -> Drawn:
        return model.vary(ends[0], distance, count, options.pop("seed"), **options)

    drawing.run((x,), draw)
