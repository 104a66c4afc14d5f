"""Errors as one friendly line in the page."""

import contextlib
import re
from collections.abc import Iterator

import gradio as gr

from coop_runtime import CoopError

__all__ = ["friendly"]


@contextlib.contextmanager
def friendly() -> Iterator[None]:
    """Turn what a visitor can cause into one line on the page.

    `CoopError` and `MemoryError` become `gradio.Error`; other exceptions are bugs and pass:
    the page then says only that something went wrong. Files are named without their folders, which
    are the server's.
    """
    try:
        yield
    except CoopError as error:
        line = re.sub(r"'/[^']*/([^'/]+)'", r"'\1'", " ".join(str(error).split()))
        raise gr.Error(line, print_exception=False) from error
    except MemoryError as error:
        raise gr.Error(
            "Not enough memory: ask for a smaller size", print_exception=False
        ) from error
