"""How a descriptor learns from examples and samples: equation (5), with what keeps it tame."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .nets import Descriptor

__all__ = ["Contrast", "contrast", "squared_slope"]


class Contrast(NamedTuple):
    """Loss to descend, and f of each example and sample (per sample and unit gain)."""

    loss: Tensor
    f_data: Tensor
    f_model: Tensor


def contrast(
    f: Descriptor, x: Tensor, x_model: Tensor, *, l2: float, gradient_penalty: float
) -> Contrast:
    """Give mean f(x̃) − mean f(x), whose descent is equation (5), and its two regularisers.

    The gain of f is left to the learning rate.

    Parameters
    ----------
    x, x_model
        Examples and samples of the model, each (batch, channels, …), of the same size.
    l2
        Weight of mean f², which keeps f near zero; 0 in the papers.
    gradient_penalty
        Weight of mean (∂f/∂x)² at the examples; see `squared_slope`. 0 in the papers.
    """
    f_data, f_model = f.density(x), f.density(x_model)
    loss = f_model.mean() - f_data.mean()
    if l2:
        loss = loss + l2 * (f_data.square().mean() + f_model.square().mean())
    if gradient_penalty:
        loss = loss + gradient_penalty * squared_slope(f, x)
    return Contrast(loss * math.prod(x.shape[2:]), f_data, f_model)


def squared_slope(f: Descriptor, x: Tensor) -> Tensor:
    """Give the mean square of ∂f/∂x per entry and unit gain, differentiable in f's parameters.

    R₁ of Mescheder, Geiger, Nowozin, ICML 2018.
    """
    x = x.detach().requires_grad_()
    total = f.density(x).sum() * math.prod(x.shape[2:])
    (slope,) = torch.autograd.grad(total, x, create_graph=True)
    return slope.square().mean()
