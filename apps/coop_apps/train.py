"""``coop-train``: learn a model from examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import Command, Group, check_writable
from .options import Run, files, run_options, skip_broken_option
from .training import check_ahead, check_recoverable, needs_training, say, train

if TYPE_CHECKING:
    from coop_trainer.config import Config
    from coop_trainer.data import Signals

__all__ = ["main"]


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="coopnets", prog_name="coop-train")
def main() -> None:
    """Learn a cooperative generative model from examples.

    Completion for bash: eval "$(_COOP_TRAIN_COMPLETE=bash_source coop-train)"; zsh and fish
    likewise.
    """


@main.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-train texture brick --out runs/brick
  coop-train texture stone1.jpg stone2.jpg --out runs/stone --minutes 20
  coop-train texture brick --out runs/b2 --set coopnets.langevin.steps=30
  coop-train texture brick gravel --method abp --out runs/mixed
  coop-train texture --out runs/brick --resume
""",
)
@files("IMAGE")
@click.option("--size", type=click.IntRange(min=2), help="Scale the shorter side to N pixels.")
@run_options("texture")
def texture(sources: tuple[str, ...], size: int | None, **options: Any) -> None:
    """Learn a texture from one or several pictures.

    IMAGE is a file, or one of scikit-image's CC0 photographs: brick, grass, gravel.
    """
    if not sources and not options["resume"]:
        raise click.UsageError("give at least one IMAGE, e.g. brick or stone.jpg")

    def load(config: Config) -> Signals:
        from coop_trainer.data import load_texture

        crop = config.data.crop_shape(2)
        signals = load_texture(
            sources, size=config.data.size, crop=1 if crop is None else max(crop)
        )
        if crop is not None and all(a.shape[1:3] == crop for a in signals.arrays):
            say("the pictures are no larger than the training crop: there is only one crop of each")
        return signals

    train("texture", Run(**options), load if sources else None, {"data.size": size})


@main.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-train images photos/ --size 64 --out runs/photos
  coop-train images train-images-idx3-ubyte.gz --method mcmc-triangle --out runs/fashion
  coop-train images faces.npz --method abp --mask B20 --recover faces-whole.npz --out runs/faces
""",
)
@files("SOURCE")
@click.option("--size", type=click.IntRange(min=2), help="Cut and scale to N×N pixels.")
@click.option("--grey/--colour", default=None, help="Turn all to grey, or to colour.")
@click.option("--limit", type=click.IntRange(min=1), help="Learn from the first N pictures only.")
@click.option(
    "--mask",
    metavar="NAME|FILE",
    help="Hide entries: P.5, P.7, P.9, MB10, B20 or B30, or what a file marks as missing: a "
    "picture or a folder of them by white, an .npz by 1 in its array 'masks'.",
)
@click.option(
    "--recover",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the training pictures, hidden entries recovered, to this .npz file.",
)
@skip_broken_option
@run_options("images")
def images(
    sources: tuple[str, ...],
    size: int | None,
    grey: bool | None,
    limit: int | None,
    mask: str | None,
    recover: Path | None,
    skip_broken: bool,
    **options: Any,
) -> None:
    """Learn a set of pictures of one size.

    SOURCE is a folder of pictures, an .npz or .npy file, or an idx file as of MNIST.
    """
    run = Run(**options)
    if not sources and not run.resume:
        raise click.UsageError("give at least one SOURCE: a folder, an .npz or an idx .gz file")
    if not sources and (skip_broken or any(o is not None for o in (size, grey, limit, mask))):
        raise click.UsageError(
            "--size, --grey, --limit, --mask and --skip-broken are about SOURCEs: give these too"
        )
    if recover is not None:
        check_writable(recover, ".npz")
        check_recoverable(run, None if not sources else mask is not None)
    size = check_ahead("images", run, size)
    found = _load_images(sources, size, grey, limit, skip_broken) if sources else None

    def load(config: Config) -> Signals:
        from coop_trainer.data import hide

        assert found is not None  # noqa: S101  only called when there are sources
        return found if mask is None else hide(found, mask, config.seed)

    training = train("images", run, None if found is None else load, {"data.size": _side(found)})
    if recover is not None and training.shard.first:
        from coop_runtime.files import write_atomically
        from coop_trainer.recover import recovered

        write_atomically(recover, recovered(training))
        click.echo(f"recovered: {recover}")


@main.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-train sound water --out runs/water
  coop-train sound rain.wav --out runs/rain
  coop-train sound rain.wav --method abp --preset paper --out runs/rain2
""",
)
@files("FILE")
@click.option("--rate", type=click.IntRange(min=1000), help="Samples per second.  [11025]")
@skip_broken_option
@run_options("sound")
def sound(sources: tuple[str, ...], rate: int | None, skip_broken: bool, **options: Any) -> None:
    """Learn the texture of a sound (WAV, FLAC, OGG), mixed to mono and resampled.

    "water" is running water that coopnets computes itself.
    """
    if not sources and not options["resume"]:
        raise click.UsageError("give at least one FILE, e.g. rain.wav")

    def load(config: Config) -> Signals:
        from coop_trainer.data import load_sound

        (crop,) = config.data.crop_shape(1) or (2,)
        return load_sound(
            sources,
            rate=config.data.rate,
            crop=crop,
            whitening=config.data.whitening,
            skip_broken=skip_broken,
            say=say,
        )

    train("sound", Run(**options), load if sources else None, {"data.rate": rate})


@main.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-train clips waves --out runs/waves
  coop-train clips fire.gif --out runs/fire
  coop-train clips sea.mp4 --size 64 --method abp --out runs/sea
""",
)
@files("CLIP")
@click.option("--size", type=click.IntRange(min=2), help="Scale the shorter side to N pixels.")
@skip_broken_option
@run_options("clips")
def clips(sources: tuple[str, ...], size: int | None, skip_broken: bool, **options: Any) -> None:
    """Learn a dynamic texture from short clips: .npz frames, GIF, WebP or video files.

    "waves" is a moving water surface that coopnets computes itself.
    """
    if not sources and not options["resume"]:
        raise click.UsageError("give at least one CLIP, e.g. fire.gif")

    def load(config: Config) -> Signals:
        from coop_trainer.data import load_clips

        return load_clips(sources, size=config.data.size, skip_broken=skip_broken, say=say)

    train("clips", Run(**options), load if sources else None, {"data.size": size})


def _side(images: Signals | None) -> int | str | None:
    """Give data.size of what was read; "none" of pictures that are not square."""
    if images is None:
        return None
    _, height, width, _ = images.arrays[0].shape
    return height if height == width else "none"


def _load_images(
    sources: tuple[str, ...],
    size: int | None,
    grey: bool | None,
    limit: int | None,
    skip_broken: bool,
) -> Signals:
    with needs_training():
        from coop_trainer.data import load_images

    return load_images(sources, size=size, grey=grey, limit=limit, skip_broken=skip_broken, say=say)


if __name__ == "__main__":
    main(prog_name="coop-train")
