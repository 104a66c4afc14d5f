"""The operators that a graph may have, and what each makes of sizes: no tensor is computed.

Only whole numbers of which sizes are made (few, and known from the sizes of the inputs) are
carried along. Meanings are those of the ONNX standard operators, version 18.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import GraphError
from .onnx_file import HALVES, TYPES, Node, Tensor

__all__ = ["CHAIN_OPERATORS", "LOOP", "OPERATORS", "Known", "known"]

LOOP = "Loop"

_FLOAT, _INT64, _BOOL = 1, 7, 9
_WHOLE = (2, 3, 5, 6, _INT64, 12, 13)
_FEW = 64
_MOST_REPEATS = 1 << 16


class Known(NamedTuple):
    """What is known of a tensor before anything is computed.

    Attributes
    ----------
    type
        Element type, one of `onnx_file.TYPES`.
    shape
        Its sizes.
    values
        The numbers, if they are few and depend on sizes only; whole ones as int64.
    constant
        Whether it depends on no input, so that onnxruntime may compute it when it loads the graph.
    work
        Multiplications of which it is the result, about.
    scratch
        Numbers that onnxruntime keeps meanwhile, besides inputs and outputs.
    """

    type: int
    shape: tuple[int, ...]
    values: NDArray[Any] | None = None
    constant: bool = False
    work: int = 0
    scratch: int = 0

    def numbers(self) -> list[int]:
        """Give the numbers.

        Raises
        ------
        GraphError
            They are not known.
        """
        if self.values is None or self.type not in _WHOLE:
            raise GraphError("a size depends on data")
        return [int(n) for n in self.values.ravel()]


Inputs = Sequence[Known | None]
Rule = Callable[[Node, Inputs], list[Known]]


def known(tensor: Tensor) -> Known:
    """Describe a constant."""
    values: NDArray[Any] | None = None
    if tensor.values.size <= _FEW:
        if tensor.type == _FLOAT:
            values = tensor.values
        # Numbers of 2⁶³ and more are no sizes.
        elif tensor.type in _WHOLE and all(int(n) < 1 << 63 for n in tensor.values.ravel()):
            values = tensor.values.astype(np.int64)
    return Known(tensor.type, tensor.shape, values, constant=True)


def _at(inputs: Inputs, k: int) -> Known:
    found = inputs[k] if k < len(inputs) else None
    if found is None:
        raise GraphError(f"input {k + 1} is missing")
    return found


def _optional(inputs: Inputs, k: int) -> Known | None:
    return inputs[k] if k < len(inputs) else None


def _int(node: Node, name: str, default: int | None = None) -> int:
    value = node.attributes.get(name, default)
    if not isinstance(value, int):
        raise GraphError(f"expected a whole number as the attribute '{name}'")
    return value


def _ints(node: Node, name: str, default: Sequence[int]) -> tuple[int, ...]:
    value = node.attributes.get(name, tuple(default))
    if not isinstance(value, tuple) or len(value) != len(default):
        raise GraphError(f"expected {len(default)} whole numbers as the attribute '{name}'")
    return tuple(int(n) for n in value)


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise GraphError(f"there is no axis {axis} of {rank}")
    return axis % rank


def _axes(inputs: Inputs, rank: int) -> list[int] | None:
    """Give the axes that the second input counts; None without it."""
    axes = _optional(inputs, 1)
    return None if axes is None else [_axis(n, rank) for n in axes.numbers()]


def _broadcast(inputs: Inputs) -> tuple[int, ...]:
    shapes = [one.shape for one in inputs if one is not None]
    sizes = []
    for k in range(-max(map(len, shapes), default=0), 0):
        axis = {shape[k] for shape in shapes if len(shape) >= -k} - {1}
        if len(axis) > 1:
            raise GraphError(f"the shapes {shapes} do not fit together")
        sizes.append(axis.pop() if axis else 1)
    return tuple(sizes)


def _values(inputs: Inputs) -> list[NDArray[Any]] | None:
    """Give the numbers of all inputs; None if those of one are not known."""
    found = [one.values for one in inputs if one is not None]
    return [v for v in found if v is not None] if all(v is not None for v in found) else None


def _elementwise(
    function: Callable[..., Any] | None = None, kind: int | None = None, like: int = 0
) -> Rule:
    """Make the rule of an operator on corresponding entries, of the element type ``kind``."""

    def rule(_: Node, inputs: Inputs) -> list[Known]:
        shape, values = _broadcast(inputs), _values(inputs) if function else None
        given = _at(inputs, like)
        result = None
        # Others are not used as sizes, and overflow elsewhere.
        if given.type == _INT64 and values and function and math.prod(shape) <= _FEW:
            with np.errstate(all="ignore"):
                result = np.broadcast_to(np.asarray(function(*values)).astype(np.int64), shape)
        return [Known(kind or given.type, shape, result)]

    return rule


def _divided(node: Node, inputs: Inputs) -> list[Known]:
    """Divide, whole numbers by known ones > 0 only: by zero would end the process."""
    by = _at(inputs, 1)
    if by.type in _WHOLE and min(by.numbers(), default=1) < 1:
        raise GraphError("whole numbers are divided by one that is not positive")
    if node.op == "Mod":
        # With the sign of the divisor, unless it is asked for like C's.
        return (_MAP if _int(node, "fmod", 0) else _elementwise(np.mod))(node, inputs)
    return _elementwise(lambda a, b: np.sign(a) * (np.abs(a) // b))(node, inputs)


def _moved(change: Callable[[Node, Inputs, NDArray[Any]], NDArray[Any]]) -> Rule:
    """Make the rule of an operator that moves entries: done to a stand-in without memory.

    An array of one element, repeated by strides of zero, has the shape and none of the bytes.
    """

    def rule(node: Node, inputs: Inputs) -> list[Known]:
        x = _at(inputs, 0)
        stand_in = np.broadcast_to(np.int8(0), x.shape)
        try:
            shape = change(node, inputs, stand_in).shape
            values = None if x.values is None else change(node, inputs, x.values)
        except (ValueError, IndexError, TypeError, OverflowError, MemoryError):
            raise GraphError(f"it does not take the shape {x.shape}") from None
        return [Known(x.type, shape, values)]

    return rule


def _sliced(_: Node, inputs: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    starts, ends = (_at(inputs, k).numbers() for k in (1, 2))
    axes, steps = (_optional(inputs, k) for k in (3, 4))
    places: Sequence[int] = range(len(starts)) if axes is None else axes.numbers()
    strides = [1] * len(starts) if steps is None else steps.numbers()
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(places, starts, ends, strides, strict=True):
        size = x.shape[_axis(axis, x.ndim)]
        if not -size <= start <= size:
            raise IndexError  # where Python and ONNX differ
        # Below the first entry is, to Python, None: −1 would be the last.
        past = step < 0 and end < -size
        index[axis] = slice(start, None if past else end, step)
    return x[tuple(index)]


def _unsqueezed(_: Node, inputs: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    return np.expand_dims(x, tuple(_at(inputs, 1).numbers()))


def _squeezed(_: Node, inputs: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    axes = _axes(inputs, x.ndim)
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def _transposed(node: Node, _: Inputs, x: NDArray[Any]) -> NDArray[Any]:
    return x.transpose(_ints(node, "perm", range(x.ndim)[::-1]))


def _reshaped(node: Node, inputs: Inputs) -> list[Known]:
    x, wanted = _at(inputs, 0), _at(inputs, 1).numbers()
    keep = not _int(node, "allowzero", 0)
    if any(n < -1 or (n == 0 and keep and k >= len(x.shape)) for k, n in enumerate(wanted)):
        raise GraphError(f"a tensor cannot be reshaped to {wanted}")
    sizes = [x.shape[k] if n == 0 and keep else n for k, n in enumerate(wanted)]
    rest, total = math.prod(n for n in sizes if n != -1), math.prod(x.shape)
    if sizes.count(-1) == 1 and rest:
        sizes[sizes.index(-1)] = total // rest
    if -1 in sizes or math.prod(sizes) != total:
        raise GraphError(f"the shape {x.shape} cannot be reshaped to {wanted}")
    return [Known(x.type, tuple(sizes), None if x.values is None else x.values.reshape(sizes))]


def _expanded(_: Node, inputs: Inputs) -> list[Known]:
    x, sizes = _at(inputs, 0), _at(inputs, 1).numbers()
    if min(sizes, default=0) < 0:
        raise GraphError(f"a tensor cannot be expanded to {sizes}")
    return [Known(x.type, _broadcast([x, Known(x.type, tuple(sizes))]))]


def _shape_of(node: Node, inputs: Inputs) -> list[Known]:
    sizes = _at(inputs, 0).shape
    part = sizes[_int(node, "start", 0) : _int(node, "end", len(sizes))]
    return [Known(_INT64, (len(part),), np.array(part, np.int64))]


def _concatenated(node: Node, inputs: Inputs) -> list[Known]:
    first, rank = _at(inputs, 0), len(_at(inputs, 0).shape)
    axis = _axis(_int(node, "axis"), rank)
    shapes = [_at(inputs, k).shape for k in range(len(inputs))]
    if len({(*s[:axis], *s[axis + 1 :]) for s in shapes if len(s) == rank}) > 1 or any(
        len(s) != rank for s in shapes
    ):
        raise GraphError(f"the shapes {shapes} do not fit together")
    size, values = sum(s[axis] for s in shapes), _values(inputs)
    shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
    few = values is not None and math.prod(shape) <= _FEW
    return [Known(first.type, shape, np.concatenate(values, axis) if few and values else None)]


def _split(node: Node, inputs: Inputs) -> list[Known]:
    x, parts = _at(inputs, 0), _optional(inputs, 1)
    axis = _axis(_int(node, "axis", 0), len(x.shape))
    if parts is not None:
        sizes = parts.numbers()
    else:
        count = len(node.outputs)
        if count < 1 or _int(node, "num_outputs", count) != count:
            raise GraphError(f"expected {count} as the attribute 'num_outputs'")
        most = -(-x.shape[axis] // count)
        sizes = [most] * (count - 1) + [x.shape[axis] - most * (count - 1)]
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0 or len(sizes) != len(node.outputs):
        raise GraphError(f"the shape {x.shape} cannot be split into {sizes}")
    return [Known(x.type, (*x.shape[:axis], n, *x.shape[axis + 1 :])) for n in sizes]


def _gathered(node: Node, inputs: Inputs) -> list[Known]:
    x, which = _at(inputs, 0), _at(inputs, 1)
    axis = _axis(_int(node, "axis", 0), len(x.shape))
    shape = (*x.shape[:axis], *which.shape, *x.shape[axis + 1 :])
    values = None
    if x.values is not None and which.values is not None and math.prod(shape) <= _FEW:
        try:
            values = x.values.take(which.values, axis)
        except IndexError:
            raise GraphError(f"there is no entry {which.numbers()} of {x.shape}") from None
    return [Known(x.type, shape, values)]


def _reduced(node: Node, inputs: Inputs) -> list[Known]:
    x = _at(inputs, 0)
    axes = _axes(inputs, len(x.shape))
    if not axes:
        axes = [] if _int(node, "noop_with_empty_axes", 0) else list(range(len(x.shape)))
    if _int(node, "keepdims", 1):
        return [Known(x.type, tuple(1 if k in axes else n for k, n in enumerate(x.shape)))]
    return [Known(x.type, tuple(n for k, n in enumerate(x.shape) if k not in axes))]


def _cast(node: Node, inputs: Inputs) -> list[Known]:
    x, kind = _at(inputs, 0), _int(node, "to")
    if kind not in TYPES:
        raise GraphError(f"an element type that coop-export does not write (number {kind})")
    if kind in HALVES or (x.type in HALVES and not (kind == _FLOAT and x.constant)):
        raise GraphError("numbers of 16 bits: only weights may have them, turned into float32")
    return [Known(kind, x.shape, x.values if kind == x.type else None)]


def _window(
    node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Give each axis's stride, kernel's reach, and padding before and after."""
    axes = len(sizes)
    ones = (1,) * axes
    if _ints(node, "kernel_shape", kernel) != kernel:
        raise GraphError(f"expected a kernel of {kernel}")
    strides, dilations = _ints(node, "strides", ones), _ints(node, "dilations", ones)
    pads = _ints(node, "pads", (0,) * (2 * axes))
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise GraphError("automatic padding is not what coop-export writes")
    if min((*strides, *dilations, *kernel), default=1) < 1 or min(pads, default=0) < 0:
        raise GraphError("expected strides, dilations and kernels ≥ 1 and padding ≥ 0")
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    return list(zip(strides, reach, pads[:axes], pads[axes:], strict=True))


def _pair(inputs: Inputs) -> tuple[Known, Known]:
    x, weight = _at(inputs, 0), _at(inputs, 1)
    if len(x.shape) < 3 or len(x.shape) != len(weight.shape):
        raise GraphError(f"the shapes {x.shape} and {weight.shape} do not fit together")
    return x, weight


def _convolved(node: Node, inputs: Inputs) -> list[Known]:
    (x, weight), group = _pair(inputs), _int(node, "group", 1)
    maps, fan, *kernel = weight.shape
    if group < 1 or fan * group != x.shape[1]:
        raise GraphError(f"the shapes {x.shape} and {weight.shape} do not fit together")
    sizes = [
        (n + before + after - reach) // stride + 1
        for n, (stride, reach, before, after) in zip(
            x.shape[2:], _window(node, x.shape[2:], tuple(kernel)), strict=True
        )
    ]
    shape = (x.shape[0], maps, *(max(n, 0) for n in sizes))
    window = fan * math.prod(kernel)
    # In three dimensions, the windows are laid out side by side.
    scratch = window * math.prod(shape[2:]) if len(kernel) > 2 else 0
    return [Known(x.type, shape, work=math.prod(shape) * window, scratch=scratch)]


def _up_convolved(node: Node, inputs: Inputs) -> list[Known]:
    (x, weight), group = _pair(inputs), _int(node, "group", 1)
    fan, maps, *kernel = weight.shape
    axes = len(kernel)
    more = _ints(node, "output_padding", (0,) * axes)
    if group < 1 or fan != x.shape[1] or "output_shape" in node.attributes or min(more) < 0:
        raise GraphError(f"the shapes {x.shape} and {weight.shape} do not fit together")
    sizes = [
        stride * (n - 1) + extra + reach - before - after
        for n, extra, (stride, reach, before, after) in zip(
            x.shape[2:], more, _window(node, x.shape[2:], tuple(kernel)), strict=True
        )
    ]
    shape = (x.shape[0], maps * group, *(max(n, 0) for n in sizes))
    window = maps * math.prod(kernel)
    scratch = window * math.prod(x.shape[2:])
    return [Known(x.type, shape, work=math.prod(x.shape) * window, scratch=scratch)]


def _pooled(node: Node, inputs: Inputs) -> list[Known]:
    x = _at(inputs, 0)
    axes = len(x.shape) - 2
    if axes < 1:
        raise GraphError(f"it does not take the shape {x.shape}")
    kernel = _ints(node, "kernel_shape", (0,) * axes)
    if _int(node, "ceil_mode", 0):
        raise GraphError("rounding up is not what coop-export writes")
    sizes = [
        (n + before + after - reach) // stride + 1
        for n, (stride, reach, before, after) in zip(
            x.shape[2:], _window(node, x.shape[2:], kernel), strict=True
        )
    ]
    shape = (*x.shape[:2], *(max(n, 0) for n in sizes))
    return [Known(x.type, shape, work=math.prod(shape) * math.prod(kernel))]


def _product(a: tuple[int, ...], b: tuple[int, ...], kind: int) -> list[Known]:
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise GraphError(f"the shapes {a} and {b} do not fit together")
    batch = _broadcast([Known(kind, a[:-2]), Known(kind, b[:-2])])
    shape = (*batch, a[-2], b[-1])
    return [Known(kind, shape, work=math.prod(shape) * a[-1])]


def _matrix_product(_: Node, inputs: Inputs) -> list[Known]:
    a, b = _at(inputs, 0), _at(inputs, 1)
    return _product(a.shape, b.shape, a.type)


def _affine(node: Node, inputs: Inputs) -> list[Known]:
    a, b = _at(inputs, 0), _at(inputs, 1)
    return _product(
        a.shape[::-1] if _int(node, "transA", 0) else a.shape,
        b.shape[::-1] if _int(node, "transB", 0) else b.shape,
        a.type,
    )


def _range(_: Node, inputs: Inputs) -> list[Known]:
    start, end, step = (_at(inputs, k).numbers() for k in range(3))
    if not len(start) == len(end) == len(step) == 1 or step[0] == 0:
        raise GraphError("expected a start, an end and a step")
    count = max(0, -((start[0] - end[0]) // step[0]))
    kind = _at(inputs, 0).type
    return [Known(kind, (count,), np.arange(start[0], end[0], step[0]) if count <= _FEW else None)]


def _filled(node: Node, inputs: Inputs) -> list[Known]:
    sizes, value = _at(inputs, 0).numbers(), node.attributes.get("value")
    if min(sizes, default=0) < 0:
        raise GraphError(f"a tensor cannot have the shape {sizes}")
    kind = value.type if isinstance(value, Tensor) else _FLOAT
    if not isinstance(value, Tensor | None) or (value is not None and value.shape != (1,)):
        raise GraphError("expected one number as the attribute 'value'")
    few = value is not None and kind in _WHOLE and math.prod(sizes) <= _FEW
    numbers = known(value).values if few and value is not None else None
    values = None if numbers is None else np.broadcast_to(numbers, sizes)
    return [Known(kind, tuple(sizes), values)]


def _padded(node: Node, inputs: Inputs) -> list[Known]:
    x, pads = _at(inputs, 0), _at(inputs, 1).numbers()
    rank = len(x.shape)
    axes = _optional(inputs, 3)
    which = list(range(rank)) if axes is None else [_axis(n, rank) for n in axes.numbers()]
    if len(pads) != 2 * len(which) or len(set(which)) < len(which):
        raise GraphError(f"{len(pads)} numbers do not pad {len(which)} axes")
    sizes = list(x.shape)
    for axis, before, after in zip(which, pads, pads[len(which) :], strict=False):
        sizes[axis] += before + after
    if min(sizes, default=0) < 0:
        raise GraphError(f"the shape {x.shape} cannot be padded by {pads}")
    return [Known(x.type, tuple(sizes))]


def _resized(node: Node, inputs: Inputs) -> list[Known]:
    """Repeat each entry a known, whole number of times."""
    x, factors = _at(inputs, 0), _at(inputs, 2)
    if len(inputs) > 3 or _optional(inputs, 1) is not None or factors.type != _FLOAT:
        raise GraphError("expected factors, and nothing else")
    if factors.values is None or factors.shape != (len(x.shape),) or "axes" in node.attributes:
        raise GraphError("a size depends on data")
    whole = [int(f) for f in factors.values if f.is_integer() and 1 <= f <= _MOST_REPEATS]
    if len(whole) != len(x.shape) or node.attributes.get("mode") != "nearest":
        raise GraphError(f"expected whole factors up to {_MOST_REPEATS}, and the mode 'nearest'")
    return [Known(x.type, tuple(n * f for n, f in zip(x.shape, whole, strict=True)))]


def _constant(node: Node, _: Inputs) -> list[Known]:
    ((name, value),) = node.attributes.items() if len(node.attributes) == 1 else [("", None)]
    if name == "value" and isinstance(value, Tensor):
        return [known(value)]
    kind = {"value_floats": _FLOAT, "value_ints": _INT64}.get(name)
    if kind is None:
        raise GraphError("expected a tensor, or numbers, as the only attribute")
    numbers = np.array(value, TYPES[kind])
    return [known(Tensor("", kind, numbers.shape, numbers))]


def _flattened(node: Node, inputs: Inputs) -> list[Known]:
    x = _at(inputs, 0)
    axis = _int(node, "axis", 1)
    if not 0 <= axis <= len(x.shape):
        raise GraphError(f"there is no axis {axis} of {len(x.shape)}")
    return [Known(x.type, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))]


_MAP = _elementwise()  # one entry to one, with or without other inputs
_COMPARE = _elementwise(kind=_BOOL)

#: Operators that any graph may have: those that coop-export writes.
OPERATORS: Mapping[str, Rule] = {
    **dict.fromkeys(("Exp", "LeakyRelu", "Log", "Reciprocal", "Relu", "Sigmoid"), _MAP),
    **dict.fromkeys(("Clip", "Max", "Min", "Pow", "Sign", "Softplus", "Sqrt", "Tanh"), _MAP),
    **dict.fromkeys(("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"), _COMPARE),
    **dict.fromkeys(("And", "Not", "Or"), _COMPARE),
    **dict.fromkeys(("ReduceMean", "ReduceSum"), _reduced),
    "Abs": _elementwise(np.abs),
    "Add": _elementwise(np.add),
    "AveragePool": _pooled,
    "Cast": _cast,
    "Concat": _concatenated,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Conv": _convolved,
    "ConvTranspose": _up_convolved,
    "Div": _divided,
    "Expand": _expanded,
    "Flatten": _flattened,
    "Gather": _gathered,
    "Gemm": _affine,
    "Identity": _elementwise(np.positive),
    "MatMul": _matrix_product,
    "Mul": _elementwise(np.multiply),
    "Neg": _elementwise(np.negative),
    "Pad": _padded,
    "Reshape": _reshaped,
    "Resize": _resized,
    "Shape": _shape_of,
    "Slice": _moved(_sliced),
    "Split": _split,
    "Squeeze": _moved(_squeezed),
    "Sub": _elementwise(np.subtract),
    "Transpose": _moved(_transposed),
    "Unsqueeze": _moved(_unsqueezed),
    "Where": _elementwise(like=1),
}

#: Operators that only the chain may have besides: random numbers, and the limits of a step.
CHAIN_OPERATORS: Mapping[str, Rule] = {
    **dict.fromkeys(("Ceil", "Cos", "Floor", "Sin"), _MAP),
    **dict.fromkeys(("BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor"), _MAP),
    "Mod": _divided,
    "Range": _range,
}
