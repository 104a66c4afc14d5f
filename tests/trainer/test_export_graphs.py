"""The exported graphs equal torch's autograd, in 1, 2 and 3 dimensions."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.card import Latent, Signal
from coop_runtime.inspect_graph import inspect_graph
from coop_runtime.onnx_file import read_file
from coop_runtime.torchscript import open_program
from coop_trainer.export.graphs import (
    Blueprint,
    energy_and_gradient,
    energy_graph,
    export_graph,
    export_torchscript,
    frozen,
    generator_graph,
    log_posterior,
    posterior_graph,
)

CHANNELS = 2
STRIDE = 8
CASES = [(1, (1, 2, 3)), (3, (4, 3, 2)), (2, (5, 7, 1))]

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


def texture(dims: int, size: int) -> Signal:
    shape, free = (size,) * dims, (True,) * dims
    return Signal("texture", dims, CHANNELS, (-1.0, 1.0), (0.0, 255.0), shape, free)


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


def run(data: bytes, *inputs: Tensor) -> list[Any]:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    feed = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
    results: list[Any] = session.run(None, feed)
    return results


def operators(data: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(data).graph.node]


def weights(data: bytes) -> int:
    """Count the numbers that a graph stores, but for shapes and the like."""
    stored = onnx.load_from_string(data).graph.initializer
    return sum(math.prod(v.dims) for v in stored if v.data_type == onnx.TensorProto.FLOAT)


def assert_close(found: list[Any], expected: tuple[Tensor, ...], limit: float = 1e-5) -> None:
    for value, reference in zip(found, expected, strict=True):
        assert value.shape == tuple(reference.shape)
        assert value.dtype == np.float32
        scale = float(reference.detach().abs().max())
        assert np.abs(value - reference.detach().numpy()).max() <= limit * scale


def cases(dims: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    torch.manual_seed(0)
    for batch, cells in CASES:
        yield batch, cells[:dims]


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


def torchscript(blueprint: Blueprint, signal: Signal) -> Callable[..., list[Any]]:
    data = export_torchscript(blueprint, signal)
    program = open_program(data, "cpu", blueprint.inputs, blueprint.outputs, "it")

    def play(*inputs: Tensor) -> list[Any]:
        named = zip(blueprint.inputs, inputs, strict=True)
        return program.run(blueprint.outputs, {name: value.numpy() for name, value in named})

    return play


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


@pytest.mark.parametrize("cells", [1, 2, 3, 4, 9])
def test_a_signal_shorter_than_its_circular_padding_goes_round_several_times(
    ring_bytes: bytes, cells: int
) -> None:
    weight, bias = ring().weight, ring().bias
    z = torch.randn(2, 2, cells, generator=torch.Generator().manual_seed(cells))
    around = z[..., torch.arange(-4, cells + 4) % cells]
    assert_close(run(ring_bytes, z), (torch.conv1d(around, weight, bias),))


def test_torchscript_goes_round_as_often() -> None:
    weight, bias = ring().weight, ring().bias
    play = torchscript(generator_graph(ring(), Latent(2, (1,))), texture(1, 6))
    for cells in (1, 2, 3, 4, 9):
        z = torch.randn(2, 2, cells, generator=torch.Generator().manual_seed(cells))
        around = z[..., torch.arange(-4, cells + 4) % cells]
        assert_close(play(z), (torch.conv1d(around, weight, bias),))


def ring() -> nn.Conv1d:
    torch.manual_seed(0)
    return nn.Conv1d(2, 1, 9, padding=4, padding_mode="circular")


@pytest.fixture(scope="module")
def ring_bytes() -> bytes:
    return export_graph(generator_graph(ring(), Latent(2, (1,))), texture(1, 6))


def test_generator_graph(
    capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular"), nn.BatchNorm1d(3), nn.LeakyReLU()
    )
    generator(torch.randn(5, 2, 4))  # moves the stored moments
    signal, latent = texture(1, 4), Latent(2, (1,))
    data = export_graph(generator_graph(generator, latent), signal)
    # In training mode or not, the network is the same, and so are the bytes.
    assert generator.training
    assert all(p.requires_grad for p in generator.parameters())
    assert export_graph(generator_graph(generator.eval(), latent), signal) == data
    for batch, cells in cases(1):
        z = torch.randn(batch, 2, *cells)
        assert_close(run(data, z), (generator(z),))
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize("kind", ["convolution", "transposed"])
def test_batch_normalisation_goes_into_the_weights(kind: str) -> None:
    torch.manual_seed(0)
    layer: nn.Module = nn.Conv2d(2, 5, 3, padding=1)
    if kind == "transposed":
        layer = nn.ConvTranspose2d(2, 5, 4, 2, 1, bias=False)
    norm = nn.BatchNorm2d(5)
    network = nn.Sequential(layer, norm, nn.ReLU())
    network(torch.randn(5, 2, 4, 4))
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    side = 2 if kind == "transposed" else 1
    signal, latent = replace(texture(2, 4), channels=5), Latent(2, (side, side))
    data = export_graph(generator_graph(network, latent), signal)
    assert operators(data) == ["Conv" if side == 1 else "ConvTranspose", "Relu"]
    z = torch.randn(3, 2, 4, 6)
    assert_close(run(data, z), (network.eval()(z),))
    posterior = export_graph(posterior_graph(network, signal, latent, 0.3), signal)
    x, mask = torch.randn(3, 5, 4 * side, 6 * side), torch.ones(3, 5, 4 * side, 6 * side)
    sigma = torch.tensor(0.3)
    assert_close(run(posterior, z, x, mask, sigma), log_posterior(network, z, x, mask, sigma))
    assert not {"BatchNormalization", "Sqrt"} & set(operators(posterior))


def summed(kind: str, maps: Tensor) -> Tensor:
    if kind == "one":
        total: Tensor = maps.flatten(1).sum(1)
    elif kind == "two":
        total = maps.flatten(2).float().sum((1, 2))
    else:
        total = maps.flatten(2).mean(2).sum(1)
    return total


@pytest.mark.parametrize("kind", ["one", "two", "mean"])
@pytest.mark.parametrize("side", [3, 8])
def test_maps_that_are_only_summed_become_one(kind: str, side: int) -> None:
    torch.manual_seed(0)
    first, last = nn.Conv2d(CHANNELS, 4, 3, padding=1), nn.Conv2d(4, 20, side)
    for layer in (first, last):
        layer.requires_grad_(False)

    def energy(x: Tensor) -> Tensor:
        return summed(kind, last(torch.tanh(first(x))))

    signal = replace(texture(2, 8), extendable=(False, False))
    data = export_graph(energy_graph(energy, signal, (1, 1)), signal)
    x = torch.randn(2, CHANNELS, 8, 8)
    assert_close(run(data, x), energy_and_gradient(energy, x))
    # Twenty maps' weights would be 20 times as many; the gradient shares or repeats them.
    assert weights(data) < 2 * (4 * side**2 + first.weight.numel() + 20)
    # What comes of weights alone is stored, not computed at every step.
    assert not {"ReduceSum", "Transpose", "Reciprocal"} & set(operators(data)[:2])


def test_maps_that_are_needed_one_by_one_stay() -> None:
    torch.manual_seed(0)
    last = nn.Conv2d(CHANNELS, 6, 3, padding=1).requires_grad_(False)

    def energy(x: Tensor) -> Tensor:
        maps: Tensor = last(x).flatten(1)
        return maps.sum(1) + maps.square().mean(1) + maps.mean(1)

    signal = texture(2, 8)
    data = export_graph(energy_graph(energy, signal, (1, 1)), signal)
    x = torch.randn(2, CHANNELS, 8, 8)
    assert_close(run(data, x), energy_and_gradient(energy, x))


@pytest.mark.parametrize("free", [True, False])
def test_a_sum_of_millions_is_as_exact_as_torch_s(free: bool) -> None:
    def energy(x: Tensor) -> Tensor:
        return x.square().sum(dim=(1, 2, 3))

    signal = replace(texture(2, 1000), extendable=(free, free))
    data = export_graph(energy_graph(energy, signal, (10, 10)), signal)
    x = torch.rand(1, CHANNELS, 1000, 1000)
    found, gradient = run(data, x)
    # Added one by one in float32, they are off by 4e-5.
    np.testing.assert_allclose(found, x.double().square().sum(dim=(1, 2, 3)), rtol=5e-7)
    np.testing.assert_array_equal(gradient, 2 * x)


def test_up_sampling_by_another_factor_along_each_axis() -> None:
    class Wide(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return F.interpolate(z, scale_factor=(1, 3), mode="nearest")

    signal = replace(texture(2, 6), trained_shape=(4, 6))
    data = export_graph(generator_graph(Wide(), Latent(CHANNELS, (1, 3))), signal)
    z = torch.randn(2, CHANNELS, 3, 5)
    assert_close(run(data, z), (z.repeat_interleave(3, 3),))
    # One operator: a repetition by Expand takes 70 times as long.
    assert operators(data) == ["Resize"]


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
