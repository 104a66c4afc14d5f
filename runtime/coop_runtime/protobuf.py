"""Reading protobuf messages, strictly: the runtime looks into a graph before ONNX Runtime does.

A message is a row of fields: a tag (field number × 8 + wire type), then a varint (type 0), eight
bytes (1), a length and that many bytes (2), or four bytes (5). Groups (3, 4) are refused.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from .errors import BundleError

__all__ = ["Field", "fields", "numbers", "signed"]


class Field(NamedTuple):
    """One field of a message.

    Attributes
    ----------
    number
        Its number in the message's description.
    value
        A varint or fixed number as int ≥ 0 (of a fixed one, its bits); else the bytes.
    """

    number: int
    value: int | memoryview


def fields(message: bytes | memoryview) -> Iterator[Field]:
    r"""Walk through the fields of a message, in linear time and without copying.

    Raises
    ------
    BundleError
        Cut short, an overlong number, a group, or the field number 0.

    Examples
    --------
    >>> [(f.number, f.value if isinstance(f.value, int) else bytes(f.value))
    ...  for f in fields(b"\x08\x96\x01\x12\x02ab")]
    [(1, 150), (2, b'ab')]
    """
    view, at = memoryview(message), 0
    while at < len(view):
        tag, at = _varint(view, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise BundleError("not a protobuf message (field number 0)")
        if wire == 0:
            value, at = _varint(view, at)
            yield Field(number, value)
            continue
        if wire == 2:
            size, at = _varint(view, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise BundleError(f"not a protobuf message (wire type {wire})")
        if size > len(view) - at:
            raise BundleError("a protobuf message is cut short")
        content = view[at : at + size]
        at += size
        yield Field(number, content if wire == 2 else int.from_bytes(content, "little"))


def numbers(field: Field) -> list[int]:
    r"""Give the numbers of a repeated varint field, packed or one alone.

    Examples
    --------
    >>> [numbers(f) for f in fields(b"\x08\x05\x0a\x02\x01\x02")]
    [[5], [1, 2]]
    """
    if isinstance(field.value, int):
        return [field.value]
    found, at = [], 0
    while at < len(field.value):
        number, at = _varint(field.value, at)
        found.append(number)
    return found


def signed(number: int) -> int:
    """Read 64 bits as a signed number.

    Examples
    --------
    >>> signed(2**64 - 1)
    -1
    """
    value: int = struct.unpack("<q", struct.pack("<Q", number))[0]
    return value


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise BundleError("a protobuf message is cut short")
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >= 2**64:
                break
            return value, at
    raise BundleError("not a protobuf message (a number of more than 64 bits)")
