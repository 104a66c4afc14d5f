"""The one worker that computes: one job at a time, looked at while it runs, stopped any time."""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeVar

from coop_runtime import CoopError

__all__ = ["Worker"]

T = TypeVar("T")

_AGAIN = 1.0  # seconds


class Worker:
    """Computes one job after another, each in a thread of its own.

    Parameters
    ----------
    seconds
        Longest time of one job, > 0.

    Examples
    --------
    >>> list(Worker(10.0).run(lambda: [1, 2, 3], every=0.0))[-1]
    3
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()
        self._here = threading.local()

    def interrupted(self) -> bool:
        """Say whether the job that the calling thread works on is to stop."""
        stop: threading.Event | None = getattr(self._here, "stop", None)
        return stop is not None and stop.is_set()

    def run(self, work: Callable[[], Iterable[T]], every: float = 0.3) -> Generator[T, None, None]:
        """Yield the newest result of ``work``, not more often than ``every`` seconds, and its last.

        Whoever stops iterating stops the job: at once for the one who waits, at its next result or
        run of a graph for the thread, and no other job starts before. While there is nothing new,
        the newest is yielded again each second: who looks can leave only then.

        Raises
        ------
        CoopError
            It takes longer than a job may, and whatever ``work`` raises.
        """
        job = _Job(work)
        threading.Thread(target=self._compute, args=(job,), daemon=True).start()
        seen: list[T] = []
        shown = time.monotonic()
        try:
            while True:
                fresh = job.newest(wait=0.25)
                if not fresh and job.done:
                    break
                seen = fresh or seen
                if fresh or (seen and time.monotonic() > shown + _AGAIN):
                    yield seen[0]
                    shown = time.monotonic()
                if job.began is not None and time.monotonic() - job.began > self._seconds:
                    raise CoopError(
                        f"stopped: it took longer than {self._seconds:g} seconds; ask for a "
                        "smaller size or fewer steps"
                    )
                if fresh and not job.done:
                    job.finished.wait(every)
        finally:
            job.stop.set()
        if job.error is not None:
            raise job.error

    def _compute(self, job: "_Job[T]") -> None:
        self._here.stop = job.stop
        job.compute(self._turn)


class _Job(Generic[T]):
    """One run of ``work``: what its thread and the one who looks at it share."""

    def __init__(self, work: Callable[[], Iterable[T]]) -> None:
        self.stop, self.finished = threading.Event(), threading.Event()
        self.began: float | None = None
        self.error: BaseException | None = None
        self._work = work
        self._slot: list[T] = []
        self._changed = threading.Condition()

    @property
    def done(self) -> bool:
        """Whether the thread has ended and all was taken."""
        with self._changed:
            return self.finished.is_set() and not self._slot

    def newest(self, wait: float) -> list[T]:
        """Take the newest result, if there is one within ``wait`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot or self.finished.is_set(), wait)
            taken, self._slot = self._slot, []
            return taken

    def compute(self, turn: threading.Lock) -> None:
        """Wait for the turn, then work until the end or until stopped."""
        try:
            while not turn.acquire(timeout=0.2):
                if self.stop.is_set():
                    return
            try:
                self._look_at_each()
            finally:
                turn.release()
        finally:
            with self._changed:
                self.finished.set()
                self._changed.notify_all()

    def _look_at_each(self) -> None:
        self.began = time.monotonic()
        try:
            for result in self._work():
                if self.stop.is_set():
                    return
                with self._changed:
                    self._slot = [result]
                    self._changed.notify_all()
        except BaseException as error:  # handed to the one who looks
            self.error = error
