"""Layers: how they are written, the sizes they take and make, and what is refused."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime import CoopError
from coop_runtime.strict import decode, encode
from coop_trainer.export.repeated import expanded, repeated
from coop_trainer.export.rewrites import Rewrites
from coop_trainer.nets import (
    Branch,
    Descriptor,
    DescriptorConfig,
    Draw,
    Encoder,
    EncoderConfig,
    Generator,
    GeneratorConfig,
    Layer,
)
from coop_trainer.nets.layers import downward, upward

DESCRIPTOR = DescriptorConfig(
    branches=(Branch(1, (Layer(4, 4, 2), Layer(6, 3))),),
    activation="leaky_relu",
    last_activation=False,
    norm=False,
    head="sum",
    weighting="one",
    standardise="off",
    band=0,
    gain=1.0,
    init_gain=1.0,
    head_init=1.0,
    init_sd=None,
)

GENERATOR = GeneratorConfig(
    levels=(Layer(6, 4, 4), Layer(4, 4, 2)),
    draw=Draw(4, 2),
    latents=(5, 0),
    upsampling="transposed",
    padding="zeros",
    activation="relu",
    norm=True,
    calibrated=False,
    init_sd=None,
)

ENCODER = EncoderConfig((Layer(4, 4, 2),), Draw(4, 4), "leaky_relu", norm=True, init_sd=0.02)

#: MNIST's odd sizes, 28 ↔ 14 ↔ 7 ↔ 3 ↔ 1.
ODD = (Layer(4, 4, 2), Layer(4, 4, 2), Layer(4, 4, 2, extra=1), Layer(1, 3, 3))


def f_of(*layers: Layer, dims: int = 2, **changed: Any) -> Descriptor:
    config = replace(DESCRIPTOR, branches=(Branch(1, layers),), **changed)
    return Descriptor(config, channels=1, dims=dims)


def g_of(dims: int = 2, **changed: Any) -> Generator:
    return Generator(replace(GENERATOR, **changed), channels=1, dims=dims).eval()


def table_with(levels: list[Any]) -> dict[str, Any]:
    table: dict[str, Any] = encode(GENERATOR)
    return table | {"levels": levels}


def test_layers_are_arrays_in_toml_and_json() -> None:
    config = decode(GeneratorConfig, table_with([[8, 3], [7, [1, 4, 4], [1, 2, 2]]]), "t")
    assert config.levels == (Layer(8, 3, 1, 0), Layer(7, (1, 4, 4), (1, 2, 2), 0))
    assert encode(config)["levels"] == [[8, 3, 1, 0], [7, [1, 4, 4], [1, 2, 2], 0]]
    assert encode(config)["draw"] == [4, 2]
    assert decode(GeneratorConfig, encode(config), "t") == config
    assert decode(GeneratorConfig, encode(config) | {"init_sd": None}, "t").init_sd is None


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([[8], [8, 4, 2]], r"t.levels\[0\]: expected 2 to 4 values \(filters, kernel, stride, ex"),
        ([[8, "x"], [8, 4, 2]], r"t.levels\[0\].kernel: expected a whole number or a list, found"),
        ([[8, 4, 4], [8, 4, [2, 2.5]]], r"t.levels\[1\].stride\[1\]: expected a whole number"),
        ([[8, 4, 4], {"filters": 8}], r"t.levels\[1\]: expected a list, found {'filters': 8}"),
        ([[0, 4, 4], [8, 4, 2]], r"generator.levels\[0\]: expected numbers ≥ 1"),
        ([[8, 4, 4], [8, 3, 4]], r"levels\[1\]: kernel 3, stride 4: expected a kernel no smaller"),
        ([[8, 4, 4], [8, 4, 1]], r"levels\[1\]: kernel 4, stride 1: an even kernel"),
        ([[8, 4, 4, 1], [8, 4, 2, 2]], r"levels\[1\]: kernel 4, stride 2: extra: expected less"),
        ([[8, 4, 4], [8, 5, 2, 1]], r"levels\[1\]: kernel 5, stride 2: extra: expected less"),
        ([[8, [4, 4], [2, 2, 2]], [8, 4, 2]], "one for each of 3 axes"),
    ],
)
def test_impossible_levels_are_refused_in_one_line(levels: list[Any], message: str) -> None:
    with pytest.raises(CoopError, match=message) as caught:
        decode(GeneratorConfig, table_with(levels), "t")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: f_of(Layer(4, 4)), r"descriptor.branches: layers\[0\]: kernel 4, stride 1: an ev"),
        (lambda: f_of(Layer(4, 5, 2, 1)), "extra: expected kernel − stride even"),
        (lambda: f_of(Layer(4, 4, 2, 2)), "extra: expected less than the stride"),
        (lambda: f_of(Layer(4, (4, 4, 4), 2)), "one for each of 2 axes"),
        (lambda: f_of(), "at least one layer"),
        (lambda: f_of(Layer(4, 3), init_sd=0.0), "descriptor.init_sd: expected a number > 0"),
        (lambda: g_of(init_sd=math.inf), "generator.init_sd"),
        (lambda: g_of(draw=Draw(1, 2)), r"generator.draw: kernel 1, stride 2"),
        (lambda: g_of(levels=()), "as many of each"),
        (
            lambda: g_of(levels=(Layer(4, 4, 4), Layer(4, 4, 2, 1)), latents=(1, 1)),
            "with extra, expected noise at the first level only",
        ),
        (lambda: g_of(calibrated=True), "needs upsampling = 'nearest'"),
        (lambda: g_of(upsampling="nearest", draw=Draw(3)), "expected an odd kernel after nearest"),
        (
            lambda: g_of(upsampling="nearest", draw=Draw(3), levels=(Layer(4, 3, 2, 1),) * 2),
            "extra: only transposed",
        ),
        (lambda: replace(ENCODER, head=Draw(0)), r"encoder.head: expected numbers"),
        (lambda: replace(ENCODER, init_sd=-1.0), "encoder.init_sd"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, message: str) -> None:
    with pytest.raises(CoopError, match=message):
        make()


DOWN = [(5, 2, 0), (4, 2, 0), (4, 2, 1), (15, 3, 2), (3, 1, 0), (8, 8, 0), (8, 3, 0), (6, 4, 2)]


@pytest.mark.parametrize(("kernel", "stride", "extra"), DOWN)
@pytest.mark.parametrize("n", [1, 4, 9])
def test_convolutions_take_stride_times_n_and_extra(
    kernel: int, stride: int, extra: int, n: int
) -> None:
    with torch.device("meta"):
        layer = downward(1, 2, Layer(3, kernel, stride, extra))
        assert layer(torch.empty(1, 2, stride * n + extra)).shape == (1, 3, n)


UP = [(5, 2, 0), (4, 2, 0), (4, 2, 1), (14, 7, 0), (25, 10, 0), (25, 10, 8), (3, 1, 0), (7, 7, 3)]


@pytest.mark.parametrize(("kernel", "stride", "extra"), UP)
@pytest.mark.parametrize("n", [1, 4, 9])
def test_transposed_convolutions_make_stride_times_n_and_extra(
    kernel: int, stride: int, extra: int, n: int
) -> None:
    with torch.device("meta"):
        layer = upward(1, 2, Layer(3, kernel, stride, extra))
        assert layer(torch.empty(1, 2, n)).shape == (1, 3, stride * n + extra)


def test_kernels_and_strides_per_axis() -> None:
    shapes: list[tuple[int, ...]] = []
    f = f_of(Layer(4, 4, 2), Layer(6, (4, 4, 8), (2, 4, 8)), dims=3)
    f.columns[0].register_forward_hook(lambda _m, _x, maps: shapes.append(tuple(maps.shape)))
    assert f.strides == (4, 8, 16)
    assert f(torch.randn(2, 1, 12, 8, 16)).shape == (2,)
    assert shapes == [(2, 6, 3, 1, 1)]
    levels = (Layer(5, (1, 4, 4), (1, 4, 4)), Layer(4, (5, 4, 3), (2, 2, 1)))
    g = g_of(dims=3, levels=levels, latents=(3, 2), draw=Draw((3, 4, 4), (1, 2, 2)))
    assert g.strides == (2, 16, 8)
    assert g.latent_channels == 3 + 2 * 1 * 4 * 4
    assert g.latent_shape((6, 32, 8)) == (35, 3, 2, 1)
    assert g(torch.randn(2, 35, 3, 2, 1)).shape == (2, 1, 6, 32, 8)
    down = (Layer(4, (3, 4, 4), (1, 2, 2)),)
    config = replace(ENCODER, layers=down, head=Draw((3, 8, 8), (1, 8, 8)), norm=False)
    q = Encoder(config, channels=1, latent_channels=3, dims=3)
    assert q.strides == (1, 16, 16)
    assert q(torch.randn(2, 1, 5, 16, 32)).log_variance.shape == (2, 3, 5, 1, 2)


def test_nearest_levels_up_sample_per_axis_and_take_noise_at_their_size() -> None:
    levels = (Layer(5, 3), Layer(4, (3, 1), (4, 1)), Layer(3, 3, (1, 2)))
    g = g_of(levels=levels, latents=(2, 1, 1), upsampling="nearest", draw=Draw(3, 3))
    assert g.scales == ((1, 1), (4, 1), (4, 2))
    assert g.latent_channels == 2 + 1 * 4 * 1 + 1 * 4 * 2
    assert g.strides == (12, 6)
    assert g(torch.randn(2, 14, 2, 5)).shape == (2, 1, 24, 30)


@pytest.mark.parametrize("way", [repeated, expanded])
def test_up_sampling_per_axis_is_recorded_as_repetition(
    way: Callable[[Tensor, Sequence[int]], Tensor],
) -> None:
    x = torch.randn(2, 3, 4, 1, 5)
    expected = F.interpolate(x, scale_factor=[1.0, 2.0, 4.0], mode="nearest")
    with Rewrites(way):
        assert torch.equal(F.interpolate(x, scale_factor=[1.0, 2.0, 4.0], mode="nearest"), expected)


def test_odd_sizes_with_extra() -> None:
    f = f_of(*ODD)
    assert f.strides == (28, 28)
    assert f.columns[0](torch.randn(2, 1, 28, 28)).shape == (2, 1, 1, 1)
    levels = (Layer(8, 3, 3), Layer(6, 4, 2, extra=1), Layer(4, 4, 2))
    g = g_of(levels=levels, latents=(5, 0, 0))
    assert g.strides == (28, 28)
    assert g(torch.randn(2, 5, 1, 1)).shape == (2, 1, 28, 28)
    assert g.latent_shape((28, 28)) == (5, 1, 1)
    with pytest.raises(CoopError, match="signals of 56×28 samples: expected exactly 28×28"):
        g.cells((56, 28))
    config = replace(ENCODER, layers=ODD[:3], head=Draw(3, 3))
    q = Encoder(config, channels=1, latent_channels=5, dims=2)
    assert q.strides == (28, 28)
    assert q(torch.randn(2, 1, 28, 28)).mean.shape == (2, 5, 1, 1)


def test_cells_of_a_size() -> None:
    g = g_of()
    assert g.strides == (16, 16)
    assert g.cells((32, 48)) == (2, 3)
    for size in [(30, 48), (0, 16), (16,), (16, 16, 16)]:
        with pytest.raises(CoopError, match="expected a multiple of the generator's strides 16×16"):
            g.cells(size)


def test_a_full_extent_layer_is_a_fully_connected_one() -> None:
    torch.manual_seed(0)
    down, up = downward(2, 3, Layer(7, 4, 4)), upward(2, 5, Layer(3, 4, 4))
    assert isinstance(down, nn.Conv2d)
    assert isinstance(up, nn.ConvTranspose2d)
    assert down.bias is not None
    assert up.bias is not None
    x, z = torch.randn(2, 3, 4, 4), torch.randn(2, 5, 1, 1)
    dense = x.flatten(1) @ down.weight.flatten(1).T + down.bias
    torch.testing.assert_close(down(x), dense[..., None, None])
    spread = (z.flatten(1) @ up.weight.flatten(1)).view(2, 3, 4, 4)
    torch.testing.assert_close(up(z), spread + up.bias[:, None, None])


def maps_of(f: Descriptor, x: Tensor) -> Tensor:
    maps: Tensor = f.columns[0](x)
    return maps.flatten(1)


def test_the_sum_head_sums_its_maps_at_any_size() -> None:
    torch.manual_seed(0)
    f, x = f_of(Layer(4, 15, 3), Layer(5, 3)), torch.randn(2, 1, 25, 19)
    torch.testing.assert_close(f(x), maps_of(f, x).sum(1), rtol=1e-4, atol=1e-4)


def test_the_last_layer_is_linear_unless_asked() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 1, 8, 8)
    linear, bent = (
        f_of(Layer(4, 3), activation="relu"),
        f_of(Layer(4, 3), activation="relu", last_activation=True),
    )
    bent.load_state_dict(linear.state_dict())
    assert maps_of(linear, x).min() < 0
    torch.testing.assert_close(maps_of(bent, x), maps_of(linear, x).relu())


def test_batch_norm_of_all_the_descriptors_layers_but_what_is_summed() -> None:
    def kinds(f: Descriptor) -> list[str]:
        return [type(module).__name__ for module in f.columns[0].children()]

    layers = (Layer(4, 4, 2), Layer(6, 3))
    block = ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds(f_of(*layers, norm=True)) == [*block, "Conv2d"]
    assert kinds(f_of(*layers, norm=True, last_activation=True)) == [*block, "Conv2d", "LeakyReLU"]
    assert kinds(f_of(*layers, norm=True, head="linear")) == [*block, *block, "Conv2d"]
    assert kinds(f_of(*layers)) == ["Conv2d", "LeakyReLU", "Conv2d"]
    # Normalised, so the scale of the weights below does not matter.
    torch.manual_seed(0)
    f, x = f_of(*layers, norm=True), torch.randn(8, 1, 8, 8)
    before = f(x)
    with torch.no_grad():
        next(f.parameters()).mul_(100)
    torch.testing.assert_close(f(x), before, rtol=1e-3, atol=1e-3)


def test_initial_weights_are_normal_with_that_deviation_and_biases_zero() -> None:
    torch.manual_seed(0)
    wide = (Layer(64, 4, 2), Layer(64, 4, 2))
    networks: list[nn.Module] = [
        f_of(*wide, init_sd=0.01, norm=True, head="linear"),
        g_of(levels=wide, init_sd=0.005, latents=(8, 0)),
        Encoder(replace(ENCODER, layers=wide), channels=1, latent_channels=8, dims=2),
    ]
    for network, sd in zip(networks, (0.01, 0.005, 0.02), strict=True):
        weights = [p for p in network.parameters() if p.dim() > 1]
        for weight in weights:
            count = weight.numel()
            assert weight.std().item() == pytest.approx(sd, rel=4 / math.sqrt(2 * count))
            assert abs(weight.mean().item()) < 4 * sd / math.sqrt(count)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
                assert not module.bias.any()
            if isinstance(module, nn.BatchNorm2d):
                assert torch.equal(module.weight, torch.ones_like(module.weight))
