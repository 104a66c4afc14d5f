"""Reading files and JSON of a stranger's bundle: regular files of the folder only, strict JSON."""

import json
import math
import os
import stat
import unicodedata
from pathlib import Path
from typing import Any, NoReturn

from .errors import BundleError

__all__ = ["parse_json", "plain", "read_regular"]

_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)
_LONGEST_KEY = 200
_DIGITS = 20  # of a whole number; 2⁶⁴ has 20


def read_regular(path: Path, most: int) -> bytes:
    """Read a file that is neither a link nor a device, pipe or folder.

    Hard links are refused too: the other name of such a file is outside of the bundle.

    Parameters
    ----------
    path
        Its last part is not followed if it is a symbolic link.
    most
        Largest size in bytes; nothing is read of a larger file.

    Raises
    ------
    FileNotFoundError
        There is none.
    BundleError
        Something else than a regular file with one name, too large, or not readable.
    """
    try:
        number = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        link = path.is_symlink()
        why = "it is a symbolic link, and a bundle holds files only" if link else error.strerror
        raise BundleError(f"cannot read '{plain(path)}': {why}") from None
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"cannot read '{plain(path)}': it is not a regular file")
        if status.st_nlink > 1:
            raise BundleError(
                f"'{plain(path)}' is a hard link, which may lead out of the bundle; copy the file"
            )
        if status.st_size > most:
            raise BundleError(
                f"'{plain(path)}': expected at most {most} bytes, found {status.st_size}"
            )
        with os.fdopen(number, "rb", closefd=False) as stream:
            return stream.read(most)
    except OSError as error:
        raise BundleError(f"cannot read '{plain(path)}': {error.strerror}") from None
    finally:
        os.close(number)


def parse_json(text: bytes) -> Any:
    """Parse JSON strictly.

    Refused are: not UTF-8, a key twice in one object, NaN and infinity (also as a number that is
    too large for a float), whole numbers of more than 20 digits, nesting too deep, and control
    characters or lone surrogates in a string.

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
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_constant,
        )
        _check_strings(value)
    except BundleError:
        raise
    except RecursionError:
        raise BundleError("not strict JSON: nested too deeply") from None
    except ValueError as error:
        raise BundleError(f"not JSON ({plain(error)})") from None
    return value


def plain(text: object) -> str:
    """Give a text for an error: control characters are shown, not sent to a terminal."""
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    return repr(character)[1:-1] if unicodedata.category(character) in _HIDDEN else character


_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format, surrogates, line separators


def _refuse(what: str) -> NoReturn:
    raise BundleError(f"not strict JSON: {what}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if len(key) > _LONGEST_KEY:
            _refuse(f"a key of {len(key)} characters")
        if key in found:
            _refuse(f"the key '{plain(key)[:40]}' stands there twice")
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


def _check_strings(value: Any) -> None:
    """Refuse hidden characters, in keys too; a new line and a tabulator are let through."""
    if isinstance(value, str):
        if any(unicodedata.category(c) in _HIDDEN and c not in "\n\t" for c in value):
            _refuse(f"control characters in '{plain(value)[:40]}'")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.isprintable():
                _refuse(f"control characters in the key '{plain(key)[:40]}'")
            _check_strings(item)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)
