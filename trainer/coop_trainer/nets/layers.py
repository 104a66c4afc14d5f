"""torch's layers by number of spatial dimensions, and activations by name."""

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from .shapes import Layer, padding, per_axis, remainder

__all__ = [
    "Activation",
    "activation",
    "avg_pool",
    "batch_norm",
    "conv",
    "downward",
    "halved",
    "initialise",
    "local_mean",
    "transposed_conv",
    "upward",
]

Activation = Literal["relu", "leaky_relu", "silu", "tanh", "softplus"]


def conv(dims: int, *args: int, **options: object) -> nn.Module:
    """Build ``nn.Conv1d``, ``nn.Conv2d`` or ``nn.Conv3d``."""
    return (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1](*args, **options)  # type: ignore[arg-type]


def transposed_conv(dims: int, *args: int, **options: object) -> nn.Module:
    """Build ``nn.ConvTranspose1d``, ``2d`` or ``3d``."""
    kinds = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return kinds[dims - 1](*args, **options)  # type: ignore[arg-type]


def downward(dims: int, fan: int, layer: Layer) -> nn.Module:
    """Build the convolution that turns ``fan`` maps of stride·n + extra samples into n."""
    kernel, stride = per_axis(layer.kernel, dims), per_axis(layer.stride, dims)
    zeros = padding(layer, dims, "down")
    return conv(dims, fan, layer.filters, kernel_size=kernel, stride=stride, padding=zeros)


def upward(dims: int, fan: int, layer: Layer) -> nn.Module:
    """Build the transposed convolution from ``fan`` maps of n samples to stride·n + extra."""
    return transposed_conv(
        dims,
        fan,
        layer.filters,
        kernel_size=per_axis(layer.kernel, dims),
        stride=per_axis(layer.stride, dims),
        padding=padding(layer, dims, "up"),
        output_padding=remainder(layer, dims),
    )


def initialise(network: nn.Module, sd: float) -> None:
    """Draw every convolution's weights from N(0, sd²), with biases 0; the rest stays."""
    for layer in network.modules():
        weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", None)
        if isinstance(weight, Tensor) and weight.dim() > 2:
            nn.init.normal_(weight, 0, sd)
            if isinstance(bias, Tensor):
                nn.init.zeros_(bias)


def batch_norm(dims: int, channels: int) -> nn.Module:
    """Build ``nn.BatchNorm1d``, ``2d`` or ``3d``."""
    return (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dims - 1](channels)


def avg_pool(x: Tensor, factor: int) -> Tensor:
    """Average over blocks of ``factor`` samples along every axis of x (batch, channels, …)."""
    return x if factor == 1 else _pool(x)(x, factor)


def halved(x: Tensor, factor: int) -> Tensor:
    """Halve x (batch, channels, …) until it is 1/factor as long, a power of two; see ``blur``.

    Each time windows of three are averaged, then pairs: by [1 2 2 1] / 6 along every axis, with
    zeros beyond the edge.
    """
    while factor > 1:
        x, factor = avg_pool(local_mean(x, 3), 2), factor // 2
    return x


def local_mean(x: Tensor, window: int) -> Tensor:
    """Average over windows around every sample of x (batch, channels, …), zeros beyond the edge."""
    return _pool(x)(x, window, stride=1, padding=window // 2)


def _pool(x: Tensor) -> Callable[..., Tensor]:
    return (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.dim() - 3]


def activation(name: Activation) -> nn.Module:
    """Give the activation of that name; the leaky one has slope 0.2 (DCGAN)."""
    kinds: dict[str, Callable[[], nn.Module]] = {
        "relu": nn.ReLU,
        "leaky_relu": lambda: nn.LeakyReLU(0.2),
        "silu": nn.SiLU,
        "tanh": nn.Tanh,
        "softplus": nn.Softplus,
    }
    return kinds[name]()
