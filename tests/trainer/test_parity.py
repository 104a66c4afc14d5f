"""The parity report finds graphs that differ from torch, and says by how much."""

import math
from dataclasses import replace

import onnx.parser
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.card import Latent, Parity, Signal
from coop_runtime.errors import CoopError
from coop_trainer.export.graphs import (
    Energy,
    energy_graph,
    few_cells,
    generator_graph,
    posterior_graph,
)
from coop_trainer.export.kinks import on_a_kink
from coop_trainer.export.parity import check, measure

SIGNAL = Signal("texture", 1, 1, (-1.0, 1.0), (0.0, 255.0), (8,), (True,))
LATENT = Latent(channels=1, strides=(1,))
HEAD = '<ir_version: 10, opset_import: ["" : 18]>'


class Double(nn.Module):
    """g(z) = scale · z."""

    def __init__(self, scale: float = 2.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.scale * z
        return x


def energy(x: Tensor) -> Tensor:
    return 1e6 * x.square().flatten(1).sum(1)


@pytest.fixture(scope="module")
def graphs() -> dict[str, bytes]:
    """The three graphs of `Double` and `energy`, derived by hand: log p and ∇ are closed forms."""
    texts = {
        "generator": """g (float[batch,1,t] z) => (float[batch,1,t] x) {
            two = Constant <value_float = 2.0> ()
            x = Mul (z, two)
        }""",
        "energy": """g (float[batch,1,t] x) => (float[batch] energy, float[batch,1,t] gradient) {
            gain = Constant <value_float = 1000000.0> ()
            gains = Constant <value_float = 2000000.0> ()
            axes = Constant <value_ints = [1, 2]> ()
            squares = ReduceSumSquare <keepdims = 0> (x, axes)
            energy = Mul (squares, gain)
            gradient = Mul (x, gains)
        }""",
        "posterior": """g
          (float[batch,1,t] z, float[batch,1,t] x, float[batch,1,t] mask, float sigma)
          => (float[batch] log_p, float[batch,1,t] gradient, float[batch,1,t] reconstruction) {
            two = Constant <value_float = 2.0> ()
            axes = Constant <value_ints = [1, 2]> ()
            reconstruction = Mul (z, two)
            difference = Sub (x, reconstruction)
            residual = Mul (mask, difference)
            variance = Mul (sigma, sigma)
            a = ReduceSumSquare <keepdims = 0> (residual, axes)
            b = ReduceSumSquare <keepdims = 0> (z, axes)
            c = Div (a, variance)
            d = Add (c, b)
            e = Neg (d)
            log_p = Div (e, two)
            masked = Mul (residual, mask)
            h = Mul (masked, two)
            i = Div (h, variance)
            gradient = Sub (i, z)
        }""",
    }
    return {k: onnx.parser.parse_model(HEAD + v).SerializeToString() for k, v in texts.items()}


def report(
    graphs: dict[str, bytes],
    energy: Energy = energy,
    generator: nn.Module | None = None,
    sigma: float = 0.3,
    signal: Signal = SIGNAL,
) -> dict[str, Parity]:
    g = generator or Double()
    blueprints = {
        "generator": generator_graph(g, LATENT),
        "energy": energy_graph(energy, signal, (3,)),
        "posterior": posterior_graph(g, signal, LATENT, sigma),
    }
    return measure(graphs, blueprints, signal)


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


def test_a_long_signal_is_compared_on_a_few_cells(graphs: dict[str, bytes]) -> None:
    long = replace(SIGNAL, trained_shape=(3000,))
    sizes = {
        name: {c["shape"][0] for c in r.cases} for name, r in report(graphs, signal=long).items()
    }
    assert sizes == {"generator": {4, 5, 7}, "energy": {12, 15, 21}, "posterior": {4, 5, 7}}


def test_networks_that_refuse_a_few_cells_get_as_many_as_they_need() -> None:
    def mirrored(x: Tensor) -> Tensor:
        return F.pad(x, (8, 8), mode="reflect").square().flatten(1).sum(1)

    long = replace(SIGNAL, trained_shape=(3000,))
    # Nine samples at least, in cells of two.
    assert few_cells(energy_graph(mirrored, long, (2,)), long) == (5,)
    assert few_cells(energy_graph(energy, long, (2,)), long) == (4,)
    # No more than it was trained on, even if that fails: the error is then the network's own.
    short = replace(SIGNAL, trained_shape=(6,))
    assert few_cells(energy_graph(mirrored, short, (2,)), short) == (3,)


def test_a_size_that_cannot_be_extended_is_the_only_one(graphs: dict[str, bytes]) -> None:
    fixed = replace(SIGNAL, trained_shape=(9,), extendable=(False,))
    cases = [(c["batch"], c["shape"]) for c in report(graphs, signal=fixed)["energy"].cases]
    assert cases == [(1, [9]), (3, [9])]


def test_the_report_is_reproducible(graphs: dict[str, bytes]) -> None:
    assert report(graphs) == report(graphs)


def test_another_energy_is_found(graphs: dict[str, bytes]) -> None:
    parity = report(graphs, energy=lambda x: 1.001 * energy(x))
    assert parity["energy"].max_relative_error == pytest.approx(1e-3, rel=0.01)
    with pytest.raises(CoopError, match=r"'energy' of the graph 'energy'.*batch 1, size 9\)"):
        check(parity, atol=1e-6, rtol=1e-5)
    check(parity, atol=1e-6, rtol=2e-3)


def test_another_generator_is_found(graphs: dict[str, bytes]) -> None:
    with pytest.raises(CoopError, match="graph 'generator'"):
        check(report(graphs, generator=Double(2.001)), atol=1e-6, rtol=1e-5)


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


def test_a_kink_is_drawn_again_but_no_other_difference() -> None:
    def slopes(x: Tensor) -> tuple[Tensor, ...]:
        return (torch.where(x > 1, 2.0, 1.0),)

    on, off = torch.tensor([1.0, 3.0]), torch.tensor([1.1, 3.0])
    # On the kink, torch's own slopes jump by 1; a graph may be on the other side of it.
    assert on_a_kink(slopes, [on], slopes(on), [0.5])
    assert not on_a_kink(slopes, [on], slopes(on), [1.5])
    assert not on_a_kink(slopes, [off], slopes(off), [0.5])
    assert not on_a_kink(slopes, [off], slopes(off), [1e-7])
    assert not on_a_kink(slopes, [on], slopes(on), [math.nan])
