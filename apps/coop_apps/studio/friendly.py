"""Errors as one friendly line in the page."""

import contextlib
import re
from collections.abc import Iterator

import gradio as gr

from coop_runtime import CoopError

__all__ = ["friendly", "without_folders"]

# Folders before a name: after a quote everything that is not one, elsewhere what has no blanks.
_QUOTED = re.compile(r"(?<=')(?:[A-Za-z]:)?[/\\][^']*[/\\](?=[^'/\\]+')")
_PLAIN = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^/\\\s'\"]+[/\\])+")


def without_folders(text: str) -> str:
    """Leave of paths only the last part: where files lie on the server is nobody's business.

    Examples
    --------
    >>> without_folders("'/tmp/private/3f/my stone.png': not a picture; see /srv/bundles/brick")
    "'my stone.png': not a picture; see brick"
    """
    return _PLAIN.sub("", _QUOTED.sub("", text))


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
        line = without_folders(" ".join(str(error).split()))
        raise gr.Error(line, print_exception=False) from error
    except MemoryError as error:
        raise gr.Error(
            "Not enough memory: ask for a smaller size", print_exception=False
        ) from error
