"""Operators whose entries are sums of products: convolutions, pooling, matrix products."""

import math

from ..errors import GraphError
from ..onnx_file import Node
from .known import (
    Inputs,
    Known,
    at,
    broadcast,
    whole,
    wholes,
)

__all__ = ["affine", "convolved", "matrix_product", "pooled", "up_convolved"]


def _window(
    node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Give each axis's stride, kernel's reach, and padding before and after."""
    axes = len(sizes)
    ones = (1,) * axes
    if wholes(node, "kernel_shape", kernel) != kernel:
        raise GraphError(f"expected a kernel of {kernel}")
    strides, dilations = wholes(node, "strides", ones), wholes(node, "dilations", ones)
    pads = wholes(node, "pads", (0,) * (2 * axes))
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise GraphError("automatic padding is not what coop-export writes")
    if min((*strides, *dilations, *kernel), default=1) < 1 or min(pads, default=0) < 0:
        raise GraphError("expected strides, dilations and kernels ≥ 1 and padding ≥ 0")
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    return list(zip(strides, reach, pads[:axes], pads[axes:], strict=True))


def _pair(inputs: Inputs) -> tuple[Known, Known]:
    x, weight = at(inputs, 0), at(inputs, 1)
    if len(x.shape) < 3 or len(x.shape) != len(weight.shape):
        raise GraphError(f"the shapes {x.shape} and {weight.shape} do not fit together")
    return x, weight


def convolved(node: Node, inputs: Inputs) -> list[Known]:
    """Weigh and sum windows of a signal."""
    (x, weight), group = _pair(inputs), whole(node, "group", 1)
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


def up_convolved(node: Node, inputs: Inputs) -> list[Known]:
    """Weigh and sum the other way round, from outputs to inputs."""
    (x, weight), group = _pair(inputs), whole(node, "group", 1)
    fan, maps, *kernel = weight.shape
    axes = len(kernel)
    more = wholes(node, "output_padding", (0,) * axes)
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


def pooled(node: Node, inputs: Inputs) -> list[Known]:
    """Average windows of a signal."""
    x = at(inputs, 0)
    axes = len(x.shape) - 2
    if axes < 1:
        raise GraphError(f"it does not take the shape {x.shape}")
    kernel = wholes(node, "kernel_shape", (0,) * axes)
    if whole(node, "ceil_mode", 0):
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
    batch = broadcast([Known(kind, a[:-2]), Known(kind, b[:-2])])
    shape = (*batch, a[-2], b[-1])
    return [Known(kind, shape, work=math.prod(shape) * a[-1])]


def matrix_product(_: Node, inputs: Inputs) -> list[Known]:
    """Multiply matrices."""
    a, b = at(inputs, 0), at(inputs, 1)
    return _product(a.shape, b.shape, a.type)


def affine(node: Node, inputs: Inputs) -> list[Known]:
    """Multiply matrices, perhaps transposed, and add."""
    a, b = at(inputs, 0), at(inputs, 1)
    return _product(
        a.shape[::-1] if whole(node, "transA", 0) else a.shape,
        b.shape[::-1] if whole(node, "transB", 0) else b.shape,
        a.type,
    )
