"""What the JSON of an event may hold."""

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from .asgi import Refusal

__all__ = ["check_values", "strictly"]

_DEEPEST = 24
_MOST = 20_000
_LARGEST = 2**53
_FILE = "/gradio_api/file="


def strictly(body: bytes) -> dict[str, Any]:
    """Parse an object of JSON without NaN and infinities; `Refusal` otherwise.

    Examples
    --------
    >>> strictly(b'{"data": [1, "two"]}')
    {'data': [1, 'two']}
    """
    if max(body.count(b"["), body.count(b"{")) > _MOST:
        raise Refusal(400, "too many values")
    try:
        values = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "expected JSON") from None
    if not isinstance(values, dict):
        raise Refusal(400, "expected an object of JSON")
    return values


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def check_values(values: Any, may_read: Callable[[str], bool]) -> None:
    """Refuse too much, too deep and too large values, and files that are not the visitor's own.

    Whatever has a ``path`` or a ``url`` is taken for a file, wherever it stands; `Refusal` if the
    path is not the visitor's, or the address is not this server's for such a path.
    """
    pending, count = [(values, 0)], 0
    while pending:
        value, depth = pending.pop()
        count += 1
        if depth > _DEEPEST or count > _MOST:
            raise Refusal(400, "too many values, or too deep")
        if isinstance(value, dict):
            _check_file(value, may_read)
            pending += [(part, depth + 1) for part in (*value, *value.values())]
        elif isinstance(value, list):
            pending += [(part, depth + 1) for part in value]
        elif isinstance(value, str):
            _check_text(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise Refusal(400, "expected finite numbers")
        elif isinstance(value, int) and abs(value) > _LARGEST:
            raise Refusal(400, "a number is too large")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Refusal(400, "a text has a null character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal(400, "a text is not Unicode") from None


def _check_file(value: dict[str, Any], may_read: Callable[[str], bool]) -> None:
    path, url = value.get("path"), value.get("url")
    if path is not None and not (isinstance(path, str) and may_read(path)):
        raise Refusal(403, "a file is named that you have not uploaded here")
    if url is None:
        return
    try:
        named = unquote(urlsplit(url).path).partition(_FILE)[2] if isinstance(url, str) else None
    except ValueError:
        named = None
    if path is None or named != path:
        raise Refusal(403, "addresses are not fetched: upload the file")
