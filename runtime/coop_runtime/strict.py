"""Strict decoding of JSON and TOML tables into frozen dataclasses, and back."""

import dataclasses
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from .errors import CoopError

__all__ = ["decode", "encode"]

T = TypeVar("T")


def decode(cls: type[T], data: object, where: str, also: Collection[str] = ()) -> T:
    """Build the dataclass ``cls`` from a table, refusing unknown keys and wrong types.

    A key that the dataclass gives a default may be left out. Nested dataclasses,
    ``tuple``, ``dict``, unions such as ``int | tuple[int, ...] | None``, ``Literal``, ``Any``
    and the plain JSON types are understood; an ``int`` is accepted where a ``float`` is
    expected, never a ``bool`` where a number is. A ``NamedTuple`` is an array: its fields by
    position, of which those with a default may be left out at the end.

    Parameters
    ----------
    cls
        A dataclass, usually frozen; its ``__post_init__`` checks ranges.
    data
        What ``json.loads`` or ``tomllib.loads`` gave.
    where
        Name of the table, for the error message, e.g. ``"card.json"``.
    also
        Further keys that the caller has taken out already; named where a key is unknown.

    Raises
    ------
    CoopError
        One line that names the key.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Step:
    ...     size: float
    ...     count: int = 20
    >>> decode(Step, {"size": 1}, "step")
    Step(size=1.0, count=20)
    >>> decode(Step, {"size": 1, "cuont": 3}, "step")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CoopError: step: unknown key 'cuont' (did you mean 'count'?); ...
    """
    if not isinstance(data, Mapping):
        raise CoopError(f"{where}: expected a table, found {_shown(data)}")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in fields:
            known = [*fields, *also]
            from difflib import get_close_matches  # late, as only an error needs it

            close = get_close_matches(str(key), known, n=1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise CoopError(f"{where}: unknown key '{key}'{hint}; known: {', '.join(known)}")
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise CoopError(f"{where}: the key '{name}' is missing")
    return cls(**values)


def encode(value: object) -> Any:
    """Give the plain dict, list or scalar of a dataclass, ready for ``json.dumps``.

    Tuples, named ones too, become lists.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _value(hint: Any, value: object, where: str) -> Any:
    """Check one value against one type hint."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        return _union(args, value, where)
    if origin is typing.Literal:
        if value in args:
            return value
        raise CoopError(
            f"{where}: expected one of {', '.join(map(str, args))}; found {_shown(value)}"
        )
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else decode(hint, value, where)
    if _is_named_tuple(hint) and isinstance(value, list | tuple):
        return _named_tuple(hint, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        return _tuple(args, value, where)
    if origin is dict and isinstance(value, Mapping):
        return {str(k): _value(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    raise CoopError(_mismatch(_name(hint), value, where))


def _mismatch(expected: str, value: object, where: str) -> str:
    return f"{where}: expected {expected}, found {_shown(value)}"


def _union(args: tuple[Any, ...], value: object, where: str) -> Any:
    """Take the first type that fits; say what is wrong inside the only one of the right kind."""
    options = [a for a in args if a is not type(None)]
    if value is None and len(options) < len(args):
        return None
    inside = []
    for option in options:
        try:
            return _value(option, value, where)
        except CoopError as error:
            if str(error) != _mismatch(_name(option), value, where):
                inside.append(error)
    if len(inside) == 1:
        raise inside[0]
    names = dict.fromkeys(_name(option) for option in options)
    raise CoopError(_mismatch(" or ".join(names), value, where))


def _is_named_tuple(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def _named_tuple(cls: Any, value: list[object] | tuple[object, ...], where: str) -> Any:
    fields, hints = cls._fields, typing.get_type_hints(cls)
    least = len(fields) - len(cls._field_defaults)
    if not least <= len(value) <= len(fields):
        count = f"{least} to {len(fields)}" if least < len(fields) else f"{least}"
        raise CoopError(
            f"{where}: expected {count} values ({', '.join(fields)}), found {len(value)}"
        )
    given = zip(fields, value, strict=False)
    return cls(*(_value(hints[name], part, f"{where}.{name}") for name, part in given))


def _tuple(args: tuple[Any, ...], value: list[object] | tuple[object, ...], where: str) -> Any:
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_value(args[0], v, f"{where}[{k}]") for k, v in enumerate(value))
    if len(args) != len(value):
        raise CoopError(f"{where}: expected {len(args)} values, found {len(value)}")
    return tuple(
        _value(a, v, f"{where}[{k}]") for k, (a, v) in enumerate(zip(args, value, strict=True))
    )


def _name(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    if typing.get_origin(hint) is tuple or _is_named_tuple(hint):
        return "a list"
    return "a table" if typing.get_origin(hint) is dict else names.get(hint, str(hint))
