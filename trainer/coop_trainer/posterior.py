"""The joint density of latent and signal, shared by every method that infers z from x."""

import math

import torch
from torch import Tensor, nn

from .langevin import Energy, frozen, langevin

__all__ = ["infer_latents", "negative_log_joint", "root_mean_square", "squared_error"]


def infer_latents(
    g: nn.Module,
    z: Tensor,
    x: Tensor,
    sigma: float,
    rng: torch.Generator,
    *,
    steps: int,
    step_size: float,
    noise: bool = True,
    seen: Tensor | None = None,
) -> Tensor:
    """Move z by Langevin steps on −log q(z, x), CoopNets' equation (9), ABP's (10).

    Parameters
    ----------
    z
        Start, shape (batch, latent_channels, h, …).
    x
        What z shall explain, shape (batch, channels, …).
    sigma, seen
        As in `negative_log_joint`.
    """
    with frozen(g):
        energy = negative_log_joint(g, x, sigma, seen)
        return langevin(energy, z, rng, steps=steps, step_size=step_size, noise=noise).x


def negative_log_joint(g: nn.Module, x: Tensor, sigma: float, seen: Tensor | None = None) -> Energy:
    """Give z ↦ ‖x − g(z)‖²/2σ² + ‖z‖²/2 = −log q(z, x) + constant, CoopNets' equation (7).

    Parameters
    ----------
    seen
        1 where an entry of x is observed, 0 elsewhere, of the shape of x or with one channel for
        all; None: everywhere. Only observed entries count.
    """

    def energy(z: Tensor) -> Tensor:
        prior: Tensor = z.flatten(1).square().sum(1) / 2
        return squared_error(x, g(z), seen) / (2 * sigma**2) + prior

    return energy


def squared_error(x: Tensor, reconstruction: Tensor, seen: Tensor | None = None) -> Tensor:
    """Give ‖x − reconstruction‖² over the observed entries, shape (batch,)."""
    residual = x - reconstruction
    residual = residual if seen is None else residual * seen
    return residual.square().flatten(1).sum(1)


def root_mean_square(error: Tensor, x: Tensor, seen: Tensor | None = None) -> float:
    """Give the root mean square per observed entry of a batch's `squared_error`."""
    entries = x.numel()
    if seen is not None:
        entries = int(seen.expand_as(x).sum().item())
    return math.sqrt(error.detach().sum().item() / max(entries, 1))
