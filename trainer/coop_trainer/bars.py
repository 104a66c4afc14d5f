"""Progress bars, as terminals and log files want them."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

__all__ = ["progress_bar"]


def progress_bar(over: Iterable[Any] | None = None, **settings: Any) -> "tqdm[Any]":
    """Give a bar of tqdm's on standard error; in a file, of ASCII and every twenty seconds."""
    terminal = sys.stderr.isatty()
    return tqdm(over, mininterval=0.3 if terminal else 20, ascii=not terminal, **settings)
