"""16-bit convolutions, and torch's compiler."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from coop_runtime import CoopError
from coop_trainer.compute import ComputeConfig, autocast, compile_networks
from coop_trainer.config import Config
from coop_trainer.data import load_texture
from coop_trainer.langevin import langevin
from coop_trainer.start import begin
from coop_trainer.training import Training

TinyConfig = Callable[..., Config]
CPU = torch.device("cpu")
METHODS = ("coopnets", "descriptor", "triangle", "mcmc-triangle", "gan", "vae")


def trained(config: Config, picture: Path, steps: int = 3) -> Training:
    training = Training(config, load_texture([str(picture)], size=None, crop=16), CPU)
    for _ in range(steps):
        assert not training.advance().not_numbers()
    return training


@contextmanager
def convolved(network: nn.Module) -> Iterator[set[torch.dtype]]:
    """Note the types that a network's convolutions give."""
    found: set[torch.dtype] = set()
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks = [m.register_forward_hook(lambda _m, _i, out: found.add(out.dtype)) for m in layers]
    yield found
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("method", METHODS)
def test_with_bfloat16_all_that_is_kept_stays_float32(
    method: str, picture: Path, tiny_config: TinyConfig
) -> None:
    encoder = ("encoder.layers=[[4,4,2],[4,4,2]]", "triangle.samples=4", "mcmc_triangle.samples=4")
    config = tiny_config(f"method={method}", *encoder, "compute.precision=bfloat16")
    training = trained(config, picture, 0)
    with convolved(next(iter(training.networks.values()))) as found:
        training.advance()
    assert found == {torch.bfloat16}
    for network in training.networks.values():
        assert {p.dtype for p in network.parameters()} == {torch.float32}
    if training.chains.states is not None:
        assert training.chains.states.dtype == torch.float32


def test_a_networks_outputs_are_float32_sums_of_bfloat16_maps(
    picture: Path, tiny_config: TinyConfig
) -> None:
    training = trained(tiny_config(), picture, 2)
    f, z = training.descriptor, torch.randn(4, *training.latent_shape)
    x = training.batch().x
    exact = f.density(x), training.generator.eval()(z)
    with torch.autocast("cpu", torch.bfloat16):
        rough = f.density(x), training.generator(z)
        moved = langevin(
            lambda s: f.energy(s, None), x, torch.Generator(), steps=2, step_size=0.01
        ).x
    assert moved.dtype == torch.float32
    for a, b in zip(exact, rough, strict=True):
        assert b.dtype == torch.float32
        assert 0 < relative(a, b) < 0.03


def relative(a: Tensor, b: Tensor) -> float:
    return ((a - b).abs().max() / a.abs().max()).item()


def test_bfloat16_learns_much_the_same_and_shows_float32(
    picture: Path, tiny_config: TinyConfig
) -> None:
    exact = trained(tiny_config(), picture, 1)
    rough = trained(tiny_config("compute.precision=bfloat16"), picture, 1)
    start = trained(tiny_config(), picture, 0)
    for name in exact.networks:
        before, first, second = (
            torch.cat([p.detach().flatten() for p in t.networks[name].parameters()])
            for t in (start, exact, rough)
        )
        moved, other = first - before, second - before
        assert torch.cosine_similarity(moved, other, 0) > 0.9
    f, _, _ = rough.averaged()
    assert f is not None
    with convolved(f) as found:
        f(torch.zeros(1, 1, 16, 16))
    assert found == {torch.float32}


def test_bfloat16_sees_weights_change_within_an_iteration() -> None:
    layer, x = nn.Conv2d(1, 1, 1, bias=False), torch.ones(1, 1, 2, 2)
    with autocast(ComputeConfig("bfloat16"), CPU):
        before = layer(x)
        with torch.no_grad():
            layer.weight.mul_(2)
        assert torch.equal(layer(x), 2 * before)


def test_without_a_compiler_compile_is_refused_and_nothing_written(
    picture: Path, tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Callable[..., Tensor]:
        raise RuntimeError("No working C++ compiler found\nin this long list")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(CoopError, match=r"does not work here \(No working C\+\+ compiler found\)"):
        begin(
            tmp_path / "run",
            tiny_config("compute.compile=true"),
            lambda _: load_texture([str(picture)], size=None, crop=16),
            CPU,
        )
    assert not (tmp_path / "run").exists()


def test_networks_are_compiled_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda function, **_: lambda *a: 2 * function(*a))
    layer = nn.Linear(2, 2)
    x = torch.ones(1, 2)
    plain = layer(x)
    compile_networks(ComputeConfig(), [layer], CPU)
    assert torch.equal(layer(x), plain)
    compile_networks(ComputeConfig(compile=True), [layer], CPU)
    assert torch.equal(layer(x), 2 * plain)
