"""Gradients of layers, and a few other operators, written with operators that ONNX has."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["ADJOINTS"]

aten = torch.ops.aten

# Sums are split into rows of a length between these.
SHORTEST_ROW, LONGEST_ROW = 8, 4096


def _convolution_input_gradient(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    bias_sizes: Sequence[int] | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    output_mask: Sequence[bool],
) -> tuple[Tensor, None, None]:
    """Give the input gradient of a convolution: the adjoint convolution, with the same weights.

    Where size is kept (stride 1), a convolution with flipped weights says the same, and ONNX
    Runtime computes it faster (benchmarks/energy_step.py). Where size shrinks, as under a
    full-extent layer, it would multiply mostly zeros.
    """
    if output_mask[1] or output_mask[2]:
        raise ValueError("only gradients with respect to an input can be exported")
    axes = len(stride)
    reaches = [dilation[k] * (weight.shape[2 + k] - 1) for k in range(axes)]
    if not transposed and groups == 1 and _keeps_size(stride, padding, reaches):
        flipped = aten.flip.default(weight, [2 + k for k in range(axes)]).transpose(0, 1)
        padding = [reach - p for reach, p in zip(reaches, padding, strict=True)]
        dx = aten.convolution.default(
            grad, flipped, None, stride, padding, dilation, False, [0] * axes, 1
        )
        return dx, None, None
    if not transposed and groups == 1 and _covers(x, weight, padding):
        outer = aten.mm.default(grad.flatten(1), weight.flatten(1))
        return outer.reshape(x.shape), None, None
    if transposed:
        kind, rest = False, [0] * axes
    else:
        kind, rest = True, []
        for k, reach in enumerate(reaches):
            rest.append(int((x.shape[2 + k] + 2 * padding[k] - reach - 1) % stride[k]))
    dx = aten.convolution.default(grad, weight, None, stride, padding, dilation, kind, rest, groups)
    return dx, None, None


def _covers(x: Tensor, weight: Tensor, padding: Sequence[int]) -> bool:
    """Tell whether a convolution covers all of x: then it is a fully connected layer."""
    return tuple(x.shape[2:]) == tuple(weight.shape[2:]) and not any(padding)


def _keeps_size(stride: Sequence[int], padding: Sequence[int], reaches: Sequence[int]) -> bool:
    return all(s == 1 for s in stride) and all(
        2 * p == reach for p, reach in zip(padding, reaches, strict=True)
    )


def _avg_pool_input_gradient(
    grad: Tensor,
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Spread each average over the samples that it was taken of."""
    axes = x.dim() - 2
    kernel, padding = _per_axis(kernel, axes), _per_axis(padding, axes)
    stride = _per_axis(stride, axes) if len(stride) else kernel
    if ceil_mode or divisor_override is not None or (any(padding) and not count_include_pad):
        return NotImplemented
    if axes == 2 and all(
        s == 1 and 2 * p + 1 == k for s, p, k in zip(stride, padding, kernel, strict=True)
    ):
        # Each sample counts in the windows around it: a mean over windows is its own adjoint.
        return aten.avg_pool2d.default(grad, kernel, stride, padding)
    channels = x.shape[1]
    even = torch.full((channels, 1, *kernel), 1 / math.prod(kernel), dtype=x.dtype)
    rest = [int((x.shape[2 + k] + 2 * padding[k] - kernel[k]) % stride[k]) for k in range(axes)]
    return aten.convolution.default(
        grad, even, None, stride, padding, [1] * axes, True, rest, channels
    )


def _per_axis(values: Sequence[int], axes: int) -> list[int]:
    return list(values) * axes if len(values) == 1 else list(values)


def _slice_input_gradient(
    grad: Tensor, input_sizes: Sequence[int], dim: int, start: int, end: int, step: int
) -> Any:
    """Pad with zeros what the slice left out."""
    if step != 1:
        return NotImplemented
    size = input_sizes[dim]
    before = start + size if start < 0 else start
    after = size - before - grad.shape[dim]
    if before == 0 and after == 0:
        return grad
    pad = [0] * (2 * (grad.dim() - dim % grad.dim()))
    pad[-2:] = [before, after]
    return aten.constant_pad_nd.default(grad, pad, 0.0)


def _sum(
    x: Tensor, dims: Sequence[int], keepdim: bool = False, dtype: torch.dtype | None = None
) -> Any:
    """Add many numbers in two stages: ONNX Runtime adds a row one by one.

    The rounding of ‖x‖² was 7e-5 of it for a clip of three million samples.
    """
    if keepdim or dtype is not None or x.dim() < 2:
        return NotImplemented
    if len(dims) > 1 and sorted(d % x.dim() for d in dims) == list(range(1, x.dim())):
        return x.flatten(1).sum(1)
    if len(dims) != 1 or dims[0] % x.dim() != x.dim() - 1:
        return NotImplemented
    length = x.shape[-1]
    row = _divisor(length, LONGEST_ROW)
    if row < SHORTEST_ROW or (isinstance(length, int) and length <= LONGEST_ROW):
        return NotImplemented
    return x.reshape(*x.shape[:-1], length // row, row).sum(-1).sum(-1)


def _divisor(length: Any, limit: int) -> int:
    """Give the largest number up to ``limit`` by which a size, known or not, can be divided."""
    known = length if isinstance(length, int) else int(length.node.expr.as_coeff_Mul()[0])
    return max(n for n in range(1, limit + 1) if known % n == 0)


def _power(x: Tensor, exponent: float) -> Any:
    """Spare the general power where a product does."""
    if exponent == 1:
        return x
    return x * x if exponent == 2 else NotImplemented


def _squeeze(x: Tensor, dims: Sequence[int]) -> Any:
    """Drop axes of size one; the exporter knows only the removal of a single one."""
    dropped = {d % x.dim() for d in dims}
    kept = [size for k, size in enumerate(x.shape) if k not in dropped]
    return aten.view.default(x, kept)


def _sigmoid(x: Tensor) -> Tensor:
    """Use the exact exponential: ONNX Runtime's Sigmoid is an approximation.

    Where the parts of a gradient cancel, its error of some 1e-7 was ten times torch's.
    """
    s: Tensor = aten.reciprocal.default(1 + aten.exp.default(-x))
    return s


def _silu(x: Tensor) -> Tensor:
    return x * _sigmoid(x)


def _silu_input_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """Reuse what the forward pass computed: with y = x·s the slope is s + y − y·s."""
    s = _sigmoid(x)
    y = x * s
    return grad * (s + y * (1 - s))


#: Replacements by operator. One that the exporter does not know must be replaced here.
ADJOINTS: dict[Any, Callable[..., Any]] = {
    aten.convolution_backward.default: _convolution_input_gradient,
    aten.avg_pool2d_backward.default: _avg_pool_input_gradient,
    aten.avg_pool3d_backward.default: _avg_pool_input_gradient,
    aten.slice_backward.default: _slice_input_gradient,
    aten.pow.Tensor_Scalar: _power,
    aten.sigmoid.default: _sigmoid,
    aten.silu.default: _silu,
    aten.silu_backward.default: _silu_input_gradient,
    aten.squeeze.dims: _squeeze,
    aten.sum.dim_IntList: _sum,
}
