"""``coop-train``: learn a model from examples."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from coop_runtime import CoopError
from coop_runtime.strict import encode

from .console import Command, Group, check_writable, device_option

if TYPE_CHECKING:
    from coop_trainer.config import Config
    from coop_trainer.data import Signals
    from coop_trainer.loop import Board, Outcome
    from coop_trainer.training import Training

__all__ = ["main"]

#: As in `coop_trainer.config`, which takes seconds to import.
METHODS = ("descriptor", "abp", "coopnets", "triangle", "mcmc-triangle", "vae", "gan")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="coopnets", prog_name="coop-train")
def main() -> None:
    """Learn a cooperative generative model from examples.

    Completion for bash: eval "$(_COOP_TRAIN_COMPLETE=bash_source coop-train)"; zsh and fish
    likewise.
    """


Loader = Callable[["Config"], "Signals"]
F = TypeVar("F", bound=Callable[..., Any])


def run_options(command: F) -> F:
    """Add what every kind of signal has in common: the run, its method, its settings."""
    options = [
        click.option(
            "--out",
            required=True,
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of the run: settings, checkpoint, log and samples.",
        ),
        click.option("--method", type=click.Choice(METHODS), help="Learning algorithm."),
        click.option("--preset", metavar="NAME", help="Settings to start from.  [quick]"),
        click.option("--steps", type=click.IntRange(min=1), help="Number of iterations."),
        click.option(
            "--minutes",
            type=click.FloatRange(min=0, min_open=True),
            help="Stop after that time at the latest, learning rates falling in time.",
        ),
        click.option("--seed", type=click.IntRange(min=0), help="Seed of all chance.  [0]"),
        device_option,
        click.option(
            "--config",
            "file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="TOML file that overlays the preset.",
        ),
        click.option(
            "--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Change one setting."
        ),
        click.option("--resume", is_flag=True, help="Go on with the run in --out, bit for bit."),
        click.option("--tensorboard", is_flag=True, help="Log to --out/tensorboard as well."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def files(name: str) -> Callable[[F], F]:
    """Add the files to learn from."""
    return click.argument("sources", metavar=f"{name}...", nargs=-1)


skip_broken_option = click.option(
    "--skip-broken", is_flag=True, help="Leave out files that cannot be read, and say which."
)


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
@run_options
def texture(sources: tuple[str, ...], size: int | None, **options: Any) -> None:
    """Learn a texture from one or several pictures.

    IMAGE is a file, or one of scikit-image's CC0 photographs: brick, grass, gravel.
    """
    if not sources and not options["resume"]:
        raise click.UsageError("give at least one IMAGE, e.g. brick or stone.jpg")

    def load(config: Config) -> Signals:
        from coop_trainer.data import load_texture

        crop = config.data.crop_shape(2)
        return load_texture(sources, size=config.data.size, crop=1 if crop is None else max(crop))

    _train("texture", Run(**options), load if sources else None, {"data.size": size})


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
    help="Hide entries: P.5, P.7, P.9, MB10, B20 or B30, or a file where white is missing.",
)
@click.option(
    "--recover",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the training pictures, hidden entries recovered, to this .npz file.",
)
@skip_broken_option
@run_options
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
    if not sources and not (size is grey is limit is mask is None and not skip_broken):
        raise click.UsageError(
            "--size, --grey, --limit, --mask and --skip-broken are about SOURCEs: give these too"
        )
    if recover is not None:
        check_writable(recover, ".npz")
        _check_recoverable(run, None if not sources else mask is not None)
    _check_ahead("images", run)
    found = _load_images(sources, size, grey, limit, skip_broken) if sources else None

    def load(config: Config) -> Signals:
        from coop_trainer.data import hide

        assert found is not None  # noqa: S101  only called when there are sources
        return found if mask is None else hide(found, mask, config.seed)

    side = None if found is None else found.arrays[0].shape[1]
    training = _train("images", run, None if found is None else load, {"data.size": side})
    if recover is not None and training.shard.first:
        from coop_runtime.files import write_atomically
        from coop_trainer.recover import recovered

        write_atomically(recover, recovered(training))
        click.echo(f"recovered: {recover}")


@main.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-train sound rain.wav --out runs/rain
  coop-train sound rain.wav --method abp --preset paper --out runs/rain2
""",
)
@files("FILE")
@click.option("--rate", type=click.IntRange(min=1000), help="Samples per second.  [11025]")
@skip_broken_option
@run_options
def sound(sources: tuple[str, ...], rate: int | None, skip_broken: bool, **options: Any) -> None:
    """Learn the texture of a sound (WAV, FLAC, OGG), mixed to mono and resampled."""
    if not sources and not options["resume"]:
        raise click.UsageError("give at least one FILE, e.g. rain.wav")

    def load(config: Config) -> Signals:
        from coop_trainer.data import load_sound

        (crop,) = config.data.crop_shape(1) or (2,)
        return load_sound(
            sources, rate=config.data.rate, crop=crop, skip_broken=skip_broken, say=_say
        )

    _train("sound", Run(**options), load if sources else None, {"data.rate": rate})


@main.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-train clips fire.gif --out runs/fire
  coop-train clips waves.mp4 --size 64 --method abp --out runs/waves
""",
)
@files("CLIP")
@click.option("--size", type=click.IntRange(min=2), help="Scale the shorter side to N pixels.")
@skip_broken_option
@run_options
def clips(sources: tuple[str, ...], size: int | None, skip_broken: bool, **options: Any) -> None:
    """Learn a dynamic texture from short clips: .npz frames, GIF, WebP or video files."""
    if not sources and not options["resume"]:
        raise click.UsageError("give at least one CLIP, e.g. fire.gif")

    def load(config: Config) -> Signals:
        from coop_trainer.data import load_clips

        return load_clips(sources, size=config.data.size, skip_broken=skip_broken, say=_say)

    _train("clips", Run(**options), load if sources else None, {"data.size": size})


@dataclass(frozen=True)
class Run:
    """The options that every kind of signal has, see `run_options`."""

    out: Path
    method: str | None
    preset: str | None
    steps: int | None
    minutes: float | None
    seed: int | None
    device: str
    file: Path | None
    pairs: tuple[str, ...]
    resume: bool
    tensorboard: bool


def _train(kind: str, run: Run, load: Loader | None, more: Mapping[str, object]) -> Training:
    """Begin or go on with the run, train, and report."""
    with needs_training():
        from coop_trainer import loop, shards, start
        from coop_trainer.config import configure
        from coop_trainer.presets import load_preset

    options = {"method": run.method, "seed": run.seed, **more}
    options |= {"loop.steps": run.steps, "loop.minutes": run.minutes}
    given = [f"{key}={value}" for key, value in options.items() if value is not None]
    pairs = (*given, *run.pairs)

    def settings(stored: Config) -> Config:
        if stored.signal != kind:
            raise CoopError(
                f"{run.out}: the run learns {stored.signal}: "
                f"coop-train {stored.signal} --out {run.out} --resume"
            )
        if run.preset is None and run.file is None and not pairs:
            return stored
        base = encode(stored) if run.preset is None else load_preset(kind, run.preset)
        # Of pictures of a set, what is read decides on the size; here it was read before.
        size = (
            [f"data.size={stored.data.size or 'none'}"] if kind == "images" and load is None else []
        )
        return configure(base, file=run.file, pairs=[*size, *pairs])

    with shards.joined() as shard:
        with shard.together():
            where, good = start.choose_device(run.device, shard), None
            writer = _summary_writer() if run.tensorboard and shard.first else None
            if run.resume:
                training, folder, good = start.resume(
                    run.out, where, load=load, settings=settings, shard=shard
                )
                _say_where(training, run.out, kind)
            else:
                assert load is not None  # noqa: S101  the commands ask for sources
                preset = load_preset(kind, run.preset or "quick")
                config = configure(preset, file=run.file, pairs=pairs)
                training, folder = start.begin(run.out, config, load, where, shard)
            board = None if writer is None else writer(str(run.out / "tensorboard"))
        outcome = loop.run(training, folder, say=_say, good=good, board=board)
    _report(outcome, run.out, kind)
    return training


def _say_where(training: Training, out: Path, kind: str) -> None:
    """Say where a run goes on; refuse one of another kind of signal."""
    if training.config.signal != kind:
        signal = training.config.signal
        raise CoopError(f"{out}: the run learns {signal}: coop-train {signal} --resume")
    click.echo(f"{out}: going on at step {training.step}", err=True)
    before, now = training.processes, training.shard.count
    if before != now:
        click.echo(
            f"{before} processes have learned so far, {now} go on: the same up to rounding "
            "(without batch normalisation), not bit for bit",
            err=True,
        )


@contextmanager
def needs_training() -> Iterator[None]:
    """Say in one line which package of the trainer is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CoopError(
            f"training needs {error.name}: pip install 'coopnets[train,apps,cpu]'"
        ) from None


def _load_images(
    sources: tuple[str, ...],
    size: int | None,
    grey: bool | None,
    limit: int | None,
    skip_broken: bool,
) -> Signals:
    with needs_training():
        from coop_trainer.data import load_images

    return load_images(
        sources, size=size, grey=grey, limit=limit, skip_broken=skip_broken, say=_say
    )


def _check_ahead(kind: str, run: Run) -> None:
    """Refuse, before large data are read, what would be refused after it."""
    with needs_training():
        from coop_trainer.presets import load_preset
        from coop_trainer.shards import first_to_be
        from coop_trainer.start import check_new

    if not run.resume and first_to_be():  # others may come when the first has made it
        check_new(run.out)
    if run.preset is not None:
        load_preset(kind, run.preset)


def _check_recoverable(run: Run, masked: bool | None) -> None:
    """Refuse --recover of complete data; ``masked`` is None where the run's own are meant."""
    if masked is None:
        with needs_training():
            from coop_trainer.run_folder import RunFolder

        masked = RunFolder.open(run.out).signals().seen is not None
    if not masked:
        raise CoopError("--recover: the training data are complete; hide entries with --mask")


def _say(line: str) -> None:
    click.echo(line, err=True)


def _summary_writer() -> Callable[[str], Board]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise CoopError("--tensorboard needs: pip install 'coopnets[tensorboard]'") from None
    writer: Callable[[str], Board] = SummaryWriter
    return writer


def _report(outcome: Outcome, out: Path, kind: str) -> None:
    if outcome.signal is not None:
        name = signal.Signals(outcome.signal).name
        click.echo(
            f"{name} at step {outcome.step}: saved. Go on with: "
            f"coop-train {kind} --out {out} --resume",
            err=True,
        )
        raise click.exceptions.Exit(128 + outcome.signal)
    rollbacks = f", {outcome.rollbacks} roll-backs" if outcome.rollbacks else ""
    click.echo(f"{out}: {outcome.step} steps in {outcome.seconds:.0f} s{rollbacks}")
    if outcome.sheet is not None:
        click.echo(f"samples: {outcome.sheet}")
    click.echo(f"next: coop-export {out} exported/{out.name}")


if __name__ == "__main__":
    main(prog_name="coop-train")
