"""Equal ways to compute a few torch functions that record as fewer, cheaper operators."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.overrides import TorchFunctionMode

from .folding import Folding, affine

__all__ = ["Rewrites"]


class Rewrites(TorchFunctionMode):
    """Replace a few torch functions by equal ones whose recorded form costs less.

    Circular padding would be recorded as writes into an empty tensor, nearest up-sampling as
    gathering with computed indices, and their gradients as scattering. What is linear after a
    convolution goes into its weights.

    Parameters
    ----------
    repeat
        Repeats each sample of a tensor (batch, channels, …) so many times along each spatial axis.
    """

    def __init__(self, repeat: Callable[[Tensor, Sequence[int]], Tensor]) -> None:
        super().__init__()
        self._repeat = repeat
        self._folding = Folding()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        total = self._folding.sum(func, args, options)
        if total is not None:
            return total
        if func is F.pad and _option("mode", 2, args, options) == "circular":
            return _pad_circular(args[0], _option("pad", 1, args, options))
        if func is F.interpolate and _option("mode", 3, args, options) in (None, "nearest"):
            factors = _whole_factors(_option("scale_factor", 2, args, options), args[0].dim() - 2)
            if factors is not None:
                return self._repeat(args[0], factors)
        if func is F.batch_norm and not _option("training", 5, args, options):
            return self._normalised(*args, **{k: v for k, v in options.items() if k != "training"})
        result = func(*args, **options)
        self._folding.follow(func, args, options, result)
        return result

    def _normalised(
        self,
        x: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Batch normalisation with stored moments: one scale and one shift per channel."""
        scale, shift = affine(running_mean, running_var, weight, bias, eps)
        convolution = self._folding.of(x)
        if convolution is not None and not convolution.steps:
            return convolution.scaled(scale, shift)
        shape = (1, -1, *(1,) * (x.dim() - 2))
        return x * scale.float().reshape(shape) + shift.float().reshape(shape)


def _option(name: str, position: int, args: Sequence[Any], options: dict[str, Any]) -> Any:
    return args[position] if len(args) > position else options.get(name)


def _whole_factors(scale: Any, axes: int) -> list[int] | None:
    """Give the up-sampling factor of each axis if they are whole numbers."""
    scales = list(scale) if isinstance(scale, tuple | list) else [scale] * axes
    whole = all(isinstance(s, int | float) and float(s).is_integer() for s in scales)
    return [int(s) for s in scales] if whole else None


def _pad_circular(x: Tensor, pad: Sequence[int]) -> Tensor:
    """Pad (before, after) per axis, the last axis first, with the opposite end of x.

    Where less may be recorded than is added, x is repeated: torch refuses that, the graph does not.
    """
    for k in range(len(pad) // 2):
        axis, before, after = x.dim() - 1 - k, pad[2 * k], pad[2 * k + 1]
        turns = _turns(x.shape[axis], max(before, after))
        ring = x if turns == 1 else torch.cat([x] * turns, axis)
        parts = [ring.narrow(axis, ring.shape[axis] - before, before)] if before else []
        parts.append(x)
        parts.extend([ring.narrow(axis, 0, after)] if after else [])
        x = torch.cat(parts, axis)
    return x


def _turns(size: int | torch.SymInt, added: int) -> int:
    """Count how often so many samples must be repeated to be as many as are added."""
    # A free size is known to be two cells or more, and shall do for one.
    least = added if isinstance(size, int) else 2 * added
    return next(n for n in count(1) if statically_known_true(n * size >= least))
