"""``coop-run interpolate``, ``corners``, ``panel`` and ``vary``: what is drawn between latents."""

import functools
import math

import click

from coop_runtime.tasks.drawn import Way, around, path, plane
from coop_runtime.tasks.drawn import between as grid

from ..console import Command
from .drawing import FRAMES_PER_SECOND, Drawing, drawing
from .shared import bundle_argument

__all__ = ["corners", "interpolate", "panel", "vary"]

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
    type=click.FloatRange(0.01, 1000),
    default=FRAMES_PER_SECOND,
    show_default=True,
    help="Pictures per second of .gif and .webp.",
)
@drawing(_SHEET)
def interpolate(job: Drawing, a: str, b: str, frames: int, how: Way, fps: float) -> None:
    """Draw what lies between A and B: a strip, or a moving picture.

    Each of them is a seed of generate, or a file (./7 for one that is named as a seed).
    """
    if math.isnan(fps):
        raise click.BadParameter("expected a number", param_hint="'--fps'")
    job.run(
        (a, b),
        lambda model, points, size: path(model, (points[0], points[1]), frames, how, size),
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
@drawing(_SHEET)
def corners(job: Drawing, ends: tuple[str, ...], rows: int, columns: int, how: Way) -> None:
    """Draw the sheet between four corners, row by row; each a seed or a file, as in interpolate."""
    job.run(
        ends,
        lambda model, points, size: grid(model, points, (rows, columns), how, size),
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
@drawing(_SHEET)
def panel(job: Drawing, rows: int, columns: int, extent: float) -> None:
    """Draw the plane of a 2-D latent; of a larger latent, a plane that the seed names."""
    job.run(
        (),
        lambda model, _, size: plane(model, job.seed, (rows, columns), extent, size),
        columns,
    )


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
@drawing(_SHEET)
def vary(job: Drawing, x: str, distance: float, count: int) -> None:
    """Draw neighbours of X, a seed or a file as in interpolate, in random directions."""
    job.run(
        (x,),
        lambda model, points, size: around(model, points[0], distance, count, job.seed, size),
    )
