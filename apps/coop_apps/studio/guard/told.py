"""Paths of files in what Gradio sends."""

from collections.abc import Iterator
from typing import Any

__all__ = ["told_paths"]

_SHAPE = {"path", "url"}


def told_paths(values: Any) -> Iterator[str]:
    """Yield the paths of the files in an answer or a message.

    They stand in objects ``{"path": …, "url": …}``, and, where only what has changed is sent, in
    ``["replace", [… "path"], …]``. Other words that look like a path are not taken for one: they
    could be a visitor's own.

    Examples
    --------
    >>> list(told_paths({"output": {"data": [{"path": "/t/a.png", "url": "u"}, "/t/b.png"]}}))
    ['/t/a.png']
    >>> list(told_paths([["replace", ["path"], "/t/c.png"], ["replace", ["text"], "/t/d.png"]]))
    ['/t/c.png']
    """
    pending = [values]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if value.keys() >= _SHAPE and isinstance(value["path"], str):
                yield value["path"]
            pending.extend(value.values())
        elif isinstance(value, list):
            match value:
                case ["replace" | "add", [*_, "path"], str() as path]:
                    yield path
            pending.extend(value)
