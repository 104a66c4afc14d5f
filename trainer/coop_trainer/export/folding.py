"""Linear steps after a convolution, moved into its weights: batch norm, a sum of maps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Convolution", "Folding", "affine"]

#: Convolutions, and which axis of their weights counts the maps that they give.
MAPS: dict[Any, int] = {
    F.conv1d: 0,
    F.conv2d: 0,
    F.conv3d: 0,
    F.conv_transpose1d: 1,
    F.conv_transpose2d: 1,
    F.conv_transpose3d: 1,
}

_FLATTEN = (torch.flatten, Tensor.flatten)
_FLOAT = (Tensor.float,)
_MEAN = (torch.mean, Tensor.mean)
_SUM = (torch.sum, Tensor.sum)


@dataclass(frozen=True)
class Convolution:
    """A convolution that was called, and what was done to its maps since.

    Attributes
    ----------
    function, x, weight, bias, rest, options
        The call.
    steps
        Functions of the maps that treat all alike: changes of shape, means over positions.
    flat
        Whether maps and positions have become one axis.
    """

    function: Callable[..., Tensor]
    x: Tensor
    weight: Tensor
    bias: Tensor | None
    rest: tuple[Any, ...]
    options: dict[str, Any]
    steps: tuple[Callable[[Tensor], Tensor], ...] = ()
    flat: bool = False

    def call(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve with other weights, and take the steps since."""
        y = self.function(self.x, weight, bias, *self.rest, **self.options)
        for step in self.steps:
            y = step(y)
        return y

    def scaled(self, scale: Tensor, shift: Tensor) -> Tensor:
        """Give scale · maps + shift, one number of each per map."""
        shape = [1] * self.weight.dim()
        shape[MAPS[self.function]] = -1
        weight = (self.weight.double() * scale.reshape(shape)).float()
        bias = shift if self.bias is None else self.bias.double() * scale + shift
        return self.call(weight, bias.float())

    def summed(self) -> Tensor:
        """Give the sum of all maps as the only one: a sum of linear filters is one."""
        bias = None if self.bias is None else self.bias.double().sum(0, keepdim=True).float()
        return self.call(self.weight.double().sum(0, keepdim=True).float(), bias)


class Folding:
    """Follows convolutions while a network runs, and finds what can be folded into their weights.

    The convolution first recorded is then of no use, and is dropped with other dead code.
    """

    def __init__(self) -> None:
        # By the identity of the result, which is kept: an identity may be given again.
        self._seen: dict[int, tuple[Tensor, Convolution]] = {}

    def follow(self, func: Any, args: Sequence[Any], options: dict[str, Any], y: Any) -> None:
        """Remember that ``func`` of ``args`` gave y, if it is a convolution or a step after one."""
        if func in MAPS:
            names = ("input", "weight", "bias")
            x, weight, bias = (
                _option(name, k, args, options, None) for k, name in enumerate(names)
            )
            rest = {key: value for key, value in options.items() if key not in names}
            groups = rest.get("groups", args[6] if len(args) > 6 else 1)
            if groups == 1 and isinstance(weight, Tensor):
                found = Convolution(func, x, weight, bias, tuple(args[3:]), rest)
                self._seen[id(y)] = (y, found)
            return
        found_before = self.of(args[0] if args else None)
        if found_before is None or not isinstance(y, Tensor):
            return
        start = _option("start_dim", 1, args, options, 0)
        dims = _option("dim", 1, args, options, None)
        flat = found_before.flat
        if func in _FLATTEN and start in (1, 2):
            flat = flat or start == 1
        elif func in _MEAN and dims is not None and not flat:
            if min(_positive(dims, args[0].dim())) < 2:
                return
        elif func not in _FLOAT:
            return

        def step(maps: Tensor) -> Tensor:
            again: Tensor = func(maps, *args[1:], **options)
            return again

        steps = (*found_before.steps, step)
        self._seen[id(y)] = (y, replace(found_before, steps=steps, flat=flat))

    def of(self, x: Any) -> Convolution | None:
        """Give the convolution that x is the result of."""
        seen = self._seen.get(id(x))
        return None if seen is None else seen[1]

    def sum(self, func: Any, args: Sequence[Any], options: dict[str, Any]) -> Tensor | None:
        """Give what ``func`` gives of a sum over maps that are not needed one by one."""
        found = self.of(args[0]) if func in _SUM and args else None
        if found is None or MAPS[found.function] != 0 or len(found.weight) == 1:
            return None
        dims = _option("dim", 1, args, options, None)
        if dims is None or 1 not in _positive(dims, args[0].dim()):
            return None
        total: Tensor = func(found.summed(), *args[1:], **options)
        return total


def affine(
    running_mean: Tensor, running_var: Tensor, weight: Any, bias: Any, eps: float
) -> tuple[Tensor, Tensor]:
    """Give scale and shift, float64, of batch normalisation with stored moments."""
    scale = torch.rsqrt(running_var.double() + eps)
    scale = scale if weight is None else scale * weight
    shift = -running_mean * scale
    return scale, shift if bias is None else shift + bias


def _option(
    name: str, position: int, args: Sequence[Any], options: dict[str, Any], default: Any
) -> Any:
    return args[position] if len(args) > position else options.get(name, default)


def _positive(dims: int | Sequence[int], count: int) -> list[int]:
    return [d % count for d in ([dims] if isinstance(dims, int) else dims)]
