"""What stands in an ONNX file, read strictly: only the parts that coop-export writes.

External data, functions, training information, sparse tensors, sequences and maps are not among
the fields below, so a file that has them is refused. The numbers are those of ``onnx.proto``.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import GraphError
from .protobuf import Budget, Field, Message, parse

__all__ = ["HALVES", "TYPES", "Body", "File", "Node", "Shape", "Tensor", "Value", "read_file"]

#: Sizes of a tensor's axes; None where any size will do.
Shape = tuple[int | None, ...]

#: Element types of ONNX by their number; bfloat16 (16) is carried as 16 bits.
TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    5: np.dtype("<i2"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype("?"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    12: np.dtype("<u4"),
    13: np.dtype("<u8"),
    16: np.dtype("<u2"),
}
#: Types that only weights have, before they are turned into float32: float16 and bfloat16.
HALVES = (10, 16)
_PACKED = {"float_data": (1,), "int32_data": (2, 3, 5, 6, 9), "int64_data": (7,)}

_BOOL = 9
_VALUES = 40_000  # fields and numbers of one file: eight times the most of our networks
_LARGEST_AXIS = 1 << 31
_MOST_AXES = 8
_MOST_ELEMENTS = 1 << 28


class Tensor(NamedTuple):
    """A constant.

    Attributes
    ----------
    name
        Its name, empty in an attribute.
    type
        Number of the element type, one of `TYPES`.
    shape
        Its sizes.
    values
        A view of the file's bytes, read only; of ``shape``.
    """

    name: str
    type: int
    shape: tuple[int, ...]
    values: NDArray[Any]


class Value(NamedTuple):
    """An input or output of a graph: its name, element type and sizes; None without a shape."""

    name: str
    type: int
    shape: Shape | None


class Node(NamedTuple):
    """An operator, the names of its inputs ("" for none) and outputs, and its attributes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, "int | float | str | tuple[Any, ...] | Tensor | Body"]


class Body(NamedTuple):
    """A graph, or that of a loop's step: what goes in, what is computed, what comes out."""

    inputs: tuple[Value, ...]
    constants: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]


class File(NamedTuple):
    """A file: version of the format, version of the standard operators, and the graph."""

    ir_version: int
    opset: int
    graph: Body


_DIMENSION: Message = {1: Field("size", "int"), 2: Field("name", "text")}
_SHAPE: Message = {1: Field("axes", "message", True, _DIMENSION)}
_TENSOR_TYPE: Message = {1: Field("type", "int"), 2: Field("shape", "message", False, _SHAPE)}
_TYPE: Message = {1: Field("tensor", "message", False, _TENSOR_TYPE)}
_VALUE: Message = {
    1: Field("name", "text"),
    2: Field("type", "message", False, _TYPE),
    3: Field("note", "text"),
}
_TENSOR: Message = {
    1: Field("shape", "int", True),
    2: Field("type", "int"),
    4: Field("float_data", "float", True),
    5: Field("int32_data", "int", True),
    7: Field("int64_data", "int", True),
    8: Field("name", "text"),
    9: Field("raw", "bytes"),
    12: Field("note", "text"),
}
_GRAPH: dict[int, Field] = {}
_ATTRIBUTE: Message = {
    1: Field("name", "text"),
    2: Field("float", "float"),
    3: Field("int", "int"),
    4: Field("text", "text"),
    5: Field("tensor", "message", False, _TENSOR),
    6: Field("graph", "message", False, _GRAPH),
    7: Field("floats", "float", True),
    8: Field("ints", "int", True),
    13: Field("note", "text"),
    20: Field("type", "int"),
}
_NODE: Message = {
    1: Field("inputs", "text", True),
    2: Field("outputs", "text", True),
    3: Field("name", "text"),
    4: Field("op", "text"),
    5: Field("attributes", "message", True, _ATTRIBUTE),
    6: Field("note", "text"),
    7: Field("domain", "text"),
}
_GRAPH |= {
    1: Field("nodes", "message", True, _NODE),
    2: Field("name", "text"),
    5: Field("constants", "message", True, _TENSOR),
    10: Field("note", "text"),
    11: Field("inputs", "message", True, _VALUE),
    12: Field("outputs", "message", True, _VALUE),
}
_OPERATORS: Message = {1: Field("domain", "text"), 2: Field("version", "int")}
_FILE: Message = {
    1: Field("ir_version", "int"),
    2: Field("producer", "text"),
    3: Field("producer_version", "text"),
    4: Field("domain", "text"),
    5: Field("version", "int"),
    6: Field("note", "text"),
    7: Field("graph", "message", False, _GRAPH),
    8: Field("operators", "message", True, _OPERATORS),
}
#: Kinds of attributes by their number: the field that holds the value.
_KINDS = {1: "float", 2: "int", 3: "text", 4: "tensor", 5: "graph", 6: "floats", 7: "ints"}


def read_file(data: bytes) -> File:
    """Read an ONNX file in linear time; no tensor is copied.

    Raises
    ------
    GraphError
        Not ONNX, cut off, something that coop-export does not write, a tensor whose bytes are
        not of its shape, or too large.
    """
    found = parse(memoryview(data), _FILE, Budget(_VALUES))
    operators = found["operators"]
    if len(operators) != 1 or operators[0].get("domain", "") != "":
        raise GraphError("expected the standard operators, and no others")
    if "graph" not in found:
        raise GraphError("there is no graph")
    return File(found.get("ir_version", 0), operators[0].get("version", 0), _body(found["graph"]))


def _body(found: Mapping[str, Any]) -> Body:
    return Body(
        tuple(_value(value) for value in found["inputs"]),
        tuple(_tensor(tensor) for tensor in found["constants"]),
        tuple(_node(node) for node in found["nodes"]),
        tuple(_value(value) for value in found["outputs"]),
    )


def _value(found: Mapping[str, Any]) -> Value:
    tensor = found.get("type", {}).get("tensor", {})
    shape = tensor.get("shape")
    axes = None if shape is None else tuple(axis.get("size") for axis in shape["axes"])
    if axes is not None:
        _check_shape(tuple(0 if axis is None else axis for axis in axes))
    return Value(found.get("name", ""), _known(tensor.get("type", 0)), axes)


def _known(number: int) -> int:
    if number not in TYPES:
        raise GraphError(f"an element type that coop-export does not write (number {number})")
    return number


def _check_shape(shape: tuple[int, ...]) -> None:
    fits = len(shape) <= _MOST_AXES and all(0 <= n <= _LARGEST_AXIS for n in shape)
    if not fits or math.prod(shape) > _MOST_ELEMENTS:
        raise GraphError(f"a tensor is too large, of the shape {shape[: _MOST_AXES + 1]}")


def _tensor(found: Mapping[str, Any]) -> Tensor:
    """Read a constant, whose numbers stand in one place and are as many as its shape says."""
    shape, kind, name = tuple(found["shape"]), _known(found.get("type", 0)), found.get("name", "")
    _check_shape(shape)
    lists = [key for key in _PACKED if found[key]]
    if "raw" in found and not lists:
        dtype, raw = TYPES[kind], found["raw"]
        # As a truth, onnxruntime takes a byte that is neither 0 nor 1 for what it is.
        odd = kind == _BOOL and any(byte > 1 for byte in bytes(raw))
        if len(raw) == math.prod(shape) * dtype.itemsize and not odd:
            return Tensor(name, kind, shape, np.ndarray(shape, dtype, raw))
    elif "raw" not in found and len(lists) <= 1:
        numbers = found[lists[0]] if lists else []
        right = not lists or kind in _PACKED[lists[0]]
        if right and len(numbers) == math.prod(shape):
            try:
                values = np.array(numbers).astype(TYPES[kind], casting="unsafe")
            except OverflowError:
                raise GraphError(f"the tensor '{name}' has numbers that are too large") from None
            return Tensor(name, kind, shape, values.reshape(shape))
    raise GraphError(f"the bytes of the tensor '{name}' are not of the shape {shape}")


def _node(found: Mapping[str, Any]) -> Node:
    if found.get("domain", ""):
        raise GraphError(f"operators of the domain '{found['domain']}' are not allowed")
    attributes = {}
    for attribute in found["attributes"]:
        name, kind = attribute.get("name", ""), _KINDS.get(attribute.get("type", 0))
        given = {key for key in _KINDS.values() if attribute.get(key) not in (None, [])}
        # An empty list is not there at all.
        if kind is None or not given <= {kind} or (kind not in attribute) or name in attributes:
            raise GraphError(f"an attribute '{name}' that coop-export does not write")
        attributes[name] = _attribute(kind, attribute[kind])
    return Node(found.get("op", ""), tuple(found["inputs"]), tuple(found["outputs"]), attributes)


def _attribute(kind: str, value: Any) -> Any:
    if kind == "tensor":
        return _tensor(value)
    if kind == "graph":
        return _body(value)
    return tuple(value) if kind in ("floats", "ints") else value
