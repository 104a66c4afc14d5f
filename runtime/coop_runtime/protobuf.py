"""A strict reader of the protobuf wire format, for data from strangers.

A message is a sequence of fields: a tag (field number × 8 + wire type), then a number (wire type
0), 4 bytes (5), or a length and that many bytes (2). Parsers differ in what they make of a field
that is unknown, repeated where one is expected, or of another type; here all of that is refused,
so that what was checked is what onnxruntime's parser sees.
"""

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from .errors import GraphError

__all__ = ["Budget", "Field", "Message", "parse"]

#: A message: its fields by number.
Message = Mapping[int, "Field"]
Value = int | float | str | memoryview | dict[str, Any]

_NUMBER, _BYTES, _FOUR_BYTES = 0, 2, 5
_VARINT = 10  # bytes of a 64-bit number
_DEEPEST = 16
_LONGEST_TEXT = 4096


class Field(NamedTuple):
    """What a field of a message is.

    Attributes
    ----------
    name
        Its name.
    kind
        ``"int"`` (signed 64 bits), ``"float"``, ``"text"`` (UTF-8), ``"bytes"`` or ``"message"``.
    repeated
        Whether it may be there more than once; it is a list then. Numbers may be packed.
    message
        The fields of a message.
    """

    name: str
    kind: Literal["int", "float", "text", "bytes", "message"]
    repeated: bool = False
    message: Message = MappingProxyType({})


class Budget:
    """How many more values may be read: it bounds the time and memory of hostile data."""

    def __init__(self, values: int) -> None:
        self.left = values

    def spend(self, values: int) -> None:
        """Take so many values.

        Raises
        ------
        GraphError
            There are not so many left.
        """
        self.left -= values
        if self.left < 0:
            raise GraphError("too many fields and numbers for a graph of coop-export")


def parse(data: memoryview, message: Message, budget: Budget, depth: int = 0) -> dict[str, Any]:
    """Read a message: values by name, only those that are there; repeated ones always, as lists.

    Parameters
    ----------
    data
        The bytes; values of the kind ``"bytes"`` are views of them.
    message
        The fields that may be there.
    budget
        Shared by all of a file.

    Raises
    ------
    GraphError
        Cut off, an unknown field, one of a wrong type, or one that is there twice; nested too
        deeply, or too much.

    Examples
    --------
    >>> fields = {1: Field("name", "text"), 2: Field("sizes", "int", repeated=True)}
    >>> parse(memoryview(bytes([1 << 3 | 2, 1, 97, 2 << 3, 5])), fields, Budget(10))
    {'sizes': [5], 'name': 'a'}
    """
    if depth > _DEEPEST:
        raise GraphError("nested too deeply for a graph of coop-export")
    values: dict[str, Any] = {f.name: [] for f in message.values() if f.repeated}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        field = message.get(number)
        if field is None:
            raise GraphError(f"a field that coop-export does not write (number {number})")
        budget.spend(1)
        if wire == _BYTES:
            length, at = _varint(data, at)
            if length > len(data) - at:
                raise GraphError("cut off")
            content, at = data[at : at + length], at + length
            found = _from_bytes(content, field, budget, depth)
        else:
            found, at = _scalar(data, at, wire, field)
        if field.repeated:
            values[field.name] += found
        elif field.name in values:
            raise GraphError(f"'{field.name}' is there twice")
        else:
            (values[field.name],) = found
    return values


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read an unsigned 64-bit number: seven bits a byte, the lowest first; and where it ends."""
    value = 0
    for k in range(min(_VARINT, len(data) - at)):
        byte = data[at + k]
        value |= (byte & 127) << (7 * k)
        if byte < 128:
            if value >= 1 << 64:
                break
            return value, at + k + 1
    raise GraphError("cut off, or not a number")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _scalar(data: memoryview, at: int, wire: int, field: Field) -> tuple[list[Value], int]:
    if wire == _NUMBER and field.kind == "int":
        value, at = _varint(data, at)
        return [_signed(value)], at
    if wire == _FOUR_BYTES and field.kind == "float" and len(data) - at >= 4:
        return list(struct.unpack("<f", data[at : at + 4])), at + 4
    raise GraphError(f"'{field.name}' is of a wrong type, or cut off")


def _from_bytes(content: memoryview, field: Field, budget: Budget, depth: int) -> list[Value]:
    """Read what has a length: a message, a text, bytes, or packed numbers."""
    if field.kind == "message":
        return [parse(content, field.message, budget, depth + 1)]
    if field.kind == "bytes":
        return [content]
    if field.kind == "text":
        if len(content) > _LONGEST_TEXT:
            raise GraphError(f"'{field.name}' is too long")
        try:
            return [bytes(content).decode("utf-8")]
        except UnicodeDecodeError:
            raise GraphError(f"'{field.name}' is no text") from None
    if not field.repeated:
        raise GraphError(f"'{field.name}' is of a wrong type")
    if field.kind == "float":
        budget.spend(len(content) // 4)
        if len(content) % 4:
            raise GraphError(f"'{field.name}' is cut off")
        return list(struct.unpack(f"<{len(content) // 4}f", content))
    numbers: list[Value] = []
    at = 0
    while at < len(content):
        budget.spend(1)
        value, at = _varint(content, at)
        numbers.append(_signed(value))
    return numbers
