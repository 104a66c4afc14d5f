"""The loop: iterations with progress, log, sheets, checkpoints, guard and a clean way out."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

from coop_runtime.errors import CoopError

from .bars import progress_bar
from .figures import Figures
from .good_states import GoodStates
from .growing import outgrown
from .guard import Guard
from .interrupt import Interruption, Overdue
from .run_folder import RunFolder
from .shards import LostError
from .sheets import sample_files
from .training import Training

__all__ = ["Outcome", "run"]

FIRST_SHEET = 10
LOG_SECONDS = 5.0
SHOWN = ("revision", "reconstruction", "divergence", "discriminator_loss", "generator_loss")


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    step, seconds, rollbacks
        Where it stands.
    finished
        False if it was interrupted.
    signal
        Number of the signal that interrupted it, or None.
    sheet
        The last sample sheet, or None.
    """

    step: int
    seconds: float
    rollbacks: int
    finished: bool
    signal: int | None
    sheet: Path | None


class Board(Protocol):
    """The part of TensorBoard's SummaryWriter that the loop uses."""

    def add_scalar(self, tag: str, value: float, step: int) -> object: ...
    def close(self) -> None: ...


@dataclass
class Log:
    """Lines of the log, written every few seconds and at each checkpoint."""

    folder: RunFolder
    board: Board | None
    lines: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    written: float = field(default_factory=time.monotonic)

    def add(self, training: Training, figures: Figures, rate: float) -> None:
        """Note one iteration."""
        values = {**figures.known(), "rate_factor": rate}
        if training.stage is not None:
            values |= {"size": training.shape[0], "blend": training.stage.blend}
        self.lines.append({"step": training.step, "seconds": round(training.seconds, 3), **values})
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, training.step)
        if time.monotonic() - self.written > LOG_SECONDS:
            self.flush()

    def event(self, step: int, **what: object) -> None:
        """Note something that happened at a step."""
        self.lines.append({"step": step, **what})
        self.flush()

    def flush(self) -> None:
        """Append what has come since."""
        lines, self.lines = self.lines, []
        self.folder.append_log(lines)
        self.count += len(lines)
        self.written = time.monotonic()


def run(
    training: Training,
    folder: RunFolder,
    *,
    say: Callable[[str], None],
    good: Sequence[dict[str, Any]] | None = None,
    board: Board | None = None,
) -> Outcome:
    """Train until the configured end, an interruption, or the guard gives up.

    Parameters
    ----------
    training
        New, or restored from the folder's checkpoint.
    folder
        Takes checkpoints, log and sheets.
    say
        Takes one line of text for the user.
    good
        States to roll back to, from the checkpoint, newest first; by default the present one.
    board
        Takes the figures too, when given.

    Raises
    ------
    CoopError
        Training diverged more often than ``guard.rollbacks``, or another process of it is gone;
        the last good state is saved.
    """
    torch.set_flush_denormal(True)  # they slow small networks down and mean nothing here
    config = training.config
    max_drift = config.langevin.max_drift if config.langevin else None
    guard = Guard(config.guard, max_drift)
    log = Log(folder, board, count=len(folder.read_log()))
    kept = GoodStates(good or [training.state()], config.guard.snapshot_steps)
    clock = time.process_time if config.loop.clock == "cpu" else time.monotonic
    saved = time.monotonic()
    next_sheet = _next_sheet(training.step)
    sheet: Path | None = None
    cut_short = False
    alone = training.shard.count == 1
    with Interruption(repeats=alone) as interruption, _bar(training) as bar:
        try:
            while _goes_on(training, guard, interruption):
                started, rate = clock(), training.rate_factor
                figures = training.advance()
                training.seconds += clock() - started
                reason = guard.judge(training.step, figures, training.saturation_of_data)
                log.add(training, figures, rate)
                _show(bar, training, figures)
                if reason is not None:
                    _roll_back(training, kept, reason, log, say)
                    continue
                if guard.went_flat(figures):
                    log.event(training.step, event="flat", drift=figures.drift)
                    say(
                        f"step {training.step}: the descriptor has gone flat (drift "
                        f"{figures.drift:.1e} per step): it no longer tells samples from examples"
                    )
                if guard.clear and training.step % config.guard.snapshot_steps == 0:
                    kept.keep(training.state())
                if (training.step >= next_sheet or outgrown(training)) and guard.clear:
                    sheet = _draw(training, folder)
                    next_sheet = _next_sheet(training.step)
                if time.monotonic() - saved > 60 * config.loop.checkpoint_minutes and guard.clear:
                    _save(folder, log, training.state(), kept)
                    saved = time.monotonic()
        except Overdue:
            interruption.close()
            training.restore(kept.newest)
            cut_short = True
        except CoopError as error:
            _save(folder, log, kept.newest, kept)
            # Processes that were told to stop need not be waited for.
            if interruption.signal is None or not isinstance(error, LostError):
                raise
            training.restore(kept.newest)
            cut_short = True
        finally:
            interruption.close()
            if board is not None:
                board.close()
        finished = training.done >= 1
        if not guard.clear:
            last = training.step
            training.restore(kept.newest)
            if finished:
                say(f"step {last}: this looks wrong; the state of step {training.step} is kept")
        _save(folder, log, training.state(), kept)
        if finished:
            sheet = _draw(training, folder)
        if not cut_short:
            training.shard.wait()  # until the first process has written what all may read
    number = None if interruption.signal is None or finished else int(interruption.signal)
    return Outcome(training.step, training.seconds, training.rollbacks, finished, number, sheet)


def _goes_on(training: Training, guard: Guard, interruption: Interruption) -> bool:
    """Whether to take another iteration; all processes decide alike."""
    number, training.seconds = training.shard.agree(interruption.signal, training.seconds)
    if number is not None:
        interruption.signal = signal.Signals(number)
    # A suspect iteration is followed up first, so that a resumed run decides the same.
    return training.done < 1 and (number is None or not guard.clear)


def _draw(training: Training, folder: RunFolder) -> Path | None:
    """Write the samples of this step; give the sheet's path."""
    if not folder.writing:
        return None
    return folder.write_samples(training.step, sample_files(training))


def _roll_back(
    training: Training,
    kept: GoodStates,
    reason: str,
    log: Log,
    say: Callable[[str], None],
) -> None:
    """Return to the last good state with smaller steps, or give up."""
    step, limit = training.step, training.config.guard.rollbacks
    if training.rollbacks >= limit:
        training.restore(kept.newest)
        rates = " and ".join(f"{name}_optimiser.rate" for name in training.networks)
        raise CoopError(
            f"training diverged at step {step} ({reason}) after {limit} roll-backs; the state of "
            f"step {training.step} is saved. Lower {rates}, or the method's step sizes"
        )
    training.roll_back(kept.after_failure(step, training.failure))
    # Good states carry the new count and rates too, or a second failure would undo them.
    kept.note(shrink=training.shrink, rollbacks=training.rollbacks, failure=training.failure)
    log.event(step, event="rollback", reason=reason, to=training.step, shrink=training.shrink)
    say(
        f"step {step}: {reason}; back to step {training.step} with "
        f"{training.shrink:g} of the learning rates ({training.rollbacks} of {limit})"
    )


def _save(folder: RunFolder, log: Log, state: dict[str, Any], kept: GoodStates) -> None:
    log.flush()
    folder.write_checkpoint(state, kept.states, log.count)


def _next_sheet(step: int) -> int:
    """Give the next of 10, 20, 40, 80, …: pictures change most at the beginning."""
    at = FIRST_SHEET
    while at <= step:
        at *= 2
    return at


def _bar(training: Training) -> "tqdm[Any]":
    return progress_bar(
        total=1.0,
        initial=training.done,
        bar_format="{percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}",
        leave=True,
        disable=not training.shard.first,
    )


def _show(bar: "tqdm[Any]", training: Training, figures: Figures) -> None:
    """Show the figures that matter most: of CoopNets gap, revision and reconstruction."""
    shown = [] if figures.gap is None else [f"energy gap {figures.gap:+.4f}"]
    shown += [f"{k.replace('_', ' ')} {v:.3f}" for k, v in figures.known().items() if k in SHOWN]
    shown[:0] = [] if training.stage is None else ["×".join(map(str, training.shape))]
    bar.set_postfix_str("  ".join([f"step {training.step}", *shown]), refresh=False)
    bar.update(max(0.0, training.done - bar.n))
