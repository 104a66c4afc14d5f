"""The graphs of a bundle: generator, energy, posterior and encoder, as ONNX or TorchScript.

Xie, Lu, Gao, Wu: "Cooperative Learning of Energy-Based Model and Latent Variable Model via
MCMC Teaching", AAAI 2018: equations (2), (6) and (7), and section 5.3 for the mask.
"""

import copy
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coop_runtime.card import Latent, Signal

from ..langevin import Energy, energy_and_gradient
from .serialize import to_onnx
from .torchscript import to_torchscript
from .tracing import Axes, Cells, record, scaled

__all__ = [
    "Blueprint",
    "Energy",
    "encoder_graph",
    "energy_and_gradient",
    "energy_graph",
    "export_graph",
    "export_torchscript",
    "few_cells",
    "frozen",
    "generator_graph",
    "log_posterior",
    "posterior_graph",
]

# Cells along an extendable axis that show all a graph does: with borders, and with an inside.
FEW = 4


class Blueprint(NamedTuple):
    """What one graph is to compute.

    Attributes
    ----------
    function
        Of float32 tensors, one per entry of ``inputs``, to one per entry of ``outputs``.
    inputs
        Name of each input, with its channels and strides, or a scalar's typical value.
    outputs
        Names of the outputs.
    strides
        Signal samples per cell, along each axis.
    """

    function: Callable[..., tuple[Tensor, ...]]
    inputs: dict[str, Axes]
    outputs: tuple[str, ...]
    strides: tuple[int, ...]


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


def generator_graph(generator: nn.Module, latent: Latent) -> Blueprint:
    """Plan x = g(z), equation (6): input ``z``, output ``x``.

    Parameters
    ----------
    generator
        Used in evaluation mode; not changed.
    latent
        Shape of z.
    """
    g = frozen(generator)
    return Blueprint(lambda z: (g(z),), {"z": _z(latent)}, ("x",), latent.strides)


def energy_graph(energy: Energy, signal: Signal, strides: tuple[int, ...]) -> Blueprint:
    """Plan E(x) = −f(x) + ‖x‖²/2s², equation (2), and its gradient.

    Input ``x`` (batch, channels, stride·h, …), outputs ``energy`` (batch,) and ``gradient``
    like x.

    Parameters
    ----------
    energy
        x to (batch,), of a descriptor in evaluation mode.
    signal
        Shape of x.
    strides
        Its spatial sizes must be multiples of these, one per axis.
    """
    return Blueprint(
        lambda x: energy_and_gradient(energy, x),
        {"x": (signal.channels, strides)},
        ("energy", "gradient"),
        strides,
    )


def posterior_graph(
    generator: nn.Module, signal: Signal, latent: Latent, sigma: float
) -> Blueprint:
    """Plan log p(z, x), equation (7), its gradient in z, and g(z); see `log_posterior`.

    Inputs ``z`` (batch, latent channels, h, …), ``x`` and ``mask`` (batch, channels,
    stride·h, …), ``sigma`` (), of which a typical value is given here; outputs ``log_p``,
    ``gradient`` and ``reconstruction``. The generator is used in evaluation mode, and not changed.
    """
    g, x = frozen(generator), (signal.channels, latent.strides)
    return Blueprint(
        lambda *inputs: log_posterior(g, *inputs),
        {"z": _z(latent), "x": x, "mask": x, "sigma": sigma},
        ("log_p", "gradient", "reconstruction"),
        latent.strides,
    )


def encoder_graph(encoder: nn.Module, signal: Signal, latent: Latent) -> Blueprint:
    """Plan q(z|x) = N(μ(x), diag σ²(x)): input ``x``, outputs ``mean`` and ``log_variance``.

    Parameters
    ----------
    encoder
        x to (μ, log σ²), each like z; used in evaluation mode, not changed.
    signal, latent
        Shapes of x and z.
    """
    q = frozen(encoder)

    def code(x: Tensor) -> tuple[Tensor, ...]:
        mean, log_variance = q(x)
        return mean, log_variance

    return Blueprint(
        code, {"x": (signal.channels, latent.strides)}, ("mean", "log_variance"), latent.strides
    )


def export_graph(blueprint: Blueprint, signal: Signal) -> bytes:
    """Export a graph for any batch and, along the signal's extendable axes, any size.

    Along the others it takes the trained size only. A graph is recorded on a few cells more than
    `few_cells`, and takes every size that the network takes.

    Returns
    -------
    The bytes of an ONNX file, see `to_onnx`.
    """
    cells = _example(few_cells(blueprint, signal), signal.extendable)
    recorded = record(blueprint.function, list(blueprint.inputs.values()), cells)
    return to_onnx(recorded, blueprint.inputs, blueprint.outputs, cells)


def export_torchscript(blueprint: Blueprint, signal: Signal) -> bytes:
    """Export what `export_graph` does, as a TorchScript program of torch's own operators.

    Returns
    -------
    The bytes of a TorchScript file, see `to_torchscript`.
    """
    cells = _example(few_cells(blueprint, signal), signal.extendable)
    recorded = record(blueprint.function, list(blueprint.inputs.values()), cells, {})
    return to_torchscript(recorded, list(blueprint.inputs))


def few_cells(blueprint: Blueprint, signal: Signal) -> tuple[int, ...]:
    """Give the numbers of cells from which on a graph is recorded and compared with torch.

    Along axes that can be extended: `FEW`, or as many more as the network asks for (some refuse
    sizes smaller than their padding), but no more than it was trained on. Whole sounds and clips
    would take long, and show no more. Along the others: those of the trained shape, rounded up.
    """
    shape = zip(signal.trained_shape, blueprint.strides, strict=True)
    trained = [-(-size // n) for size, n in shape]
    for least in range(FEW, max(trained)):
        cells = tuple(
            min(n, least) if extendable else n
            for n, extendable in zip(trained, signal.extendable, strict=True)
        )
        if _takes(blueprint, cells):
            return cells
    return tuple(trained)


def _takes(blueprint: Blueprint, cells: tuple[int, ...]) -> bool:
    """Tell whether the network works on so many cells."""
    kinds = blueprint.inputs.values()
    inputs = [
        torch.tensor(kind)
        if isinstance(kind, float)
        else torch.zeros(1, kind[0], *scaled(kind[1], cells))
        for kind in kinds
    ]
    try:
        blueprint.function(*inputs)
    except (RuntimeError, ValueError):  # how torch's layers refuse a size
        return False
    return True


def _example(trained: tuple[int, ...], free: tuple[bool, ...]) -> Cells:
    # More than the least, where a layer's output may be one sample, which would be recorded as a
    # constant; and different, so that an axis taken for another does not go unnoticed.
    least = max((n for n, extendable in zip(trained, free, strict=True) if extendable), default=0)
    more = (n for n in count(least + 1) if n not in trained)
    return Cells(
        tuple(next(more) if extendable else n for n, extendable in zip(trained, free, strict=True)),
        free,
    )


def _z(latent: Latent) -> Axes:
    return latent.channels, (1,) * len(latent.strides)


def frozen(network: nn.Module) -> nn.Module:
    """Copy a network, in evaluation mode and without gradients to its parameters."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def _squares(x: Tensor) -> Tensor:
    return x.square().sum(dim=tuple(range(1, x.dim())))
