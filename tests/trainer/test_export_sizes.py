"""Models of pictures of one size, of sounds and of clips are exported, and the runtime plays them.

Layers that see all of a fixed axis are convolutions with kernel = stride = size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

import coop_runtime
from coop_runtime import CoopError
from coop_runtime.card import Langevin, Latent, Signal
from coop_trainer.export.bundle import write_bundle
from coop_trainer.export.graphs import energy_and_gradient, frozen, log_posterior

LATENTS = 5
NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def full(*sizes: int) -> dict[str, Any]:
    """Give the kernel and stride of a full-extent layer."""
    return {"kernel_size": sizes, "stride": sizes}


class Encoder(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        mean, log_variance = self.body(x).chunk(2, 1)
        return mean, log_variance


@dataclass(frozen=True)
class Kind:
    signal: Signal
    strides: tuple[int, ...]
    generator: nn.Module
    descriptor: nn.Module
    encoder: nn.Module

    def energy(self, x: Tensor) -> Tensor:
        score: Tensor = self.descriptor(x).flatten(1).sum(1)
        return x.square().flatten(1).sum(1) / (2 * 0.5**2) - score


def picture(last: nn.Module) -> nn.Sequential:
    """28×28 → 1×1; sizes 14, 7, 3, 1: the third step leaves out a row."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(8, 12, 4, 2, 1), nn.BatchNorm2d(12), nn.SiLU()),
        *(nn.Conv2d(12, 16, 4, 2, 1), nn.LeakyReLU(0.2)),
        last,
    )


def pictures() -> Kind:
    return Kind(
        Signal("images", 2, 1, (-1.0, 1.0), (0.0, 255.0), (28, 28), (False, False)),
        (28, 28),
        nn.Sequential(
            *(nn.ConvTranspose2d(LATENTS, 24, **full(3, 3)), nn.BatchNorm2d(24), nn.ReLU()),
            *(nn.ConvTranspose2d(24, 16, 4, 2, 1, 1), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh()),
        ),
        picture(nn.Conv2d(16, 100, **full(3, 3))),
        Encoder(picture(nn.Conv2d(16, 2 * LATENTS, **full(3, 3)))),
    )


def listen(last: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv1d(2, 8, 25, 10, 12), nn.BatchNorm1d(8), nn.LeakyReLU(0.2)),
        *(nn.Conv1d(8, 12, 25, 10, 12), nn.BatchNorm1d(12), nn.LeakyReLU(0.2)),
        last,
    )


def sounds() -> Kind:
    return Kind(
        Signal("sound", 1, 2, (-1.0, 1.0), (-0.5, 0.5), (300,), (True,), rate=8000.0),
        (100,),
        nn.Sequential(
            *(nn.ConvTranspose1d(LATENTS, 8, 25, 10, 8, 1), nn.BatchNorm1d(8), nn.ReLU()),
            *(nn.ConvTranspose1d(8, 2, 25, 10, 8, 1), nn.Tanh()),
        ),
        listen(nn.Conv1d(12, 20, 1)),
        Encoder(listen(nn.Conv1d(12, 2 * LATENTS, 1))),
    )


def watch(last: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv3d(3, 6, 4, 2, 1), nn.BatchNorm3d(6), nn.LeakyReLU(0.2)),
        *(nn.Conv3d(6, 8, 4, 2, 1), nn.BatchNorm3d(8), nn.LeakyReLU(0.2)),
        last,
    )


def clips() -> Kind:
    free = (True, False, False)
    return Kind(
        Signal("clips", 3, 3, (-1.0, 1.0), (0.0, 255.0), (8, 16, 16), free, rate=25.0),
        (4, 16, 16),
        nn.Sequential(
            *(nn.ConvTranspose3d(LATENTS, 8, **full(1, 4, 4)), nn.BatchNorm3d(8), nn.ReLU()),
            *(nn.ConvTranspose3d(8, 6, 4, 2, 1), nn.BatchNorm3d(6), nn.ReLU()),
            *(nn.ConvTranspose3d(6, 3, 4, 2, 1), nn.Tanh()),
        ),
        watch(nn.Conv3d(8, 10, **full(1, 4, 4))),
        Encoder(watch(nn.Conv3d(8, 2 * LATENTS, **full(1, 4, 4)))),
    )


@pytest.fixture(scope="module", params=[pictures, sounds, clips])
def kind(request: pytest.FixtureRequest) -> Kind:
    torch.manual_seed(0)
    made: Kind = request.param()
    for network in (made.generator, made.descriptor, made.encoder):
        for module in network.modules():
            if isinstance(module, NORM):
                nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type]
                nn.init.uniform_(module.running_var, 0.2, 1.0)  # type: ignore[arg-type]
        network.eval().requires_grad_(False)
    return made


@pytest.fixture(scope="module")
def folder(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / kind.signal.kind
    write_bundle(
        folder,
        name=kind.signal.kind,
        energy=kind.energy,
        generator=kind.generator,
        encoder=kind.encoder,
        strides=kind.strides,
        signal=kind.signal,
        latent=Latent(LATENTS, kind.strides),
        langevin=Langevin(steps=2, step_size=0.01),
        sigma=0.3,
        training={},
        samples={},
    )
    return folder


def close(found: Any, expected: Tensor) -> None:
    assert found.shape == tuple(expected.shape)
    limit = 1e-5 * float(expected.abs().max())
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=limit)


def test_every_case_is_compared_and_within_the_limit(kind: Kind, folder: Path) -> None:
    card = coop_runtime.read_card(folder)
    assert set(card.parity) == {"generator", "energy", "posterior", "encoder"}
    for report in card.parity.values():
        assert report.max_relative_error <= 1e-5
        shapes = [tuple(case["shape"]) for case in report.cases]
        for axis, free in enumerate(kind.signal.extendable):
            sizes = {shape[axis] for shape in shapes}
            assert len(sizes) == 3 if free else sizes == {kind.signal.trained_shape[axis]}
        assert len(set(shapes)) == (3 if any(kind.signal.extendable) else 1)


def test_fixed_axes_are_constants(kind: Kind, folder: Path) -> None:
    card = coop_runtime.read_card(folder)
    for name, graph in card.graphs.items():
        onnx.checker.check_model(onnx.load(folder / graph.file), full_check=True)
        for key, shape in (graph.inputs | graph.outputs).items():
            for axis, (size, stride) in enumerate(
                zip(kind.signal.trained_shape, kind.strides, strict=True)
            ):
                if len(shape) > 2 and not kind.signal.extendable[axis]:
                    small = key in ("z", "mean", "log_variance") or (name, key) == (
                        "posterior",
                        "gradient",
                    )
                    assert shape[2 + axis] == (size // stride if small else size)
                elif len(shape) > 2:
                    assert isinstance(shape[2 + axis], str)


def test_the_runtime_gives_what_torch_gives(kind: Kind, folder: Path) -> None:
    model = coop_runtime.load(folder, "cpu", threads=1)
    more = [n + 3 * s * f for n, s, f in zip(*_axes(kind), strict=True)]
    for size in (kind.signal.trained_shape, tuple(more)):
        x = model.generate(2, seed=1, size=size)
        assert x.shape == (2, kind.signal.channels, *size)
        given = torch.from_numpy(x)
        energy, gradient = model.energy_and_gradient(x)
        expected = energy_and_gradient(kind.energy, given)
        close(energy, expected[0])
        close(gradient, expected[1])
        code = model.encode(x)
        for found, like in zip(code, kind.encoder(given), strict=True):
            close(found, like)
        mask = (np.random.default_rng(0).random(x.shape) < 0.5).astype(np.float32)
        result = model.log_posterior(code.mean, x, mask, sigma=0.2)
        z, m, sigma = torch.from_numpy(code.mean), torch.from_numpy(mask), torch.tensor(0.2)
        answers = log_posterior(frozen(kind.generator), z, given, m, sigma)
        for found, like in zip(result, answers, strict=True):
            close(found, like)
        *_, last = model.refine(x)
        assert last.x.shape == x.shape


def _axes(kind: Kind) -> tuple[tuple[int, ...], tuple[int, ...], tuple[bool, ...]]:
    return kind.signal.trained_shape, kind.strides, kind.signal.extendable


def test_sizes_between_cells_along_time_only(kind: Kind, folder: Path) -> None:
    model = coop_runtime.load(folder, "cpu", threads=1)
    longer = [n + 1 for n in kind.signal.trained_shape]
    if all(kind.signal.extendable):
        x = model.generate(size=longer)
        assert (x.shape[2:], model.energy(x).shape) == (tuple(longer), (1,))
        return
    with pytest.raises(CoopError, match=r"draws (28x28|Nx16x16) only"):
        model.generate(size=longer)
    if any(kind.signal.extendable):
        assert model.generate(size=9).shape == (1, 3, 9, 16, 16)
