"""Lessons one after another, each learned and exported in the background."""

import contextlib
import dataclasses
import os
import shutil
import signal
import threading
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from coop_runtime import CoopError
from coop_runtime.files import new_folder

from ..library import Library
from ..limits import Limits
from .child import Child, Programs, reason, was_stopped
from .lesson import RUN, Kind, Lesson, State, check_ending, check_name, earlier_lessons

__all__ = ["Trainings"]

_PATIENCE = 30.0  # coop-train saves and leaves within ten seconds, if the machine is not busy


class _Task(NamedTuple):
    name: str
    trains: bool  # or exports only


class Trainings:
    """All lessons of one server: one is learned, a few wait, the others are kept.

    Each has a folder ``runs/NAME``: ``lesson.json``, the upload, ``run/`` as coop-train writes it,
    and the newest output.

    Parameters
    ----------
    runs
        Folder of the lessons; made with the first one, for its owner alone.
    library
        Where bundles go.
    limits
        How long a lesson may take, how many may wait, and how many there may be in all.
    programs
        What is run.
    """

    def __init__(
        self,
        runs: Path,
        library: Library,
        limits: Limits | None = None,
        programs: Programs | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._runs, self._library, self._programs = runs.absolute(), library, programs or Programs()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._lessons = {lesson.name: lesson for lesson in earlier_lessons(self._runs)}
        self._queue: deque[_Task] = deque()
        self._current: str | None = None
        self._child = Child()
        self._began = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    def lessons(self) -> list[Lesson]:
        """Give all lessons, the one at work first, then the newest."""
        with self._lock:
            key = {
                name: k for k, name in enumerate([self._current, *(t.name for t in self._queue)])
            }
            last = len(key)
            return sorted(self._lessons.values(), key=lambda s: (key.get(s.name, last), -s.number))

    def lesson(self, name: str) -> Lesson:
        """Give the lesson of this name; `CoopError` if there is none."""
        with self._lock:
            if name not in self._lessons:
                raise CoopError(f"there is no training '{name}' here: choose one of the list")
            return self._lessons[name]

    def run(self, name: str) -> Path:
        """Give coop-train's folder of a lesson; `CoopError` as in `lesson`."""
        return self._runs / self.lesson(name).name / RUN

    def position(self, name: str) -> int:
        """Give how many lessons come before this one; 0 of one at work, and of one that rests."""
        with self._lock:
            names = [task.name for task in self._queue]
            return names.index(name) + (self._current is not None) if name in names else 0

    def stopping(self, name: str) -> bool:
        """Say whether the lesson at work was told to stop and is about to."""
        with self._lock:
            return self._child.stopping and self._current == name

    def began(self, name: str) -> float:
        """Give when the work on a lesson began, as of `time.time`; 0 of one that is not at work."""
        with self._lock:
            return self._began if self._current == name else 0.0

    def start(self, name: str, kind: Kind, source: Path, minutes: float) -> Lesson:
        """Begin a lesson, or let it wait for its turn.

        Parameters
        ----------
        name
            Of the bundle to be.
        source
            The upload; it is copied.

        Raises
        ------
        CoopError
            A wrong name, one that is taken, another kind of file, too long, or too many wait.
        """
        name, ending = check_name(name), check_ending(kind, source)
        if not 0 < minutes <= self._limits.learn_minutes:
            most = self._limits.learn_minutes
            raise CoopError(f"minutes: expected more than 0 and at most {most:g}")
        with self._lock:
            self._check_room()
            self._check_free(name)
            number = 1 + max((s.number for s in self._lessons.values()), default=0)
            lesson = Lesson(name, kind, f"{name}{ending}", minutes, number)
            try:
                self._runs.mkdir(mode=0o700, parents=True, exist_ok=True)
                with new_folder(self._runs / name) as folder:
                    shutil.copyfile(source, folder / lesson.file)
                    lesson.write(folder)
            except OSError as error:
                raise CoopError(f"the upload cannot be kept: {error.strerror}") from None
            self._lessons[name] = lesson
            return self._enqueue(_Task(name, trains=True))

    def resume(self, name: str) -> Lesson:
        """Go on with a lesson that was stopped or failed; `CoopError` if that cannot be."""
        return self._again(name, trains=True)

    def keep(self, name: str) -> Lesson:
        """Export what a lesson that was stopped or failed has learned so far.

        Raises
        ------
        CoopError
            There is nothing to export, or too many wait.
        """
        if not (self.run(name) / "checkpoint.pt").is_file():
            raise CoopError(f"'{name}' has learned nothing yet that could be kept: resume it")
        return self._again(name, trains=False)

    def stop(self, name: str) -> Lesson:
        """Stop a lesson: it saves, and can be resumed; one that rests stays as it is."""
        with self._lock:
            lesson = self.lesson(name)
            if name == self._current:
                self._child.stop(_PATIENCE)
            elif lesson.state == "waiting":
                self._queue = deque(task for task in self._queue if task.name != name)
                return self._set(name, "stopped", "")
            return lesson

    def close(self, seconds: float = 10.0) -> None:
        """End: the lesson at work saves, within ``seconds``, so that it can be resumed."""
        with self._lock:
            self._closed = True
            for task in self._queue:
                self._set(task.name, "stopped", "The server ended.")
            self._queue.clear()
            if self._current is not None:
                self._child.stop(seconds)
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds + 2)

    def _again(self, name: str, trains: bool) -> Lesson:
        with self._lock:
            lesson = self.lesson(name)
            if lesson.state not in ("stopped", "failed"):
                raise CoopError(
                    f"'{name}' is learned: its bundle is in the lists of the other tabs"
                    if lesson.state == "done"
                    else f"'{name}' is at work, or waits for its turn"
                )
            if name in self._library.names():
                raise CoopError(f"there is a bundle '{name}' already: it was exported elsewhere")
            self._check_room()
            return self._enqueue(_Task(name, trains))

    def _check_room(self) -> None:
        if self._closed:
            raise CoopError("the server is ending: try again when it is back")
        if len(self._queue) >= self._limits.learn_waiting:
            raise CoopError(f"{len(self._queue)} trainings wait already: try again later")

    def _check_free(self, name: str) -> None:
        if len(self._lessons) >= self._limits.learn_kept:
            raise CoopError(
                f"there are {len(self._lessons)} trainings: the operator has to remove old ones"
            )
        taken = {n.casefold() for n in (*self._lessons, *self._library.names())}
        bundle = self._library.folder / name
        if name.casefold() in taken or os.path.lexists(bundle):
            raise CoopError(f"there is a training or a bundle '{name}' already: give another name")
        if os.path.lexists(self._runs / name):
            raise CoopError(f"the name '{name}' is taken by another run: give another name")

    def _enqueue(self, task: _Task) -> Lesson:
        self._queue.append(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="trainings")
            self._thread.start()
        self._changed.notify_all()
        return self._set(task.name, "waiting")

    def _set(self, name: str, state: State, message: str = "") -> Lesson:
        with self._lock:
            lesson = dataclasses.replace(self._lessons[name], state=state, message=message)
            self._lessons[name] = lesson
            with contextlib.suppress(CoopError):  # a full disk must not end the thread
                lesson.write(self._runs / name)
            return lesson

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return
                task = self._queue.popleft()
                self._current, self._began = task.name, time.time()
                self._child.reset()
            try:
                self._carry_out(task)
            except (CoopError, OSError) as error:
                self._set(task.name, "failed", self._clean(str(error)))
            finally:
                with self._lock:
                    self._current = None

    def _carry_out(self, task: _Task) -> None:
        """Learn and export; how it ended is noted."""
        name, folder = task.name, self._runs / task.name
        bundle = self._library.folder.absolute() / name
        if task.trains:
            self._set(name, "training")
            resume = (self.run(name) / "config.json").is_file()
            code = self._child.run(self._programs.train(self.lesson(name), resume), folder)
            if code != 0 or self._closed:
                self._ended(name, code)
                return
        self._set(name, "exporting")
        code = self._child.run(self._programs.export(bundle), folder, signal.SIGINT)
        if code != 0:
            self._ended(name, code)
            return
        self._library.scan()
        self._set(name, "done")

    def _ended(self, name: str, code: int) -> None:
        with self._lock:
            if self._child.stopping or self._closed or was_stopped(code):
                self._set(name, "stopped", "The server ended." if self._closed else "")
                return
        self._set(name, "failed", self._clean(reason(self._runs / name, code)))

    def _clean(self, line: str) -> str:
        """Give one line without the places of this machine."""
        for folder in (self._runs, self._library.folder.absolute()):
            line = line.replace(f"{folder}{os.sep}", "")
        return " ".join(line.split())[:500]
