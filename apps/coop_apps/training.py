"""What ``coop-train`` does for every kind of signal: the run, and the report."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_runtime import CoopError, is_free
from coop_runtime.strict import encode

from .options import Run

if TYPE_CHECKING:
    from coop_trainer.config import Config
    from coop_trainer.data import Signals
    from coop_trainer.loop import Board, Outcome
    from coop_trainer.training import Training

__all__ = [
    "check_ahead",
    "check_recoverable",
    "needs_training",
    "say",
    "train",
]

Loader = Callable[["Config"], "Signals"]


def train(kind: str, run: Run, load: Loader | None, more: Mapping[str, object]) -> Training:
    """Begin or go on with the run, train, and report."""
    with needs_training():
        from coop_trainer import loop, shards, start
        from coop_trainer.asked import asked_size
        from coop_trainer.config import configure
        from coop_trainer.presets import load_preset

    options = {"method": run.method, "seed": run.seed, **more}
    options |= {"loop.steps": run.steps, "loop.minutes": run.minutes}
    given = [f"{key}={value}" for key, value in options.items() if value is not None]
    pairs = (*run.pairs, *given)
    load = None if load is None else partial(_in_colours, load)

    def settings(stored: Config) -> Config:
        if stored.signal != kind:
            raise CoopError(
                f"{run.out}: the run learns {stored.signal}: "
                f"coop-train {stored.signal} --out {run.out} --resume"
            )
        if run.method not in (None, stored.method):
            raise CoopError(
                f"{run.out}: the run was begun with another method, {stored.method}; give the "
                "same, or a new --out"
            )
        if run.preset is None and run.file is None and not pairs:
            return stored
        base = encode(stored) if run.preset is None else load_preset(kind, run.preset)
        if kind != "images":
            return configure(base, file=run.file, pairs=pairs)
        # Of pictures of a set, what was read decides on the size.
        size = asked_size(run.file, pairs) or (stored.data.size if load is None else None)
        if size != stored.data.size:
            raise CoopError(
                f"{run.out}: the run was begun with another data.size, {stored.data.size}; give "
                "the same, or a new --out"
            )
        return configure(base, file=run.file, pairs=(*pairs, f"data.size={size or 'none'}"))

    with shards.joined() as shard:
        with shard.together():
            where, good = start.choose_device(run.device, shard), None
            writer = _summary_writer() if run.tensorboard and shard.first else None
            if run.resume:
                training, folder, good = start.resume(
                    run.out, where, load=load, settings=settings, shard=shard
                )
                _say_where(training, run.out)
            else:
                assert load is not None  # noqa: S101  the commands ask for sources
                preset = load_preset(kind, run.preset or "quick")
                config = configure(preset, file=run.file, pairs=pairs)
                training, folder = start.begin(run.out, config, load, where, shard)
            board = None if writer is None else writer(str(run.out / "tensorboard"))
        outcome = loop.run(training, folder, say=say, good=good, board=board)
    _report(outcome, run.out, kind)
    return training


def _in_colours(load: Loader, config: Config) -> Signals:
    """Read the training data, in principal colours if the settings say so."""
    signals = load(config)
    return signals.with_principal_colours() if config.data.decorrelate else signals


def _say_where(training: Training, out: Path) -> None:
    """Say where a run goes on, and if another number of processes do."""
    click.echo(f"{out}: going on at step {training.step}", err=True)
    if training.done >= 1:
        loop = training.config.loop
        click.echo(
            f"the run is finished: it was meant for {loop.steps} steps"
            f"{f' or {loop.minutes:g} minutes' if loop.minutes else ''}; give more to go on",
            err=True,
        )
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


def check_ahead(kind: str, run: Run, size: int | None) -> int | None:
    """Refuse, before large data are read, what would be refused after it; give the size to read.

    ``size`` is that of an option; settings of --config and --set may ask for one too.
    """
    with needs_training():
        from coop_trainer.asked import asked_size
        from coop_trainer.presets import load_preset
        from coop_trainer.shards import first_to_be
        from coop_trainer.start import check_new

    if not run.resume and first_to_be():  # others may come when the first has made it
        check_new(run.out)
    if run.preset is not None:
        load_preset(kind, run.preset)
    asked = asked_size(run.file, run.pairs)
    return asked if size is None else size


def check_recoverable(run: Run, masked: bool | None) -> None:
    """Refuse --recover of complete data; ``masked`` is None where the run's own are meant."""
    if masked is None:
        with needs_training():
            from coop_trainer.run_folder import RunFolder

        masked = RunFolder.open(run.out).signals().seen is not None
    if not masked:
        raise CoopError("--recover: the training data are complete; hide entries with --mask")


def say(line: str) -> None:
    """Tell the user something on stderr."""
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
    click.echo(f"next: coop-export {out} {_free_name(Path('exported') / out.name)}")


def _free_name(path: Path) -> Path:
    """Give a path like this one at which nothing is."""
    return next(
        new for k in itertools.count(1) if is_free(new := path if k == 1 else Path(f"{path}-{k}"))
    )
