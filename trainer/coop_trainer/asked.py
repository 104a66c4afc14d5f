"""What the user asks for beyond a preset: a TOML file and ``key=value`` pairs, as tables."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coop_runtime.errors import CoopError

from .presets import completed, overlaid

__all__ = ["asked_for", "asked_size"]


def asked_for(file: Path | None, pairs: Sequence[str]) -> list[dict[str, Any]]:
    """Give the table of the file, if any, and the one of all pairs, completed.

    Parameters
    ----------
    file
        TOML with the tables of a preset; every key is optional.
    pairs
        Such as ``"coopnets.langevin.steps=30"``; the value is TOML, a bare word is a text.

    Raises
    ------
    CoopError
        No such file, not TOML, or no ``key=value``.
    """
    tables, changes = [] if file is None else [_read_table(file)], dict[str, Any]()
    for pair in pairs:
        changes = overlaid(changes, completed(_pair_table(pair)))
    return [*tables, changes]


def asked_size(file: Path | None, pairs: Sequence[str]) -> int | None:
    """Give the ``data.size`` that file or pairs ask for; None where they ask for none.

    Raises
    ------
    CoopError
        As `asked_for`; or it is no size.
    """
    size = None
    for table in asked_for(file, pairs):
        data = table.get("data")
        if isinstance(data, Mapping):
            size = overlaid({"size": size}, data)["size"]
    if size is not None and not (type(size) is int and size > 1):
        raise CoopError(f"data.size: expected a whole number ≥ 2, found {size}")
    return size


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return completed(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CoopError(f"{file}: not TOML ({error})") from None
    except OSError as error:
        raise CoopError(f"{file}: cannot be read ({error.strerror}); give a TOML file") from None


def _pair_table(pair: str) -> dict[str, Any]:
    key, equals, text = pair.partition("=")
    if not key or not equals:
        raise CoopError(f"--set {pair}: expected key=value, such as coopnets.sigma=0.3")
    nested: Any = _toml_value(text)
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return {**nested}


def _toml_value(text: str) -> object:
    if text.strip() in ("none", "null"):
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
