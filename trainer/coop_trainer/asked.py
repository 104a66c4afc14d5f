"""What the user asks for beyond a preset: a TOML file and ``key=value`` pairs, as tables."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coop_runtime.errors import CoopError
from coop_runtime.strict import decode

from .contrast import ContrastConfig
from .langevin import LangevinConfig
from .presets import REVISING, completed, load_base, overlaid

__all__ = ["asked_for", "asked_size"]

#: Tables that stand for those of several methods.
SHARED = {"langevin": LangevinConfig, "contrast": ContrastConfig}


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
        No such file, not TOML, no ``key=value``, or a fault in a table that methods share.
    """
    tables, changes = [] if file is None else [_read_table(file)], dict[str, Any]()
    for pair in pairs:
        changes = overlaid(changes, _completed(_pair_table(pair)))
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


def _completed(table: Mapping[str, Any]) -> dict[str, Any]:
    """Put shared tables into the methods', when nothing is wrong with them as they stand here."""
    _check_shared(table, "")
    whole = completed(table)
    for case, part in table.get("when", {}).items():
        _check_shared(part, f"when.{case}.")
    return whole


def _check_shared(table: Mapping[str, Any], where: str) -> None:
    """Refuse a fault under the name that was given, instead of each method's."""
    for key in [key for key in SHARED if key in table]:
        whole, given = load_base()[REVISING[0]][key], table[key]
        filled = overlaid(whole, given) if isinstance(given, Mapping) else given
        decode(SHARED[key], filled, where + key)


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return _completed(tomllib.loads(file.read_text(encoding="utf-8")))
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
