"""Operators that move, repeat and pick entries, and those that tell sizes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GraphError
from ..onnx_file import Node
from .known import (
    FEW,
    FLOAT,
    INT64,
    Inputs,
    Known,
    Rule,
    at,
    axes_of,
    axis_of,
    broadcast,
    optional,
    values_of,
    whole,
    wholes,
)

__all__ = [
    "concatenated",
    "expanded",
    "flattened",
    "gathered",
    "moved",
    "padded",
    "reshaped",
    "resized",
    "shape_of",
    "sliced",
    "split",
    "squeezed",
    "transposed",
    "unsqueezed",
]

_MOST_REPEATS = 1 << 16


def moved(change: Callable[[Node, Inputs, NDArray[Any]], NDArray[Any]]) -> Rule:
    """Make the rule of an operator that moves entries: done to a stand-in without memory.

    An array of one element, repeated by strides of zero, has the shape and none of the bytes.
    """

    def rule(node: Node, inputs: Inputs) -> list[Known]:
        x = at(inputs, 0)
        stand_in = np.broadcast_to(np.int8(0), x.shape)
        try:
            shape = change(node, inputs, stand_in).shape
            values = None if x.values is None else change(node, inputs, x.values)
        except (ValueError, IndexError, TypeError, OverflowError, MemoryError):
            raise GraphError(f"it does not take the shape {x.shape}") from None
        return [Known(x.type, shape, values)]

    return rule


def sliced(_: Node, inputs: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    """Cut out, of each axis every so-manyth entry."""
    starts, ends = (at(inputs, k).numbers() for k in (1, 2))
    axes, steps = (optional(inputs, k) for k in (3, 4))
    places: Sequence[int] = range(len(starts)) if axes is None else axes.numbers()
    strides = [1] * len(starts) if steps is None else steps.numbers()
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(places, starts, ends, strides, strict=True):
        size = x.shape[axis_of(axis, x.ndim)]
        if not -size <= start <= size:
            raise IndexError  # where Python and ONNX differ
        # Below the first entry is, to Python, None: −1 would be the last.
        past = step < 0 and end < -size
        index[axis] = slice(start, None if past else end, step)
    return x[tuple(index)]


def unsqueezed(_: Node, inputs: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    """Insert axes of one entry."""
    return np.expand_dims(x, tuple(at(inputs, 1).numbers()))


def squeezed(_: Node, inputs: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    """Leave out axes of one entry."""
    axes = axes_of(inputs, x.ndim)
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def transposed(node: Node, _: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    """Change the order of axes."""
    return x.transpose(wholes(node, "perm", range(x.ndim)[::-1]))


def reshaped(node: Node, inputs: Inputs) -> list[Known]:
    """Give the same entries other axes."""
    x, wanted = at(inputs, 0), at(inputs, 1).numbers()
    keep = not whole(node, "allowzero", 0)
    if any(n < -1 or (n == 0 and keep and k >= len(x.shape)) for k, n in enumerate(wanted)):
        raise GraphError(f"a tensor cannot be reshaped to {wanted}")
    sizes = [x.shape[k] if n == 0 and keep else n for k, n in enumerate(wanted)]
    rest, total = math.prod(n for n in sizes if n != -1), math.prod(x.shape)
    if sizes.count(-1) == 1 and rest:
        sizes[sizes.index(-1)] = total // rest
    if -1 in sizes or math.prod(sizes) != total:
        raise GraphError(f"the shape {x.shape} cannot be reshaped to {wanted}")
    return [Known(x.type, tuple(sizes), None if x.values is None else x.values.reshape(sizes))]


def expanded(_: Node, inputs: Inputs) -> list[Known]:
    """Repeat entries along axes of one."""
    x, sizes = at(inputs, 0), at(inputs, 1).numbers()
    if min(sizes, default=0) < 0:
        raise GraphError(f"a tensor cannot be expanded to {sizes}")
    return [Known(x.type, broadcast([x, Known(x.type, tuple(sizes))]))]


def flattened(node: Node, inputs: Inputs) -> list[Known]:
    """Make two axes of all."""
    x = at(inputs, 0)
    axis = whole(node, "axis", 1)
    if not 0 <= axis <= len(x.shape):
        raise GraphError(f"there is no axis {axis} of {len(x.shape)}")
    return [Known(x.type, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))]


def shape_of(node: Node, inputs: Inputs) -> list[Known]:
    """Tell sizes."""
    sizes = at(inputs, 0).shape
    part = sizes[whole(node, "start", 0) : whole(node, "end", len(sizes))]
    return [Known(INT64, (len(part),), np.array(part, np.int64))]


def concatenated(node: Node, inputs: Inputs) -> list[Known]:
    """Lay side by side."""
    first, rank = at(inputs, 0), len(at(inputs, 0).shape)
    axis = axis_of(whole(node, "axis"), rank)
    shapes = [at(inputs, k).shape for k in range(len(inputs))]
    if len({(*s[:axis], *s[axis + 1 :]) for s in shapes if len(s) == rank}) > 1 or any(
        len(s) != rank for s in shapes
    ):
        raise GraphError(f"the shapes {shapes} do not fit together")
    size, values = sum(s[axis] for s in shapes), values_of(inputs)
    shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
    few = values is not None and math.prod(shape) <= FEW
    return [Known(first.type, shape, np.concatenate(values, axis) if few and values else None)]


def split(node: Node, inputs: Inputs) -> list[Known]:
    """Cut into parts along an axis."""
    x, parts = at(inputs, 0), optional(inputs, 1)
    axis = axis_of(whole(node, "axis", 0), len(x.shape))
    if parts is not None:
        sizes = parts.numbers()
    else:
        count = len(node.outputs)
        if count < 1 or whole(node, "num_outputs", count) != count:
            raise GraphError(f"expected {count} as the attribute 'num_outputs'")
        most = -(-x.shape[axis] // count)
        sizes = [most] * (count - 1) + [x.shape[axis] - most * (count - 1)]
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0 or len(sizes) != len(node.outputs):
        raise GraphError(f"the shape {x.shape} cannot be split into {sizes}")
    return [Known(x.type, (*x.shape[:axis], n, *x.shape[axis + 1 :])) for n in sizes]


def gathered(node: Node, inputs: Inputs) -> list[Known]:
    """Pick entries along an axis."""
    x, which = at(inputs, 0), at(inputs, 1)
    axis = axis_of(whole(node, "axis", 0), len(x.shape))
    shape = (*x.shape[:axis], *which.shape, *x.shape[axis + 1 :])
    values = None
    if x.values is not None and which.values is not None and math.prod(shape) <= FEW:
        try:
            values = x.values.take(which.values, axis)
        except IndexError:
            raise GraphError(f"there is no entry {which.numbers()} of {x.shape}") from None
    return [Known(x.type, shape, values)]


def padded(node: Node, inputs: Inputs) -> list[Known]:
    """Add entries at the ends of axes, or cut them off."""
    x, pads = at(inputs, 0), at(inputs, 1).numbers()
    rank = len(x.shape)
    axes = optional(inputs, 3)
    which = list(range(rank)) if axes is None else [axis_of(n, rank) for n in axes.numbers()]
    if len(pads) != 2 * len(which) or len(set(which)) < len(which):
        raise GraphError(f"{len(pads)} numbers do not pad {len(which)} axes")
    sizes = list(x.shape)
    for axis, before, after in zip(which, pads, pads[len(which) :], strict=False):
        sizes[axis] += before + after
    if min(sizes, default=0) < 0:
        raise GraphError(f"the shape {x.shape} cannot be padded by {pads}")
    return [Known(x.type, tuple(sizes))]


def resized(node: Node, inputs: Inputs) -> list[Known]:
    """Repeat each entry a known, whole number of times."""
    x, factors = at(inputs, 0), at(inputs, 2)
    if len(inputs) > 3 or optional(inputs, 1) is not None or factors.type != FLOAT:
        raise GraphError("expected factors, and nothing else")
    if factors.values is None or factors.shape != (len(x.shape),) or "axes" in node.attributes:
        raise GraphError("a size depends on data")
    repeats = [int(f) for f in factors.values if f.is_integer() and 1 <= f <= _MOST_REPEATS]
    if len(repeats) != len(x.shape) or node.attributes.get("mode") != "nearest":
        raise GraphError(f"expected whole factors up to {_MOST_REPEATS}, and the mode 'nearest'")
    return [Known(x.type, tuple(n * f for n, f in zip(x.shape, repeats, strict=True)))]
