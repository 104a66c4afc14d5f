"""Ctrl-C and SIGTERM ask a run to stop; one that takes too long over its step is cut short."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Interruption", "Overdue"]

PATIENCE_SECONDS = 4.0


class Overdue(BaseException):
    """The current iteration is abandoned: it was still running some seconds after the signal.

    Like ``KeyboardInterrupt`` no ``Exception``, so that nothing on the way swallows it.
    """


class Interruption:
    """While entered, the first SIGINT or SIGTERM sets ``signal`` and lets the step finish.

    If the loop has not left after some seconds, or upon a second signal, `Overdue` is raised in
    the main thread wherever it is. Outside the main thread signals are left as they are.

    Parameters
    ----------
    repeats
        Whether a second signal means that the user will not wait. False under torchrun, which
        hands a signal on that its processes may have met already.
    """

    def __init__(self, *, repeats: bool = True) -> None:
        self.repeats = repeats
        self.signal: signal.Signals | None = None
        self.closed = False

    def __enter__(self) -> Self:
        self._before: dict[signal.Signals, object] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._asked)
            if hasattr(signal, "SIGALRM"):
                self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._overdue)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def close(self) -> None:
        """Raise nothing from here on: what is left to do is to save, and is not cut short."""
        self.closed = True
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self.closed:
            return
        if self.signal is not None:
            if self.repeats:
                self._overdue(number, frame)
            return
        self.signal = signal.Signals(number)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)

    def _overdue(self, number: int, frame: FrameType | None) -> None:
        if not self.closed:
            self.closed = True  # a third signal must not cut short what the first two began
            raise Overdue
