"""How a descriptor learns from examples and samples: equation (5), with what keeps it tame."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from coop_runtime.errors import CoopError

from .nets import Descriptor

__all__ = ["Contrast", "ContrastConfig", "contrast", "slope", "squared_slope"]


@dataclass(frozen=True)
class ContrastConfig:
    """What keeps a learning descriptor tame; all off in the papers.

    Attributes
    ----------
    l2
        Weight of mean f² (per sample and unit gain), which keeps f near zero.
    gradient_penalty, penalty_every
        Weight of mean (∂f/∂x)² at the examples (unit gain), and every how many iterations it is
        computed, weighted as often more. Examples become near equilibria of the dynamics, so
        that long chains stay near them, and the energy stays no steeper than the sampler can
        follow (R₁ of Mescheder, Geiger, Nowozin, ICML 2018).
    """

    l2: float
    gradient_penalty: float
    penalty_every: int

    def __post_init__(self) -> None:
        for name, low in {"l2": 0, "gradient_penalty": 0, "penalty_every": 1}.items():
            if not low <= getattr(self, name) < math.inf:
                raise CoopError(f"contrast.{name}: expected ≥ {low}, found {getattr(self, name)}")


class Contrast(NamedTuple):
    """Loss to descend, and f of each example and sample (per sample and unit gain)."""

    loss: Tensor
    f_data: Tensor
    f_model: Tensor


def contrast(
    f: Descriptor, x: Tensor, x_model: Tensor, config: ContrastConfig, step: int
) -> Contrast:
    """Give mean f(x̃) − mean f(x), whose descent is equation (5), and its two regularisers.

    The gain of f is left to the learning rate.

    Parameters
    ----------
    x, x_model
        Examples and samples of the model, each (batch, channels, …), of the same size.
    step
        Number of the iteration; only the gradient penalty's turn depends on it.
    """
    f_data, f_model = f.density(x), f.density(x_model)
    loss = f_model.mean() - f_data.mean()
    if config.l2:
        loss = loss + config.l2 * (f_data.square().mean() + f_model.square().mean())
    if config.gradient_penalty and step % config.penalty_every == 0:
        loss = loss + config.gradient_penalty * config.penalty_every * squared_slope(f, x)
    return Contrast(loss * math.prod(x.shape[2:]), f_data, f_model)


def squared_slope(f: Descriptor, x: Tensor) -> Tensor:
    """Give the mean square of ∂f/∂x per entry and unit gain, differentiable in f's parameters."""
    count = math.prod(x.shape[2:])
    return slope(lambda state: f.density(state) * count, x).square().mean()


def slope(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Give ∂/∂x of a function of each example, like x, differentiable in its parameters."""
    x = x.detach().requires_grad_()
    (found,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    return found
