"""The three graphs of a bundle: generator, energy and posterior, as ONNX bytes.

Xie, Lu, Gao, Wu: "Cooperative Learning of Energy-Based Model and Latent Variable Model via
MCMC Teaching", AAAI 2018: equations (2), (6) and (7), and section 5.3 for the mask.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..langevin import Energy, energy_and_gradient
from .serialize import to_onnx
from .tracing import Axes, record

__all__ = [
    "Energy",
    "energy_and_gradient",
    "energy_graph",
    "frozen",
    "generator_graph",
    "log_posterior",
    "posterior_graph",
]


def log_posterior(
    generator: Callable[[Tensor], Tensor], z: Tensor, x: Tensor, mask: Tensor, sigma: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Give log p(z, x) up to a constant, its gradient in z, and g(z).

    log p(z, x) = −‖mask·(x − g(z))‖²/2σ² − ‖z‖²/2, equation (7), where only the observed
    part of x counts, section 5.3.

    Parameters
    ----------
    generator
        g.
    z
        (batch, latent channels, h, …).
    x
        (batch, channels, stride·h, …).
    mask
        Like x: 1 where x is observed, 0 where it is not.
    sigma
        σ > 0, shape ().

    Returns
    -------
    log p, shape (batch,); ∂/∂z log p, like z; g(z), like x.
    """
    z = z.detach().requires_grad_(True)
    g = generator(z)
    residual = mask * (x - g)
    log_p = -_squares(residual) / (2 * sigma.square()) - _squares(z) / 2
    (gradient,) = torch.autograd.grad(log_p.sum(), z)
    return log_p.detach(), gradient, g.detach()


def generator_graph(
    generator: nn.Module, *, latent_channels: int, dims: int, cells: int = 4
) -> bytes:
    """Export x = g(z), equation (6): input ``z``, output ``x``, any batch and latent size.

    Parameters
    ----------
    generator
        Used in evaluation mode; not changed.
    latent_channels, dims
        z has shape (batch, latent_channels, h, …) with ``dims`` spatial axes.
    cells
        An h, ≥ 1, from which on g can be computed; it is recorded at slightly larger ones, and
        the graph takes every size that g takes.
    """
    g = frozen(generator)
    return _export(lambda z: (g(z),), {"z": (latent_channels, 1)}, ["x"], dims, cells)


def energy_graph(energy: Energy, *, channels: int, dims: int, stride: int, cells: int = 4) -> bytes:
    """Export E(x) = −f(x) + ‖x‖²/2s², equation (2), and its gradient.

    Input ``x`` (batch, channels, stride·h, …), outputs ``energy`` (batch,) and ``gradient``
    like x.

    Parameters
    ----------
    energy
        x to (batch,), of a descriptor in evaluation mode.
    channels, dims, stride
        Of x: its spatial sizes must be multiples of ``stride``.
    cells
        As in `generator_graph`: E can be computed from ``cells · stride`` samples on.
    """
    return _export(
        lambda x: energy_and_gradient(energy, x),
        {"x": (channels, stride)},
        ["energy", "gradient"],
        dims,
        cells,
    )


def posterior_graph(
    generator: nn.Module,
    *,
    latent_channels: int,
    channels: int,
    dims: int,
    stride: int,
    cells: int = 4,
) -> bytes:
    """Export log p(z, x), equation (7), its gradient in z, and g(z); see `log_posterior`.

    Inputs ``z`` (batch, latent_channels, h, …), ``x`` and ``mask`` (batch, channels,
    stride·h, …), ``sigma`` (); outputs ``log_p``, ``gradient`` and ``reconstruction``.
    The other parameters are those of `generator_graph`.
    """
    g = frozen(generator)
    signal = (channels, stride)
    return _export(
        lambda *inputs: log_posterior(g, *inputs),
        {"z": (latent_channels, 1), "x": signal, "mask": signal, "sigma": None},
        ["log_p", "gradient", "reconstruction"],
        dims,
        cells,
    )


def _export(
    function: Callable[..., tuple[Tensor, ...]],
    inputs: dict[str, Axes],
    outputs: list[str],
    dims: int,
    cells: int,
) -> bytes:
    # More than the least, where a layer's output may be one sample, which would be recorded as a
    # constant; and different, so that an axis taken for another does not go unnoticed.
    sizes = [cells + 1 + k for k in range(dims)]
    return to_onnx(record(function, list(inputs.values()), sizes), inputs, outputs, sizes)


def frozen(generator: nn.Module) -> nn.Module:
    """Copy a network, in evaluation mode and without gradients to its parameters."""
    return copy.deepcopy(generator).eval().requires_grad_(False)


def _squares(x: Tensor) -> Tensor:
    return x.square().sum(dim=tuple(range(1, x.dim())))
