"""The exported graphs equal torch's autograd, in 1, 2 and 3 dimensions."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.card import Latent
from coop_runtime.inspect_graph import inspect_graph
from coop_runtime.onnx_file import read_file
from coop_trainer.export.graphs import (
    energy_and_gradient,
    energy_graph,
    export_graph,
    frozen,
    log_posterior,
    posterior_graph,
)

from .graphs import CHANNELS, assert_close, cases, operators, run, texture, torchscript

STRIDE = 8

CONV = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
POOL = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


def conv(dims: int, *args: int, **options: Any) -> nn.Module:
    kinds: Any = CONV
    layer: nn.Module = kinds[dims - 1](*args, **options)
    return layer


class Descriptor(nn.Module):
    """Two branches; every layer and activation in 2-D, some of them elsewhere, to be quick."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        fine = [conv(dims, CHANNELS, 6, 6, stride=2, padding=2), nn.SiLU()]
        coarse = [POOL[dims - 1](2), conv(dims, CHANNELS, 4, 4, stride=2, padding=1), nn.Softplus()]
        if dims == 2:
            fine += [conv(dims, 6, 5, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            fine += [conv(dims, 5, 3, 5, stride=2, padding=2), nn.ReLU()]
            coarse += [POOL[dims - 1](3, 1, 1), conv(dims, 4, 3, 3, padding=1), nn.Tanh()]
        self.fine, self.coarse = nn.Sequential(*fine), nn.Sequential(*coarse)

    def forward(self, x: Tensor) -> Tensor:
        fine, coarse = self.fine(x), self.coarse(x)
        density = coarse.flatten(2).mean(2).sum(1) - 0.1 * (coarse**2).flatten(1).mean(1)
        f: Tensor = fine.flatten(1).sum(1) + 3.0 * math.prod(x.shape[2:]) * density
        return f


class Generator(nn.Module):
    """Noise at two levels packed in one z, nearest and transposed up-sampling: stride 4."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.dims = dims
        self.latent_channels: int = 3 + 2 * 2**dims
        self.first = conv(dims, 3, 6, 3, padding=1, padding_mode="circular")
        self.second = nn.Sequential(conv(dims, 8, 4, 3, padding=1), NORM[dims - 1](4))
        self.draw = TRANSPOSED[dims - 1](4, CHANNELS, 5, 2, 2, output_padding=1)

    def forward(self, z: Tensor) -> Tensor:
        coarse, packed = z.split_with_sizes([3, 2 * 2**self.dims], dim=1)
        h = F.leaky_relu(self.first(coarse), 0.2)
        h = F.interpolate(h, scale_factor=2.0, mode="nearest")
        h = self.second(torch.cat([h, self.unpack(packed)], 1))
        return torch.tanh(self.draw(F.leaky_relu(h, 0.2)))

    def latent(self) -> Latent:
        return Latent(self.latent_channels, (4,) * self.dims)

    def unpack(self, x: Tensor) -> Tensor:
        sizes = x.shape[2:]
        x = x.reshape(x.shape[0], 2, *[2] * self.dims, *sizes)
        order = [axis for k in range(self.dims) for axis in (2 + self.dims + k, 2 + k)]
        return x.permute(0, 1, *order).reshape(x.shape[0], 2, *(2 * s for s in sizes))


@dataclass(frozen=True)
class Models:
    dims: int
    generator: Generator
    energy: Callable[[Tensor], Tensor]


def build(dims: int, dtype: torch.dtype = torch.float32) -> Models:
    torch.manual_seed(dims)
    descriptor, generator = Descriptor(dims), Generator(dims)
    for module in generator.modules():
        if isinstance(module, NORM):
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    descriptor.eval().requires_grad_(False).to(dtype)
    generator.eval().to(dtype)

    def energy(x: Tensor) -> Tensor:
        e: Tensor = -descriptor(x) + x.square().flatten(1).sum(1) / (2 * 0.5**2)
        return e

    return Models(dims, generator, energy)


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["1-D", "2-D", "3-D"])
def models(request: pytest.FixtureRequest) -> Models:
    return build(request.param)


@pytest.fixture(scope="module")
def energy_bytes(models: Models) -> bytes:
    signal = texture(models.dims, 4 * STRIDE)
    return export_graph(energy_graph(models.energy, signal, (STRIDE,) * models.dims), signal)


@pytest.fixture(scope="module")
def posterior_bytes(models: Models) -> bytes:
    signal, latent = texture(models.dims, 8), models.generator.latent()
    return export_graph(posterior_graph(models.generator, signal, latent, 0.3), signal)


def test_the_runtime_lets_the_graphs_through(
    models: Models, energy_bytes: bytes, posterior_bytes: bytes
) -> None:
    """They hold every layer and activation there is."""
    one, cells = (1,), (2,) * models.dims
    x = (1, CHANNELS, *(STRIDE * n for n in cells))
    inspect_graph(read_file(energy_bytes), {"x": x}, {"energy": one, "gradient": x})
    z = (1, models.generator.latent_channels, *cells)
    x = (1, CHANNELS, *(4 * n for n in cells))
    inspect_graph(
        read_file(posterior_bytes),
        {"z": z, "x": x, "mask": x, "sigma": ()},
        {"log_p": one, "gradient": z, "reconstruction": x},
    )


def test_energy_graph_equals_autograd(models: Models, energy_bytes: bytes) -> None:
    for batch, cells in cases(models.dims):
        # From two cells on: torch itself refuses the 3-D pooling on one.
        x = torch.rand(batch, CHANNELS, *(STRIDE * (n + 1) for n in cells)) * 2 - 1
        assert_close(run(energy_bytes, x), energy_and_gradient(models.energy, x))


def test_posterior_graph_equals_autograd(models: Models, posterior_bytes: bytes) -> None:
    g = frozen(models.generator)
    for batch, cells in cases(models.dims):
        z = torch.randn(batch, models.generator.latent_channels, *cells)
        x = torch.rand(batch, CHANNELS, *(4 * n for n in cells)) * 2 - 1
        sigma = torch.tensor(0.3)
        for mask in (torch.ones_like(x), (x > 0).float(), torch.zeros_like(x)):
            expected = log_posterior(g, z, x, mask, sigma)
            assert_close(run(posterior_bytes, z, x, mask, sigma), expected)


def test_torchscript_equals_autograd(models: Models) -> None:
    signal, strides = texture(models.dims, 4 * STRIDE), (STRIDE,) * models.dims
    play = torchscript(energy_graph(models.energy, signal, strides), signal)
    for batch, cells in cases(models.dims):
        x = torch.rand(batch, CHANNELS, *(STRIDE * (n + 1) for n in cells)) * 2 - 1
        assert_close(play(x), energy_and_gradient(models.energy, x), 1e-6)
    g, signal, latent = frozen(models.generator), texture(models.dims, 8), models.generator.latent()
    play = torchscript(posterior_graph(models.generator, signal, latent, 0.3), signal)
    for batch, cells in cases(models.dims):
        z = torch.randn(batch, models.generator.latent_channels, *cells)
        x = torch.rand(batch, CHANNELS, *(4 * n for n in cells)) * 2 - 1
        mask, sigma = (x > 0).float(), torch.tensor(0.3)
        assert_close(play(z, x, mask, sigma), log_posterior(g, z, x, mask, sigma), 1e-6)


def test_posterior_without_observation_is_the_prior(models: Models, posterior_bytes: bytes) -> None:
    cells = (2, 3, 2)[: models.dims]
    z = torch.randn(2, models.generator.latent_channels, *cells)
    x = torch.zeros(2, CHANNELS, *(4 * n for n in cells))
    log_p, gradient, _ = run(posterior_bytes, z, x, x, torch.tensor(0.1))
    np.testing.assert_allclose(log_p, -z.square().flatten(1).sum(1).numpy() / 2, rtol=1e-5)
    np.testing.assert_allclose(gradient, -z.numpy(), rtol=1e-6)


def test_a_graph_recorded_on_a_few_cells_holds_for_whole_clips() -> None:
    models = build(3)
    free = (True, False, False)
    shape = (50 * STRIDE, 2 * STRIDE, 2 * STRIDE)
    signal = replace(texture(3, 1), trained_shape=shape, extendable=free)
    x = torch.rand(1, CHANNELS, *shape) * 2 - 1
    data = export_graph(energy_graph(models.energy, signal, (STRIDE,) * 3), signal)
    assert_close(run(data, x), energy_and_gradient(models.energy, x))
    g, latent, sigma = frozen(models.generator), models.generator.latent(), torch.tensor(0.3)
    data = export_graph(posterior_graph(models.generator, signal, latent, 0.3), signal)
    z = torch.randn(1, latent.channels, *(n // 4 for n in shape))
    mask = (x > 0).float()
    assert_close(run(data, z, x, mask, sigma), log_posterior(g, z, x, mask, sigma))


def test_names_and_shapes(models: Models, energy_bytes: bytes, posterior_bytes: bytes) -> None:
    axes = {1: ["t"], 2: ["h", "w"], 3: ["t", "h", "w"]}[models.dims]

    def shapes(data: bytes) -> dict[str, list[int | str]]:
        graph = onnx.load_from_string(data).graph
        return {
            v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in (*graph.input, *graph.output)
        }

    x = ["batch", CHANNELS, *(f"8*{axis}" for axis in axes)]
    assert shapes(energy_bytes) == {"x": x, "energy": ["batch"], "gradient": x}
    x = ["batch", CHANNELS, *(f"4*{axis}" for axis in axes)]
    z = ["batch", models.generator.latent_channels, *axes]
    assert shapes(posterior_bytes) == {
        "z": z,
        "x": x,
        "mask": x,
        "sigma": [],
        "log_p": ["batch"],
        "gradient": z,
        "reconstruction": x,
    }


def test_the_gradient_costs_one_convolution_per_convolution(
    models: Models, energy_bytes: bytes
) -> None:
    found = operators(energy_bytes)
    convolutions, same_size, pools = (5, 1, 2) if models.dims == 2 else (2, 0, 1)
    # The adjoint of a convolution that keeps the size is a convolution.
    assert found.count("Conv") == convolutions + same_size
    # So is that of a mean over windows around each sample.
    assert found.count("AveragePool") == pools + same_size
    # The adjoint of every other, and of each pooling, and nothing that moves data about.
    assert found.count("ConvTranspose") == convolutions + pools - 2 * same_size
    assert not {"Transpose", "ScatterND", "Resize", "Gather", "GatherND"} & set(found)


def test_the_bytes_hold_no_paths(energy_bytes: bytes) -> None:
    assert not re.search(rb"\.py|site-packages|/home|/work|/usr|File \"", energy_bytes)
    model = onnx.load_from_string(energy_bytes)
    assert not model.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert max(opset.version for opset in model.opset_import) <= 20
    assert model.ir_version <= 10


def test_finite_differences_of_the_energy() -> None:
    models = build(2, torch.float64)
    x = torch.rand(2, CHANNELS, 16, 8, dtype=torch.float64) * 2 - 1
    energy, gradient = energy_and_gradient(models.energy, x)
    for direction in torch.randn(3, *x.shape, dtype=torch.float64):
        step = 1e-5 * direction
        slope = (models.energy(x + step) - models.energy(x - step)) / 2e-5
        expected = (gradient * direction).flatten(1).sum(1)
        torch.testing.assert_close(slope, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(energy, models.energy(x))


def test_finite_differences_of_the_posterior() -> None:
    models = build(2, torch.float64)
    generator = frozen(models.generator)
    z = torch.randn(2, models.generator.latent_channels, 3, 2, dtype=torch.float64)
    x = torch.rand(2, CHANNELS, 12, 8, dtype=torch.float64) * 2 - 1
    mask, sigma = (x > 0).double(), torch.tensor(0.3, dtype=torch.float64)
    log_p, gradient, g = log_posterior(generator, z, x, mask, sigma)
    residual = (mask * (x - g)).square().flatten(1).sum(1)
    expected = -residual / (2 * 0.09) - z.square().flatten(1).sum(1) / 2
    torch.testing.assert_close(log_p, expected)
    for direction in torch.randn(3, *z.shape, dtype=torch.float64):
        step = 1e-5 * direction
        above, *_ = log_posterior(generator, z + step, x, mask, sigma)
        below, *_ = log_posterior(generator, z - step, x, mask, sigma)
        expected = (gradient * direction).flatten(1).sum(1)
        torch.testing.assert_close((above - below) / 2e-5, expected, rtol=1e-6, atol=1e-6)
