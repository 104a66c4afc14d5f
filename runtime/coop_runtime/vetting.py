"""Looking into a graph before it is run: a bundle is data from a stranger.

Only what our exporter writes is let through: operators of ONNX's own domain from a list, no
subgraph (but the body of the one Loop of a chain), no function, no sparse or external data, and
tensors whose bytes are there. Field numbers are those of onnx.proto.
"""

import math
from collections.abc import Callable
from typing import Any

from .errors import BundleError
from .protobuf import Field, fields, numbers, signed

__all__ = ["OPERATORS", "vet"]

#: The operators that the exporter emits.
OPERATORS = frozenset(
    [
        "Abs",
        "Add",
        "And",
        "AveragePool",
        "Cast",
        "Clip",
        "Concat",
        "Constant",
        "Conv",
        "ConvTranspose",
        "Div",
        "Exp",
        "Expand",
        "Gather",
        "Greater",
        "Identity",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Max",
        "Min",
        "Mul",
        "Neg",
        "Pad",
        "Reciprocal",
        "ReduceMean",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Shape",
        "Sigmoid",
        "Sign",
        "Slice",
        "Softplus",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tanh",
        "Transpose",
        "Unsqueeze",
        "Where",
    ]
)
#: In the graph "chain" also these: the loop, and the random numbers of its steps.
OPERATORS_OF_A_CHAIN = frozenset(
    ["Loop", "BitShift", "BitwiseAnd", "BitwiseXor", "Cos", "Equal", "Floor", "Mod", "Range", "Sin"]
)

_SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
_MOST_ENTRIES = 2**28  # of one tensor
_LARGEST = 2**24  # of a number that may become a size; the ends of a Slice may be ±(2⁶³ − 1)
_OPEN_ENDED = 2**62
_OPSETS, _IR_VERSIONS = range(17, 26), range(8, 14)

# Fields of each message that are read or harmless; every other one is refused.
_MODEL = {1, 2, 3, 4, 5, 6, 7, 8, 14}  # 20: training, 25: functions
_GRAPH = {1, 2, 5, 10, 11, 12, 13, 16}  # 14: quantization, 15: sparse initialisers
_NODE = {1, 2, 3, 4, 5, 6, 7, 9}  # 8: overload
_ATTRIBUTE = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 20}  # lists of tensors or graphs, types, references
_TENSOR = {1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 14}  # 3: segments, 6: strings, 13: external data


def vet(data: bytes, name: str) -> None:
    """Refuse an ONNX file that holds what our exporter never writes.

    Parameters
    ----------
    data
        The file.
    name
        Which graph of the card it is; ``"chain"`` may hold one Loop.

    Raises
    ------
    BundleError
        One line: what is there that should not be, or is broken.

    Examples
    --------
    >>> vet(b"not a graph", "energy")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.BundleError: not a protobuf message (wire type 6)
    """
    graphs = []
    for field in _known(data, _MODEL, "model"):
        if field.number == 1:
            _check(_number(field) in _IR_VERSIONS, f"IR version {field.value}")
        elif field.number == 7:
            graphs.append(_bytes(field))
        elif field.number == 8:
            _opset(_bytes(field))
    _check(len(graphs) == 1, f"{len(graphs)} graphs")
    chain = name == "chain"
    operators = OPERATORS | OPERATORS_OF_A_CHAIN if chain else OPERATORS
    loops = _graph(graphs[0], operators)
    _check(loops == int(chain), f"{loops} loops")


def _graph(message: memoryview, operators: frozenset[str]) -> int:
    """Check a graph; give the number of its loops."""
    loops = 0
    for field in _known(message, _GRAPH, "graph"):
        if field.number == 1:
            loops += _node(_bytes(field), operators)
        elif field.number == 5:
            _tensor(_bytes(field))
    return loops


def _node(message: memoryview, operators: frozenset[str]) -> int:
    """Check a node; give 1 if it is a loop."""
    operator, domain, attributes = "", "", []
    for field in _known(message, _NODE, "node"):
        if field.number == 4:
            operator = _text(field)
        elif field.number == 7:
            domain = _text(field)
        elif field.number == 5:
            attributes.append(_bytes(field))
    _check(domain in ("", "ai.onnx"), f"an operator of the domain {domain!r}")
    _check(operator in operators, f"the operator {operator!r}")
    loop = operator == "Loop"
    for attribute in attributes:
        _attribute(attribute, operators - {"Loop"} if loop else None)
    return int(loop)


def _attribute(message: memoryview, body: frozenset[str] | None) -> None:
    """Check an attribute; ``body``: what a subgraph may hold, None where there may be none."""
    for field in _known(message, _ATTRIBUTE, "attribute"):
        if field.number == 5:
            _tensor(_bytes(field))
        elif field.number == 6:
            if body is None:
                raise BundleError(_said("a subgraph"))
            _graph(_bytes(field), body)
        elif field.number in (3, 8):
            _sizes([signed(n) for n in numbers(field)])


def _tensor(message: memoryview) -> None:
    shape: list[int] = []
    kind, raw, listed = 0, None, 0
    for field in _known(message, _TENSOR, "tensor"):
        if field.number == 1:
            shape += [signed(n) for n in numbers(field)]
        elif field.number == 2:
            kind = _number(field)
        elif field.number == 9:
            raw = _bytes(field)
        elif field.number == 14:
            _check(field.value == 0, "external data")
        elif field.number in (4, 10):
            width = 4 if field.number == 4 else 8
            listed += 1 if isinstance(field.value, int) else len(field.value) // width
        elif field.number in (5, 7, 11):
            values = [signed(n) for n in numbers(field)]
            listed += len(values)
            _sizes(values if field.number == 7 else [])
    _check(kind in _SIZES, f"a tensor of the type {kind}")
    _check(len(shape) <= 8 and min(shape, default=0) >= 0, "a tensor of a wrong shape")
    entries = math.prod(shape)
    _check(entries <= _MOST_ENTRIES, "a tensor too large")
    given = listed if raw is None else len(raw) / _SIZES[kind]
    _check(given == entries, f"a tensor of {entries} entries that holds {given:g}")
    if kind == 7 and raw is not None:
        _sizes(list(memoryview(bytes(raw)).cast("q")) if entries else [])


def _sizes(values: list[int]) -> None:
    """Refuse whole numbers that could become the size of something huge."""
    for value in values:
        small = abs(value) <= _LARGEST
        _check(small or abs(value) >= _OPEN_ENDED, f"the number {value}")


def _opset(message: memoryview) -> None:
    domain, version = "", 0
    for field in fields(message):
        if field.number == 1:
            domain = _text(field)
        elif field.number == 2:
            version = _number(field)
    _check(domain in ("", "ai.onnx"), f"operators of the domain {domain!r}")
    _check(version in _OPSETS, f"opset {version}")


def _known(message: bytes | memoryview, allowed: set[int], what: str) -> list[Field]:
    found = list(fields(message))
    for field in found:
        _check(field.number in allowed, f"field {field.number} of a {what}")
    return found


def _typed(kind: type[Any]) -> Callable[[Field], Any]:
    def get(field: Field) -> Any:
        _check(isinstance(field.value, kind), f"field {field.number} of a wrong type")
        return field.value

    return get


_number: Callable[[Field], int] = _typed(int)
_bytes: Callable[[Field], memoryview] = _typed(memoryview)


def _text(field: Field) -> str:
    try:
        return bytes(_bytes(field)).decode()
    except UnicodeDecodeError:
        raise BundleError("the graph holds a name that is not UTF-8") from None


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise BundleError(_said(what))


def _said(what: str) -> str:
    return f"the graph holds {what}, which coop-export never writes"
