"""The process that learns or exports: one at a time, told to stop, ended if it does not."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coop_runtime import CoopError

from .lesson import RUN, Lesson

__all__ = ["Child", "Programs", "reason", "was_stopped"]

_OUTPUT = "output.txt"
_KILLED = -9  # SIGKILL
_STOPPED = (128 + signal.SIGTERM, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGINT)


def train_words(lesson: Lesson, resume: bool) -> list[str]:
    """Give the command that learns a lesson, for the lesson's folder as working directory."""
    words = [sys.executable, "-P", "-m", "coop_apps.train", lesson.kind, "--out", RUN]
    if resume:
        return [*words, "--resume"]
    return [*words, "--minutes", f"{lesson.minutes:g}", "--", lesson.file]


def export_words(bundle: Path) -> list[str]:
    """Give the command that exports a lesson's run."""
    return [sys.executable, "-P", "-m", "coop_apps.export", RUN, str(bundle)]


@dataclass(frozen=True)
class Programs:
    """The commands that are run, in the folder of a lesson.

    Attributes
    ----------
    train
        (lesson, whether to resume) → words of ``coop-train``.
    export
        Folder of the bundle → words of ``coop-export``.
    """

    train: Callable[[Lesson, bool], list[str]] = train_words
    export: Callable[[Path], list[str]] = export_words


class Child:
    """Runs commands, each in a process group of its own, and stops them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Child().run([sys.executable, "-c", "raise SystemExit(3)"], Path(folder))
    3
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._signal: signal.Signals = signal.SIGTERM
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop, since `reset`."""
        return self._stopping

    def reset(self) -> None:
        """Let commands run again after a stop."""
        self._stopping = False

    def run(self, words: list[str], folder: Path, stop: signal.Signals = signal.SIGTERM) -> int:
        """Run a command in a folder; give its exit status.

        Parameters
        ----------
        stop
            The signal that asks this command to leave.

        Raises
        ------
        CoopError
            A process of an earlier server is still at work in this folder.
        """
        with _held(folder) as descriptors, (folder / _OUTPUT).open("wb") as output:
            with self._lock:
                if self._stopping:
                    return -signal.SIGTERM
                self._signal = stop
                process = self._process = subprocess.Popen(
                    words,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=descriptors,
                )
            if hasattr(os, "setpriority"):  # the page goes first
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, process.pid, 5)
            try:
                return process.wait()
            finally:
                with self._lock:
                    self._process = None

    def stop(self, patience: float) -> None:
        """Ask the process to leave; end its group after ``patience`` seconds; do not wait."""
        with self._lock:
            process, asked = self._process, self._stopping
            self._stopping = True
            if process is None:
                return
            if not asked:  # a second signal would cut short what the first began
                process.send_signal(self._signal)
        timer = threading.Timer(patience, _end_group, (process,))
        timer.daemon = True
        timer.start()


def was_stopped(code: int) -> bool:
    """Say whether an exit status is that of a command that was told to stop."""
    return code in _STOPPED


def reason(folder: Path, code: int) -> str:
    """Say why the last command in a folder failed: the last error of its output.

    Examples
    --------
    >>> reason(Path("no/such/folder"), -9)
    'The system ended it: perhaps there was not enough memory.'
    """
    try:
        text = (folder / _OUTPUT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    errors = [line for line in text.splitlines() if line.startswith("Error: ")]
    if errors:
        return errors[-1].removeprefix("Error: ")
    if code == _KILLED:
        return "The system ended it: perhaps there was not enough memory."
    return f"It ended unexpectedly, with status {code}."


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[tuple[int, ...]]:
    """Hold a folder; a process that is given the descriptors goes on holding it.

    So a training that outlived its server, which was killed, is not begun a second time.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield ()
        return
    with (folder / "lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CoopError(
                "it is still at work, begun by another server: resume it when that has ended"
            ) from None
        yield (file.fileno(),)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
