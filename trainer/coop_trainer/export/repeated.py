"""Nearest up-sampling: as one operator of the recorded graph, or in torch's own words.

The operator becomes ONNX's Resize; an Expand takes ONNX Runtime 70 times as long.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from onnxscript import opset18 as op
from torch import Tensor

__all__ = ["TRANSLATIONS", "expanded", "repeated"]


@torch.library.custom_op("coopnets::repeated", mutates_args=())
def _repeated(x: Tensor, factors: Sequence[int]) -> Tensor:
    for axis, factor in enumerate(factors, start=2):
        x = x.repeat_interleave(factor, axis)
    return x.clone()


@_repeated.register_fake
def _(x: Tensor, factors: Sequence[int]) -> Tensor:
    sizes = (n * factor for n, factor in zip(x.shape[2:], factors, strict=True))
    return x.new_empty((*x.shape[:2], *sizes))


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.factors = list(inputs[1])


def _added(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    """Add up the copies of each sample."""
    factors = ctx.factors
    mean = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(factors) - 1](grad, factors)
    return mean * float(math.prod(factors)), None


_repeated.register_autograd(_added, setup_context=_remember)


def repeated(x: Tensor, factors: Sequence[int]) -> Tensor:
    """Repeat each sample of x (batch, channels, …) ``factors`` times, along each spatial axis.

    Examples
    --------
    >>> repeated(torch.tensor([[[1.0, 2.0]]]), [3])
    tensor([[[1., 1., 1., 2., 2., 2.]]])
    """
    y: Tensor = _repeated(x, list(factors))
    return y


def expanded(x: Tensor, factors: Sequence[int]) -> Tensor:
    """Do as `repeated` does, with torch's own operators.

    Examples
    --------
    >>> expanded(torch.tensor([[[1.0, 2.0]]]), [3])
    tensor([[[1., 1., 1., 2., 2., 2.]]])
    """
    batch, channels, *sizes = x.shape
    spread = x.reshape(batch, channels, *(n for size in sizes for n in (size, 1)))
    pairs = list(zip(sizes, factors, strict=True))
    wide = spread.expand(batch, channels, *(n for pair in pairs for n in pair))
    return wide.reshape(batch, channels, *(size * factor for size, factor in pairs))


def _resize(x: Any, factors: Sequence[int]) -> Any:
    scales: Any = op.Constant(value_floats=[1.0, 1.0, *map(float, factors)])
    return op.Resize(
        x,
        None,
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


#: How torch's exporter writes what is recorded here.
TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.coopnets.repeated.default: _resize
}
