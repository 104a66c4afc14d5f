"""A time limit on what onnxruntime does."""

import contextlib
import threading
from collections.abc import Callable, Iterator

__all__ = ["limited"]


@contextlib.contextmanager
def limited(seconds: float | None, stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Call ``stop`` from another thread if the ``with`` block takes longer than ``seconds``.

    Yields
    ------
    An event that is set when that happened. Without a limit, no thread is made.

    Examples
    --------
    >>> with limited(0.01, lambda: None) as late:
    ...     late.wait(10)
    True
    """
    late = threading.Event()
    if seconds is None:
        yield late
        return

    def end() -> None:
        late.set()
        stop()

    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
