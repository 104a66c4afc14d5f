"""What an exported graph leaves out, folds or shares, and what it comes to all the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.card import Latent
from coop_trainer.export.graphs import (
    energy_and_gradient,
    energy_graph,
    export_graph,
    generator_graph,
    log_posterior,
    posterior_graph,
)

from .graphs import CHANNELS, assert_close, cases, operators, run, texture, torchscript, weights


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
