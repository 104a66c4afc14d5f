"""Differences that mean nothing: where a gradient jumps, two right answers may be far apart."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["SUSPICIOUS", "Function", "on_a_kink", "relative_errors"]

Function = Callable[..., tuple[Tensor, ...]]

# Differences above SUSPICIOUS, the usual limit, are compared with those between inputs that are off
# by a few units in the last place of float32, and by as much as the roundings of several layers add
# up to.
SUSPICIOUS = 1e-5
NEIGHBOURS = 12
NEARNESS = (3e-7, 1e-6, 3e-6)


def relative_errors(found: Sequence[Tensor], expected: Sequence[Tensor]) -> list[float]:
    """Give max |found − expected| / max |expected| of each pair; absolute if that is 0.

    Examples
    --------
    >>> relative_errors([torch.tensor([1.5, 4.0])], [torch.tensor([1.0, 4.0])])
    [0.125]
    """
    return [
        float((f.double() - e.double()).abs().max()) / (float(e.abs().max()) or 1.0)
        for f, e in zip(found, expected, strict=True)
    ]


def on_a_kink(
    function: Function,
    inputs: Sequence[Tensor],
    expected: Sequence[Tensor],
    errors: list[float],
    suspicious: float = SUSPICIOUS,
) -> bool:
    """Tell whether torch's own results differ as much between neighbouring float32 inputs.

    The gradient of a network of ReLUs jumps where a unit is zero. If a unit is zero up to
    rounding, ONNX Runtime and torch may stand on two sides of it, and both are right.

    Parameters
    ----------
    function
        What was compared.
    inputs, expected
        Its inputs and results.
    errors
        The relative error of each result.
    suspicious
        Errors up to this are what rounding explains.

    Returns
    -------
    False if all errors are of the size of rounding.

    Examples
    --------
    >>> def slope(x):
    ...     return ((x > 0).float(),)
    >>> x = torch.ones(1)
    >>> on_a_kink(lambda x: slope(x - 1.0), [x], slope(x - 1.0), [1.0])
    True
    >>> on_a_kink(slope, [x], slope(x), [1.0])
    False
    """
    suspects = [k for k, error in enumerate(errors) if error > suspicious]
    rng = torch.Generator().manual_seed(0)
    jumps = [0.0] * len(errors)
    for nearness in NEARNESS * (NEIGHBOURS if suspects else 0):
        near = [v * (1 + nearness * torch.randn(v.shape, generator=rng)) for v in inputs]
        jumps = [
            max(pair)
            for pair in zip(jumps, relative_errors(function(*near), expected), strict=True)
        ]
        if all(jumps[k] >= errors[k] / 2 for k in suspects):
            return True
    return False
