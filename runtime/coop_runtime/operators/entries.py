"""Operators that make entries: of corresponding ones, of sums, of nothing."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GraphError
from ..onnx_file import HALVES, TYPES, Node, Tensor
from .known import (
    BOOL,
    FEW,
    FLOAT,
    INT64,
    WHOLE,
    Inputs,
    Known,
    Rule,
    at,
    axes_of,
    broadcast,
    known,
    values_of,
    whole,
)

__all__ = [
    "COMPARE",
    "MAP",
    "cast",
    "constant",
    "counted",
    "divided",
    "elementwise",
    "filled",
    "reduced",
]


def elementwise(
    function: Callable[..., Any] | None = None, kind: int | None = None, like: int = 0
) -> Rule:
    """Make the rule of an operator on corresponding entries, of the element type ``kind``."""

    def rule(_: Node, inputs: Inputs) -> list[Known]:
        """Give the shape that the inputs have together, and the numbers if they may be sizes."""
        shape, values = broadcast(inputs), values_of(inputs) if function else None
        given = at(inputs, like)
        result = None
        # Others are not used as sizes, and overflow elsewhere.
        if given.type == INT64 and values and function and math.prod(shape) <= FEW:
            with np.errstate(all="ignore"):
                result = np.broadcast_to(np.asarray(function(*values)).astype(np.int64), shape)
        return [Known(kind or given.type, shape, result)]

    return rule


#: One entry to one, with or without other inputs.
MAP = elementwise()
#: One entry to a truth value.
COMPARE = elementwise(kind=BOOL)


def divided(node: Node, inputs: Inputs) -> list[Known]:
    """Divide, whole numbers by known ones > 0 only: by zero would end the process."""
    by = at(inputs, 1)
    if by.type in WHOLE and min(by.numbers(), default=1) < 1:
        raise GraphError("whole numbers are divided by one that is not positive")
    if node.op == "Mod":
        # With the sign of the divisor, unless it is asked for like C's.
        return (MAP if whole(node, "fmod", 0) else elementwise(np.mod))(node, inputs)
    return elementwise(lambda a, b: np.sign(a) * (np.abs(a) // b))(node, inputs)


def reduced(node: Node, inputs: Inputs) -> list[Known]:
    """Sum or average along axes."""
    x = at(inputs, 0)
    axes = axes_of(inputs, len(x.shape))
    if not axes:
        axes = [] if whole(node, "noop_with_empty_axes", 0) else list(range(len(x.shape)))
    if whole(node, "keepdims", 1):
        return [Known(x.type, tuple(1 if k in axes else n for k, n in enumerate(x.shape)))]
    return [Known(x.type, tuple(n for k, n in enumerate(x.shape) if k not in axes))]


def cast(node: Node, inputs: Inputs) -> list[Known]:
    """Change the element type."""
    x, kind = at(inputs, 0), whole(node, "to")
    if kind not in TYPES:
        raise GraphError(f"an element type that coop-export does not write (number {kind})")
    if kind in HALVES or (x.type in HALVES and not (kind == FLOAT and x.constant)):
        raise GraphError("numbers of 16 bits: only weights may have them, turned into float32")
    return [Known(kind, x.shape, x.values if kind == x.type else None)]


def constant(node: Node, _: Inputs) -> list[Known]:
    """Give what the attribute says."""
    ((name, value),) = node.attributes.items() if len(node.attributes) == 1 else [("", None)]
    if name == "value" and isinstance(value, Tensor):
        return [known(value)]
    kind = {"value_floats": FLOAT, "value_ints": INT64}.get(name)
    if kind is None:
        raise GraphError("expected a tensor, or numbers, as the only attribute")
    numbers = np.array(value, TYPES[kind])
    return [known(Tensor("", kind, numbers.shape, numbers))]


def filled(node: Node, inputs: Inputs) -> list[Known]:
    """Repeat one number."""
    sizes, value = at(inputs, 0).numbers(), node.attributes.get("value")
    if min(sizes, default=0) < 0:
        raise GraphError(f"a tensor cannot have the shape {sizes}")
    kind = value.type if isinstance(value, Tensor) else FLOAT
    if not isinstance(value, Tensor | None) or (value is not None and value.shape != (1,)):
        raise GraphError("expected one number as the attribute 'value'")
    few = value is not None and kind in WHOLE and math.prod(sizes) <= FEW
    numbers = known(value).values if few and value is not None else None
    values = None if numbers is None else np.broadcast_to(numbers, sizes)
    return [Known(kind, tuple(sizes), values)]


def counted(_: Node, inputs: Inputs) -> list[Known]:
    """Count from a start to an end."""
    start, end, step = (at(inputs, k).numbers() for k in range(3))
    if not len(start) == len(end) == len(step) == 1 or step[0] == 0:
        raise GraphError("expected a start, an end and a step")
    count = max(0, -((start[0] - end[0]) // step[0]))
    kind = at(inputs, 0).type
    return [Known(kind, (count,), np.arange(start[0], end[0], step[0]) if count <= FEW else None)]
