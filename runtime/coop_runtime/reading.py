"""Reading files and JSON of a stranger's bundle: regular files of the folder only, strict JSON."""

import json
import math
import os
import stat
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from .errors import BundleError, FileError

__all__ = ["is_plain", "parse_json", "read_regular"]

_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)
_LONGEST_KEY = 200
_DEEPEST = 32
_DIGITS = 20  # of a whole number; 2⁶⁴ has 20
_JOINERS = "\u200c\u200d"  # within words of Persian, and of signs made of several


def read_regular(path: Path, most: int, *, exactly: bool = False) -> bytes:
    """Read a file that is neither a link nor a device, pipe or folder.

    Hard links are refused too: the other name of such a file is outside of the bundle. The file is
    looked at before it is opened, as opening a device may do something, and again after that.

    Parameters
    ----------
    path
        Its last part is not followed if it is a symbolic link.
    most
        Largest size in bytes; nothing is read of a larger file.
    exactly
        Whether it must have this size.

    Raises
    ------
    FileNotFoundError
        There is none.
    FileError
        Something else than a regular file with one name, of a wrong size, or not readable.
    """
    try:
        _check(path, path.lstat(), most, exactly)
        number = os.open(path, _FLAGS)
        with os.fdopen(number, "rb", buffering=0) as stream:
            found = os.fstat(number)
            _check(path, found, most, exactly)
            parts, left = [], found.st_size
            while left and (part := stream.read(left)):
                parts.append(part)
                left -= len(part)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read '{path}': {getattr(error, 'strerror', error)}") from None
    return b"".join(parts)


def _check(path: Path, found: os.stat_result, most: int, exactly: bool) -> None:
    """Check what a file is, and how large."""
    if stat.S_ISLNK(found.st_mode):
        raise FileError(
            f"cannot read '{path}': it is a symbolic link, and a bundle holds files only"
        )
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"cannot read '{path}': it is not a regular file")
    if found.st_nlink > 1:
        raise FileError(f"'{path}' is a hard link, which may lead out of the bundle; copy the file")
    if found.st_size > most or (exactly and found.st_size < most):
        at_most = "" if exactly else "at most "
        raise FileError(
            f"'{path}': expected {at_most}{most} bytes, found {found.st_size}; "
            "fetch or export the bundle again"
        )


def parse_json(text: bytes, *, longest_key: int = _LONGEST_KEY) -> Any:
    """Parse JSON strictly.

    Refused are: not UTF-8, a key twice in one object, NaN and infinity (also as a number that is
    too large for a float), whole numbers of more than 20 digits, nesting too deep, keys of
    more than ``longest_key`` characters, and strings that are not plain, see `is_plain`.

    Raises
    ------
    BundleError
        One line that says which.

    Examples
    --------
    >>> parse_json(b'{"steps": 3, "steps": 4}')
    Traceback (most recent call last):
    ...
    coop_runtime.errors.BundleError: not strict JSON: the key 'steps' stands there twice
    """
    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=partial(_object, longest_key),
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_constant,
        )
        _check_texts(value)
    except BundleError:
        raise
    except RecursionError:
        raise BundleError("not strict JSON: nested too deeply") from None
    except ValueError as error:
        raise BundleError(f"not JSON ({error})") from None
    return value


def is_plain(text: str) -> bool:
    r"""Say whether a text has letters, signs and spaces alone, which a terminal only shows.

    Not plain are ends of lines, other control characters, what changes the direction of writing,
    and lone surrogates. Spaces are those of any width: names of screenshots have no-break ones.

    Examples
    --------
    >>> is_plain("3.04\u202fPM.png"), is_plain("a\u202egnp.exe"), is_plain("a\nb")
    (True, False, False)
    """
    return text.isprintable() or all(
        c.isprintable() or c in _JOINERS or unicodedata.category(c) == "Zs" for c in text
    )


def _refuse(what: str) -> NoReturn:
    raise BundleError(f"not strict JSON: {what}")


def _object(longest_key: int, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if len(key) > longest_key:
            _refuse(f"a key of {len(key)} characters")
        if key in found:
            _refuse(f"the key '{key[:40]}' stands there twice")
        found[key] = value
    return found


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        _refuse(f"a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse(f"the number {text[:20]} is too large")
    return value


def _constant(text: str) -> NoReturn:
    _refuse(f"{text} is no number")


def _check_texts(value: Any, depth: int = 0) -> None:
    """Refuse hidden characters in texts and keys, and deep nesting."""
    if depth > _DEEPEST:
        _refuse("nested too deeply")
    if isinstance(value, str):
        if not is_plain(value):
            _refuse(f"control characters in '{value[:40]}'")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(key, depth + 1)
            _check_texts(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item, depth + 1)
