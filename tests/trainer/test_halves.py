"""Weights in 16 bits: graphs compute what torch computes with rounded weights, or are refused."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import Tensor, nn

import coop_runtime
from coop_runtime.card import Card, HalfType, Langevin, Latent, Signal
from coop_runtime.errors import CoopError
from coop_trainer.export import bundle as bundle_module
from coop_trainer.export.bundle import write_bundle
from coop_trainer.export.graphs import (
    Blueprint,
    energy_graph,
    export_graph,
    generator_graph,
    posterior_graph,
)
from coop_trainer.export.halves import LIMITS, halved
from coop_trainer.export.parity import check, measure
from coop_trainer.export.statistics import check_statistics, compare

SIGNAL = Signal("texture", 2, 2, (-1.0, 1.0), (0.0, 255.0), (8, 10), (True, True))
LATENT = Latent(channels=6, strides=(2, 2))
TYPES: dict[HalfType, tuple[int, torch.dtype]] = {
    "float16": (TensorProto.FLOAT16, torch.float16),
    "bfloat16": (TensorProto.BFLOAT16, torch.bfloat16),
}


def networks() -> tuple[nn.Module, nn.Module]:
    """Give a generator and a descriptor, of transposed, strided, same-size and full layers."""
    torch.manual_seed(0)
    g = nn.Sequential(nn.ConvTranspose2d(6, 2, 4, 2, 1), nn.Tanh())
    f = nn.Sequential(nn.Conv2d(2, 8, 4, 2, 1), nn.SiLU(), nn.Conv2d(8, 8, 3, padding=1), nn.SiLU())
    return g.eval(), f.eval()


def blueprints(g: nn.Module, f: nn.Module) -> dict[str, Blueprint]:
    f = copy.deepcopy(f).requires_grad_(False)

    def energy(x: Tensor) -> Tensor:
        difference: Tensor = x.square().flatten(1).sum(1) - f(x).flatten(1).sum(1)
        return 1e5 * difference

    return {
        "generator": generator_graph(g, LATENT),
        "posterior": posterior_graph(g, SIGNAL, LATENT, 0.3),
        "energy": energy_graph(energy, SIGNAL, (2, 2)),
    }


@pytest.fixture(scope="module")
def full() -> dict[str, bytes]:
    return {key: export_graph(plan, SIGNAL) for key, plan in blueprints(*networks()).items()}


def settings(**changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": "tiny",
        "energy": blueprints(*networks())["energy"].function,
        "generator": networks()[0],
        "encoder": None,
        "strides": (2, 2),
        "signal": SIGNAL,
        "latent": LATENT,
        "langevin": Langevin(steps=3, step_size=1e-3, max_drift=0.1),
        "sigma": 0.3,
        "training": {},
        "samples": {},
        "precision": "float16",
    }
    return given | changed


@pytest.fixture
def quick(full: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the graphs that there are instead of exporting again."""

    def there(blueprint: Blueprint, _: Signal) -> bytes:
        names = {"energy": "energy", "x": "generator", "log_p": "posterior"}
        return full[names[blueprint.outputs[0]]]

    def energies(energy: Any, signal: Signal, strides: tuple[int, ...]) -> Blueprint:
        return Blueprint(energy, {"x": (signal.channels, strides)}, ("energy", "gradient"), strides)

    monkeypatch.setattr(bundle_module, "export_graph", there)
    monkeypatch.setattr(bundle_module, "energy_graph", energies)


@pytest.mark.parametrize("kind", TYPES)
def test_it_is_torch_with_rounded_weights(full: dict[str, bytes], kind: HalfType) -> None:
    stored = {key: halved(data, kind) for key, data in full.items()}
    rounded = networks()
    for layer in (m for network in rounded for m in network.modules() if hasattr(m, "weight")):
        layer.weight.data = layer.weight.data.to(TYPES[kind][1]).float()
    # Energies and gradients far beyond what float16 holds.
    check(measure(stored, blueprints(*rounded), SIGNAL), atol=1e-6, rtol=1e-5)
    unlike = measure(stored, blueprints(*networks()), SIGNAL, suspicious=LIMITS[kind])
    check(unlike, atol=1e-6, rtol=LIMITS[kind])
    assert min(report.max_relative_error for report in unlike.values()) > 1e-5


@pytest.mark.parametrize("kind", TYPES)
def test_only_weights_are_rounded(full: dict[str, bytes], kind: HalfType) -> None:
    for key, data in full.items():
        graph = onnx.load_from_string(halved(data, kind)).graph
        halves = {t.name: t for t in graph.initializer if t.data_type == TYPES[kind][0]}
        assert halves
        assert all(len(t.dims) == 4 for t in halves.values())
        users = {node.input[0]: node for node in graph.node if set(node.input) & set(halves)}
        assert set(users) == set(halves)
        for node in users.values():
            assert (node.op_type, node.attribute[0].i) == ("Cast", TensorProto.FLOAT)
        values = (*graph.input, *graph.output)
        assert {v.type.tensor_type.elem_type for v in values} == {TensorProto.FLOAT}, key
        sizes = [len(t.raw_data) for t in halves.values()]
        assert len(data) - sum(sizes) < len(halved(data, kind)) + sum(sizes) // 2


def test_a_weight_that_float16_does_not_hold() -> None:
    g, f = networks()
    next(f.parameters()).data[0, 0, 0, 0] = 7e4
    data = export_graph(blueprints(g, f)["energy"], SIGNAL)
    with pytest.raises(CoopError, match=r"reach 7e\+04, more than float16 holds: .*bfloat16"):
        halved(data, "float16")
    halved(data, "bfloat16")


@pytest.mark.usefixtures("quick")
def test_a_bundle_in_16_bits(full: dict[str, bytes], tmp_path: Path) -> None:
    card = write_bundle(tmp_path / "tiny", **settings(), chain=True)
    assert card == Card.from_json((tmp_path / "tiny/card.json").read_bytes())
    precision = card.precision
    assert precision is not None
    assert (precision.weights, precision.parity_limit, precision.samples) == ("float16", 0.05, 16)
    assert {"mean", "sd", "octave_4", "energy"} <= set(precision.statistics)
    assert 0 < max(precision.statistics.values()) < 0.1 < precision.statistics_limit
    worst = [report.max_relative_error for report in card.parity.values()]
    assert 1e-5 < max(worst) < 0.05
    text = (tmp_path / "tiny/README.md").read_text()
    assert "weights are stored as float16" in text
    assert "energy 0" in text
    model = coop_runtime.load(tmp_path / "tiny", "cpu")
    x = model.generate(2, size=(9, 12))
    assert x.dtype == np.float32
    assert (tmp_path / "tiny/generator.onnx").read_bytes() == halved(full["generator"], "float16")
    looped, chained = (model.refined(x, 5, chain=chain) for chain in (False, True))
    np.testing.assert_allclose(chained.x, looped.x, atol=1e-5)
    np.testing.assert_allclose(chained.energy, looped.energy, rtol=1e-5)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rtol": 1e-5}, "parity: .* off torch.*the limit is 1.*e-05: raise --rtol"),
        ({"torchscript": True}, "TorchScript's weights are float32, not float16"),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(CoopError, match=message):
        write_bundle(tmp_path / "tiny", **settings(), **changed)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("quick")
def test_a_float32_graph_that_is_wrong_is_no_matter_of_rounding(tmp_path: Path) -> None:
    energy = settings()["energy"]
    wrong = settings(energy=lambda x: tuple(1.001 * value for value in energy(x)))
    with pytest.raises(CoopError, match=r"graph 'energy' is 0.001 off"):
        write_bundle(tmp_path / "tiny", **wrong)


@pytest.mark.usefixtures("quick")
def test_other_samples_are_refused(full: dict[str, bytes], tmp_path: Path) -> None:
    card = write_bundle(tmp_path / "tiny", **settings(precision=None))
    assert card.precision is None
    same = compare(card, full, full)
    assert set(same.values()) == {0.0}
    check_statistics(same)
    doubled = onnx.load_from_string(full["generator"])
    for tensor in doubled.graph.initializer:
        if len(tensor.dims) == 4:
            values = np.frombuffer(tensor.raw_data, np.float32)
            tensor.raw_data = (2 * values).tobytes()
    other = compare(card, full, full | {"generator": doubled.SerializeToString()})
    assert other["sd"] > 1
    with pytest.raises(CoopError, match=r"samples: .* of its spread.* without --precision"):
        check_statistics(other)
    with pytest.raises(CoopError, match="nan"):
        check_statistics({"mean": float("nan")})
    # A model of noise and energy, and one that only draws.
    alone = replace(card, graphs={"energy": card.graphs["energy"]}, latent=None, sigma=None)
    assert set(compare(alone, full, full).values()) == {0.0}
    draws = {key: graph for key, graph in card.graphs.items() if key != "energy"}
    assert "energy" not in compare(replace(card, graphs=draws, langevin=None), full, full)
