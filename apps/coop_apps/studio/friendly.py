"""Errors as one friendly line in the page."""

import contextlib
from collections.abc import Iterator

import gradio as gr

from coop_runtime import CoopError

__all__ = ["friendly"]


@contextlib.contextmanager
def friendly() -> Iterator[None]:
    """Turn what a visitor can cause into one line on the page.

    `CoopError` and `MemoryError` become `gradio.Error`; other exceptions are bugs and pass:
    the page then says only that something went wrong.
    """
    try:
        yield
    except CoopError as error:
        raise gr.Error(" ".join(str(error).split()), print_exception=False) from error
    except MemoryError as error:
        raise gr.Error(
            "Not enough memory: ask for a smaller size", print_exception=False
        ) from error
