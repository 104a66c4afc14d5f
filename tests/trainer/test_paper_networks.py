"""The papers' networks: sizes after every layer, and parameters counted by hand.

Sizes and sums are written from the papers' tables and texts, not from the code. Weights are
kernel × maps in × maps out. The papers do not count biases (one per map given) and batch
normalisation's scale and shift (two per map that it normalises); they are summed apart.
An encoder's last layer gives means and variances, hence twice the latent's maps.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coop_runtime import CoopError
from coop_runtime.strict import decode
from coop_trainer import presets
from coop_trainer.nets import (
    Descriptor,
    DescriptorConfig,
    Encoder,
    EncoderConfig,
    Generator,
    GeneratorConfig,
)
from coop_trainer.presets import load_networks

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Net:
    """Shape (maps, *size) after each layer; how many weights, biases and norm parameters."""

    shapes: list[Shape]
    weights: int
    biases: int
    norm: int = 0


@dataclass(frozen=True)
class Paper:
    """Shape (channels, *size) of signal and latent, and the networks that the paper gives."""

    signal: Shape
    latent: Shape
    nets: dict[str, Net]


DCGAN64 = Net(
    [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)],
    weights=4 * 4 * 100 * 512 + 5 * 5 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3),
    biases=512 + 256 + 128 + 64 + 3,
    norm=2 * (512 + 256 + 128 + 64),
)

DECONVOLUTIONS224 = Net(
    [(512, 14, 14), (256, 28, 28), (128, 56, 56), (64, 112, 112), (3, 224, 224)],
    weights=5 * 5 * (1 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3),
    biases=512 + 256 + 128 + 64 + 3,
    norm=2 * (512 + 256 + 128 + 64),
)

PAPERS = {
    # AAAI 2018, 5.3: "96 5x5 filters with sub-sampling of 2, 128 5x5 / 2, 256 5x5 / 2, fully
    # connected layer with 50 channels".
    "coopnets-faces64": Paper(
        (3, 64, 64),
        (100, 1, 1),
        {
            "descriptor": Net(
                [(96, 32, 32), (128, 16, 16), (256, 8, 8), (50, 1, 1)],
                weights=5 * 5 * 3 * 96 + 5 * 5 * 96 * 128 + 5 * 5 * 128 * 256 + 8 * 8 * 256 * 50,
                biases=96 + 128 + 256 + 50,
            ),
            "generator": DCGAN64,
        },
    ),
    # AAAI 2018, 5.2: "64 5x5 / 2, 128 3x3 / 2, 256 3x3 / 1, fully connected with 100 channels".
    "coopnets-scenes64": Paper(
        (3, 64, 64),
        (100, 1, 1),
        {
            "descriptor": Net(
                [(64, 32, 32), (128, 16, 16), (256, 16, 16), (100, 1, 1)],
                weights=5 * 5 * 3 * 64 + 3 * 3 * 64 * 128 + 3 * 3 * 128 * 256 + 16 * 16 * 256 * 100,
                biases=64 + 128 + 256 + 100,
            ),
            "generator": DCGAN64,
        },
    ),
    # AAAI 2018, 5.1: "100 15x15 / 3, 70 9x9 / 1, 30 7x7 / 1"; 7x7, five 5x5 deconvolutions x 2.
    "coopnets-textures224": Paper(
        (3, 224, 224),
        (1, 7, 7),
        {
            "descriptor": Net(
                [(100, 74, 74), (70, 74, 74), (30, 74, 74)],
                weights=15 * 15 * 3 * 100 + 9 * 9 * 100 * 70 + 7 * 7 * 70 * 30,
                biases=100 + 70 + 30,
            ),
            "generator": DECONVOLUTIONS224,
        },
    ),
    # 2016, 5.2: "128 15x15 / 3, 256 3x3 / 2, 512 3x3 / 1, fully connected with 100 channels"; "the
    # filters of the final layer of generator net enlarged to 14x14".
    "coopnets-scenes224": Paper(
        (3, 224, 224),
        (100, 1, 1),
        {
            "descriptor": Net(
                [(128, 74, 74), (256, 37, 37), (512, 37, 37), (100, 1, 1)],
                weights=15 * 15 * 3 * 128
                + 3 * 3 * 128 * 256
                + 3 * 3 * 256 * 512
                + 37 * 37 * 512 * 100,
                biases=128 + 256 + 512 + 100,
            ),
            "generator": Net(
                [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 224, 224)],
                weights=4 * 4 * 100 * 512
                + 5 * 5 * (512 * 256 + 256 * 128 + 128 * 64)
                + 14 * 14 * 64 * 3,
                biases=512 + 256 + 128 + 64 + 3,
                norm=2 * (512 + 256 + 128 + 64),
            ),
        },
    ),
    # ABP 5.1: 7x7 z, "5 layers of deconvolution with 5x5 kernels, up-sampling factor 2", 512 / 2ᵏ.
    "abp-textures224": Paper((3, 224, 224), (1, 7, 7), {"generator": DECONVOLUTIONS224}),
    # ABP 5.2: d = 6, "4 layers of deconvolution with kernels of size 1x25, up-sampling factor of
    # 10", 256 / 2ᵏ channels, 60,000 samples.
    "abp-sound": Paper(
        (1, 60000),
        (1, 6),
        {
            "generator": Net(
                [(256, 60), (128, 600), (64, 6000), (1, 60000)],
                weights=25 * 1 * 256 + 25 * 256 * 128 + 25 * 128 * 64 + 25 * 64 * 1,
                biases=256 + 128 + 64 + 1,
                norm=2 * (256 + 128 + 64),
            )
        },
    ),
    # ABP 5.3: "a fully connected layer under the latent factors", d = 100.
    "abp-objects": Paper(
        (3, 224, 224),
        (100, 1, 1),
        {
            "generator": Net(
                [(512, 7, 7), *DECONVOLUTIONS224.shapes],
                weights=100 * 7 * 7 * 512
                + 5 * 5 * (512 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3),
                biases=512 + 512 + 256 + 128 + 64 + 3,
                norm=2 * (512 + 512 + 256 + 128 + 64),
            )
        },
    ),
    # Divergence triangle, table 4. Batch normalisation of all layers but each network's last.
    "triangle-celeba64": Paper(
        (3, 64, 64),
        (100, 1, 1),
        {
            "generator": Net(
                [(512, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)],
                weights=4 * 4 * (100 * 512 + 512 * 512 + 512 * 256 + 256 * 128 + 128 * 3),
                biases=512 + 512 + 256 + 128 + 3,
                norm=2 * (512 + 512 + 256 + 128),
            ),
            "encoder": Net(
                [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (2 * 100, 1, 1)],
                weights=4 * 4 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 2 * 100),
                biases=64 + 128 + 256 + 512 + 2 * 100,
                norm=2 * (64 + 128 + 256 + 512),
            ),
            "descriptor": Net(
                [(64, 32, 32), (128, 16, 16), (256, 8, 8), (256, 4, 4), (1, 1, 1)],
                weights=4 * 4 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 256 + 256 * 1),
                biases=64 + 128 + 256 + 256 + 1,
                norm=2 * (64 + 128 + 256 + 256),
            ),
        },
    ),
    # Divergence triangle, table 5. Batch normalisation in the generator alone.
    "triangle-cifar10": Paper(
        (3, 32, 32),
        (100, 1, 1),
        {
            "generator": Net(
                [(512, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 32, 32)],
                weights=4 * 4 * (100 * 512 + 512 * 512 + 512 * 256 + 256 * 128) + 3 * 3 * 128 * 3,
                biases=512 + 512 + 256 + 128 + 3,
                norm=2 * (512 + 512 + 256 + 128),
            ),
            "encoder": Net(
                [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (2 * 100, 1, 1)],
                weights=3 * 3 * 3 * 64 + 4 * 4 * (64 * 128 + 128 * 256 + 256 * 512 + 512 * 2 * 100),
                biases=64 + 128 + 256 + 512 + 2 * 100,
            ),
            "descriptor": Net(
                [(64, 32, 32), (128, 16, 16), (256, 8, 8), (256, 4, 4), (1, 1, 1)],
                weights=3 * 3 * 3 * 64 + 4 * 4 * (64 * 128 + 128 * 256 + 256 * 256 + 256 * 1),
                biases=64 + 128 + 256 + 256 + 1,
            ),
        },
    ),
    # Divergence triangle, table 6; its "4x4 conv" on 3x3 has 3x3 weights.
    "triangle-mnist": Paper(
        (1, 28, 28),
        (100, 1, 1),
        {
            "generator": Net(
                [(1024, 3, 3), (512, 7, 7), (256, 14, 14), (1, 28, 28)],
                weights=3 * 3 * 100 * 1024 + 4 * 4 * (1024 * 512 + 512 * 256 + 256 * 1),
                biases=1024 + 512 + 256 + 1,
                norm=2 * (1024 + 512 + 256),
            ),
            "encoder": Net(
                [(128, 14, 14), (256, 7, 7), (512, 3, 3), (2 * 100, 1, 1)],
                weights=4 * 4 * (1 * 128 + 128 * 256 + 256 * 512) + 3 * 3 * 512 * 2 * 100,
                biases=128 + 256 + 512 + 2 * 100,
            ),
            "descriptor": Net(
                [(128, 14, 14), (256, 7, 7), (512, 3, 3), (1, 1, 1)],
                weights=4 * 4 * (1 * 128 + 128 * 256 + 256 * 512) + 3 * 3 * 512 * 1,
                biases=128 + 256 + 512 + 1,
            ),
        },
    ),
    # Divergence triangle, 4.1.4: z 7x7x5, "five convolutional-transpose layers with kernel size 4
    # and upsampling factor 2", 512, 512, 256, 128, 3; its mirror; "kernel size 7 with stride 2 for
    # 100 and 70 filters, and the last layer has 30 filters with kernel size 5 and stride 1".
    "triangle-textures224": Paper(
        (3, 224, 224),
        (5, 7, 7),
        {
            "generator": Net(
                [(512, 14, 14), (512, 28, 28), (256, 56, 56), (128, 112, 112), (3, 224, 224)],
                weights=4 * 4 * (5 * 512 + 512 * 512 + 512 * 256 + 256 * 128 + 128 * 3),
                biases=512 + 512 + 256 + 128 + 3,
                norm=2 * (512 + 512 + 256 + 128),
            ),
            "encoder": Net(
                [(128, 112, 112), (256, 56, 56), (512, 28, 28), (512, 14, 14), (2 * 5, 7, 7)],
                weights=4 * 4 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 512 + 512 * 2 * 5),
                biases=128 + 256 + 512 + 512 + 2 * 5,
            ),
            "descriptor": Net(
                [(100, 112, 112), (70, 56, 56), (30, 56, 56)],
                weights=7 * 7 * 3 * 100 + 7 * 7 * 100 * 70 + 5 * 5 * 70 * 30,
                biases=100 + 70 + 30,
            ),
        },
    ),
    # Divergence triangle, 4.1.5: 64 pixels × 64 pixels × 32 frames, 10 factors of size 1x1x2; here
    # time comes first. "The first two layers have kernel size 4 with up-sample factor 2 in all
    # directions, the last is fully-connected in the spatial domain but convolutional with kernel
    # size 4 and upsample by 2 in the temporal domain. 64, 128 and 128 filters".
    "triangle-clips64": Paper(
        (3, 32, 64, 64),
        (10, 2, 1, 1),
        {
            "generator": Net(
                [
                    (512, 2, 4, 4),
                    (256, 4, 8, 8),
                    (128, 8, 16, 16),
                    (64, 16, 32, 32),
                    (3, 32, 64, 64),
                ],
                weights=3 * 4 * 4 * 10 * 512
                + 5 * 5 * 5 * 512 * 256
                + 4 * 4 * 4 * (256 * 128 + 128 * 64 + 64 * 3),
                biases=512 + 256 + 128 + 64 + 3,
                norm=2 * (512 + 256 + 128 + 64),
            ),
            "encoder": Net(
                [
                    (64, 16, 32, 32),
                    (128, 8, 16, 16),
                    (256, 4, 8, 8),
                    (512, 2, 4, 4),
                    (2 * 10, 2, 1, 1),
                ],
                weights=4 * 4 * 4 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
                + 3 * 4 * 4 * 512 * 2 * 10,
                biases=64 + 128 + 256 + 512 + 2 * 10,
            ),
            "descriptor": Net(
                [(64, 16, 32, 32), (128, 8, 16, 16), (128, 4, 1, 1)],
                weights=4 * 4 * 4 * (3 * 64 + 64 * 128) + 4 * 16 * 16 * 128 * 128,
                biases=64 + 128 + 128,
            ),
        },
    ),
}


def build(name: str, part: str) -> Any:
    """Build one network of a file without memory for its weights."""
    table = {k: None if v == "none" else v for k, v in load_networks(name)[part].items()}
    paper = PAPERS[name]
    channels, dims = paper.signal[0], len(paper.signal) - 1
    with torch.device("meta"):
        if part == "descriptor":
            config = decode(DescriptorConfig, table, name)
            return Descriptor(config, channels=channels, dims=dims).eval()
        if part == "generator":
            return Generator(
                decode(GeneratorConfig, table, name), channels=channels, dims=dims
            ).eval()
        return Encoder(
            decode(EncoderConfig, table, name),
            channels=channels,
            latent_channels=paper.latent[0],
            dims=dims,
        ).eval()


def convolutions(network: nn.Module) -> list[nn.Module]:
    down = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    up = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return [module for module in network.modules() if isinstance(module, (*down, *up))]


CASES = [(name, part) for name, paper in PAPERS.items() for part in paper.nets]


@pytest.mark.parametrize(("name", "part"), CASES)
def test_sizes_after_every_layer(name: str, part: str) -> None:
    network, paper = build(name, part), PAPERS[name]
    shapes: list[Shape] = []

    def note(_module: nn.Module, _given: object, out: Tensor) -> None:
        shapes.append(tuple(out.shape[1:]))

    for layer in convolutions(network):
        layer.register_forward_hook(note)
    given = paper.latent if part == "generator" else paper.signal
    out = network(torch.empty(2, *given, device="meta"))
    assert shapes == paper.nets[part].shapes
    expected = {"generator": paper.signal, "encoder": paper.latent, "descriptor": ()}[part]
    assert (out.mean if part == "encoder" else out).shape == (2, *expected)


@pytest.mark.parametrize(("name", "part"), CASES)
def test_parameters_by_hand(name: str, part: str) -> None:
    network, net = build(name, part), PAPERS[name].nets[part]
    layers = convolutions(network)
    weights = [p.numel() for layer in layers for k, p in layer.named_parameters() if k == "weight"]
    biases = [p.numel() for layer in layers for k, p in layer.named_parameters() if k == "bias"]
    assert sum(weights) == net.weights
    assert sum(biases) == net.biases
    total = sum(p.numel() for p in network.parameters())
    assert total == net.weights + net.biases + net.norm


@pytest.mark.parametrize("name", PAPERS)
def test_signals_and_latents_fit_each_other(name: str) -> None:
    paper = PAPERS[name]
    generator = build(name, "generator")
    assert generator.latent_shape(paper.signal[1:]) == paper.latent
    if "encoder" in paper.nets:
        cells = zip(paper.latent[1:], build(name, "encoder").strides, strict=True)
        assert tuple(n * s for n, s in cells) == paper.signal[1:]
    if "descriptor" in paper.nets and name != "coopnets-textures224":  # 224 = 3 · 74 + 2
        strides = build(name, "descriptor").strides
        assert all(n % s == 0 for n, s in zip(paper.signal[1:], strides, strict=True))


def test_every_file_is_tested_and_holds_networks_alone() -> None:
    files = resources.files(presets).joinpath("networks").iterdir()
    assert sorted(file.name for file in files) == [f"{name}.toml" for name in sorted(PAPERS)]
    for name, paper in PAPERS.items():
        assert set(load_networks(name)) == set(paper.nets)


def test_activations_and_initial_weights_are_those_that_the_files_explain() -> None:
    def last(name: str) -> bool:
        return bool(load_networks(name)["descriptor"]["last_activation"])

    assert sorted(name for name in PAPERS if "descriptor" in PAPERS[name].nets and last(name)) == [
        "coopnets-textures224",
        "triangle-celeba64",
        "triangle-clips64",
        "triangle-textures224",
    ]
    for name in ("coopnets-faces64", "coopnets-scenes64", "coopnets-scenes224"):
        networks = load_networks(name)
        assert (networks["descriptor"]["init_sd"], networks["generator"]["init_sd"]) == (
            0.01,
            0.005,
        )
    for name in PAPERS:
        for part, table in load_networks(name).items():
            if name.startswith("triangle"):
                assert table["init_sd"] == 0.02
                assert table["activation"] == ("relu" if part == "generator" else "leaky_relu")


def test_unknown_networks() -> None:
    with pytest.raises(CoopError, match="unknown networks 'dcgan'; expected one of abp-objects, "):
        load_networks("dcgan")
