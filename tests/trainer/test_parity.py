"""The parity report finds graphs that differ from torch, and says by how much."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coop_runtime.card import Latent, Parity, Signal
from coop_runtime.errors import CoopError
from coop_trainer.export.graphs import energy_graph, generator_graph, posterior_graph
from coop_trainer.export.parity import check, measure

SIGNAL = Signal("texture", 1, 1, (-1.0, 1.0), (0.0, 255.0), (8,))
LATENT = Latent(channels=2, stride=2)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.ConvTranspose1d(2, 1, 4, 2, 1), nn.Tanh())


def energy(x: Tensor) -> Tensor:
    return 1e6 * x.pow(4).flatten(1).sum(1)


@pytest.fixture(scope="module")
def graphs() -> dict[str, bytes]:
    g = network()
    return {
        "generator": generator_graph(g, latent_channels=2, dims=1),
        "energy": energy_graph(energy, channels=1, dims=1, stride=3),
        "posterior": posterior_graph(g, latent_channels=2, channels=1, dims=1, stride=2),
    }


def report(graphs: dict[str, bytes], **changed: Any) -> dict[str, Parity]:
    given = {"energy": energy, "generator": network(), "sigma": 0.3, "stride": 3} | changed
    return measure(graphs, signal=SIGNAL, latent=LATENT, **given)


def test_true_graphs_pass(graphs: dict[str, bytes]) -> None:
    parity = report(graphs)
    check(parity, atol=1e-6, rtol=1e-5)
    assert set(parity) == {"generator", "energy", "posterior"}
    for entry in parity.values():
        errors = [e for case in entry.cases for e in case["relative_error"].values()]
        assert entry.max_relative_error == max(errors) < 1e-6


def test_cases_are_three_sizes_at_two_batches(graphs: dict[str, bytes]) -> None:
    cases = [(c["batch"], c["shape"]) for c in report(graphs)["energy"].cases]
    # The training size 8, rounded up to the stride 3, and one and three cells more.
    assert cases == [(b, [n]) for b in (1, 3) for n in (9, 12, 18)]


def test_the_report_is_reproducible(graphs: dict[str, bytes]) -> None:
    assert report(graphs) == report(graphs)


def test_another_energy_is_found(graphs: dict[str, bytes]) -> None:
    parity = report(graphs, energy=lambda x: 1.001 * energy(x))
    assert parity["energy"].max_relative_error == pytest.approx(1e-3, rel=0.01)
    with pytest.raises(CoopError, match=r"'energy' of the graph 'energy' .* batch 1, size 9\)"):
        check(parity, atol=1e-6, rtol=1e-5)
    check(parity, atol=1e-6, rtol=2e-3)


def test_another_generator_is_found(graphs: dict[str, bytes]) -> None:
    other = network()
    with torch.no_grad():
        other[0].bias.add_(1e-3)  # type: ignore[index,union-attr,operator]
    with pytest.raises(CoopError, match="graph 'generator'"):
        check(report(graphs, generator=other), atol=1e-6, rtol=1e-5)


def case(error: float, largest: float) -> dict[str, Parity]:
    row = {"batch": 1, "shape": [8], "relative_error": {"x": error}, "largest": {"x": largest}}
    return {"generator": Parity(error, (row,))}


def test_atol_spares_only_tiny_values() -> None:
    check(case(1e-3, 1e-4), atol=1e-6, rtol=1e-5)
    check(case(1e-7, 0.0), atol=1e-6, rtol=1e-5)
    with pytest.raises(CoopError):
        check(case(1e-3, 1.0), atol=1e-6, rtol=1e-5)
    with pytest.raises(CoopError):
        check(case(1e-3, 0.0), atol=1e-6, rtol=1e-5)


def test_nan_is_refused() -> None:
    with pytest.raises(CoopError, match="nan"):
        check(case(math.nan, 1.0), atol=1e-6, rtol=1e-5)


def test_nan_of_a_graph_reaches_the_report(graphs: dict[str, bytes]) -> None:
    parity = report(graphs, sigma=math.nan)
    assert math.isnan(parity["posterior"].max_relative_error)
    with pytest.raises(CoopError, match="graph 'posterior'"):
        check(parity, atol=1e-6, rtol=1e-5)


def test_a_file_that_is_no_graph(graphs: dict[str, bytes]) -> None:
    with pytest.raises(CoopError, match="cannot load this graph"):
        report(dict(graphs, energy=b"no graph"))


def test_training_size_is_rounded_up(graphs: dict[str, bytes]) -> None:
    signal = dataclasses.replace(SIGNAL, trained_shape=(7,))
    parity = measure(
        graphs,
        energy=energy,
        generator=network(),
        signal=signal,
        latent=LATENT,
        stride=3,
        sigma=0.3,
    )
    assert parity["generator"].cases[0]["shape"] == [8]
