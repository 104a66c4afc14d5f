"""The chain graph equals the numpy loop, and its random numbers those of the runtime."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from coop_runtime import Card, CoopError, GraphError, MissingGraphError, Model, load
from coop_runtime.binding import run_bound
from coop_runtime.card import CARD_FILE, Entry, Graph
from coop_runtime.philox import Purpose, Stream, normal
from coop_trainer.export.chain import chain_graph
from coop_trainer.export.nodes import Nodes
from coop_trainer.export.randoms import block, keys
from coop_trainer.export.randoms import normal as normal_nodes

F = NDArray[np.float32]
STREAM = Stream(seed=2**63 + 12345, example=7, purpose=Purpose.DAMAGE, chain=3)


@pytest.fixture(scope="module")
def chain_bytes(tiny_files: dict[str, bytes]) -> bytes:
    return chain_graph(tiny_files["energy.onnx"])


@pytest.fixture
def chained(tiny_bundle: Path, chain_bytes: bytes) -> Path:
    """Add the chain to the tiny bundle, E(x) = ½‖x‖²."""
    (tiny_bundle / "chain.onnx").write_bytes(chain_bytes)
    card = Card.from_json((tiny_bundle / CARD_FILE).read_text())
    assert card.langevin is not None
    x, graph = ("batch", 3, "H", "W"), onnx.load_from_string(chain_bytes).graph
    scalars = {value.name: () for value in graph.input if value.name not in ("x", "stream")}
    chain = Graph(
        "chain.onnx",
        (4, 4),
        {**scalars, "x": x, "stream": ("batch", 5), "origin": ("batch", 2)},
        {"end": x, "gradient": x, "energies": ("batch", "states")},
    )
    entry = Entry(hashlib.sha256(chain_bytes).hexdigest(), len(chain_bytes))
    changed = replace(
        card,
        graphs=card.graphs | {"chain": chain},
        files=card.files | {"chain.onnx": entry},
        langevin=replace(card.langevin, max_drift=0.003),
    )
    (tiny_bundle / CARD_FILE).write_text(changed.to_json())
    return tiny_bundle


def drawn(shape: tuple[int, ...], step: int, origin: tuple[int, ...]) -> list[F]:
    """Let a graph give the keys of steps 10 to 13, and the normal numbers of one of them."""
    dims, nodes = len(shape) - 1, Nodes("t_")
    of_all = keys(nodes, "stream", "steps", "first_step")
    place = block(nodes, "x", "origin", dims)
    key = nodes.add("Gather", of_all, nodes.scalar(step - 10), axis=0)
    outputs = [of_all, normal_nodes(nodes, place, key, dims)]
    whole, real, info = TensorProto.INT64, TensorProto.FLOAT, helper.make_tensor_value_info
    inputs = [info("x", real, [None] * (2 + dims)), info("stream", whole, [5])]
    inputs += [
        info("origin", whole, [dims]),
        info("steps", whole, []),
        info("first_step", whole, []),
    ]
    results = [info(outputs[0], whole, None), info(outputs[1], real, None)]
    graph = helper.make_graph(nodes.nodes, "g", inputs, results, nodes.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    s = STREAM
    words = [s.seed & 0xFFFFFFFF, s.seed >> 32, s.example, s.purpose, s.chain]
    feed = {"x": np.zeros((1, *shape), np.float32), "stream": np.array(words)}
    feed |= {"origin": np.array(origin), "steps": np.array(4), "first_step": np.array(10)}
    found: list[F] = session.run(outputs, feed)
    return found


@pytest.mark.parametrize(
    ("shape", "origin"),
    [((1, 4097), (5,)), ((3, 16, 20), (0, 0)), ((2, 9, 51), (3, 14)), ((2, 3, 8, 9), (1, 0, 2))],
)
def test_numbers_are_the_runtimes(shape: tuple[int, ...], origin: tuple[int, ...]) -> None:
    for step in (10, 13):
        of_all, numbers = drawn(shape, step, origin)
        # Integers exactly: Philox makes a step's key too, which its first round takes.
        assert tuple(of_all[step - 10, 0]) == STREAM.key(step)
        np.testing.assert_allclose(numbers[0], normal(STREAM, shape, step, origin), atol=2e-6)


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (7, 13)])
def test_the_chain_is_the_loop(chained: Path, noise: bool, size: tuple[int, int]) -> None:
    model = load(chained, "cpu")
    x = np.random.default_rng(0).uniform(-1.2, 1.2, (3, 3, *size)).astype(np.float32)
    found = model.refined(x, 30, seed=2**40, noise=noise, first=5, chain=True)
    *_, expected = model.refine(x, 30, seed=2**40, noise=noise, first=5)
    assert found.step == expected.step == 30
    assert np.abs(expected.x - x).max() > 0.05
    for value, reference in zip(found[1:], expected[1:], strict=True):
        assert value.shape == reference.shape
        np.testing.assert_allclose(value, reference, rtol=1e-5, atol=1e-5)
    # The bundle has it and this is the CPU: it is what is taken.
    default = model.refined(x, 30, seed=2**40, noise=noise, first=5)
    assert default.x.tobytes() == found.x.tobytes()
    alone = model.refined(x[1:2], 30, seed=2**40, noise=noise, first=6)
    assert alone.x.tobytes() == found.x[1:2].tobytes()


def test_no_steps_and_no_limits(chained: Path) -> None:
    model = load(chained, "cpu")
    assert model.card.langevin is not None
    x = np.random.default_rng(1).uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)
    still = model.refined(x, 0, chain=True)
    assert still.x.tobytes() == x.tobytes()
    np.testing.assert_allclose(still.energy, model.energy(x))
    free = replace(model.card.langevin, max_drift=None, clamp=False)
    unlimited = Model(replace(model.card, langevin=free), model.graphs, "cpu")
    found = unlimited.refined(x, 12, noise=False, chain=True)
    np.testing.assert_allclose(found.x, x * (1 - 0.1**2 / 2) ** 12, rtol=1e-5)
    # On a GPU the loop is taken unless the chain is asked for.
    on_cuda = Model(model.card, model.graphs, "cuda:0")
    looped = model.refined(x, 5, chain=False)
    assert on_cuda.refined(x, 5).x.tobytes() == looped.x.tobytes()


def test_binding_to_the_devices_memory_changes_nothing(chained: Path) -> None:
    model = load(chained, "cpu")
    x = np.random.default_rng(2).uniform(-1, 1, (2, 3, 8, 8)).astype(np.float32)
    expected = model.refined(x, 4, chain=True)
    model.graphs["chain"]._bound = "cpu"
    found = model.refined(x, 4, chain=True)
    for value, reference in zip(found[1:], expected[1:], strict=True):
        assert value.tobytes() == reference.tobytes()
    session = model.graphs["energy"]._session
    energy, gradient = run_bound(session, "cpu", ["energy", "gradient"], {"x": x[:1]})
    assert gradient.tobytes() == x[:1].tobytes()
    np.testing.assert_allclose(energy, [0.5 * (x[0] ** 2).sum()], rtol=1e-6)


def test_a_bundle_without_chain(tiny_bundle: Path) -> None:
    model = load(tiny_bundle, "cpu")
    x = np.zeros((1, 3, 8, 8), np.float32)
    assert model.refined(x, 2).step == 2
    with pytest.raises(MissingGraphError, match=r"no chain.*--chain"):
        model.refined(x, 2, chain=True)


def test_a_chain_whose_numbers_are_of_another_type(chained: Path, chain_bytes: bytes) -> None:
    model = onnx.load_from_string(chain_bytes)
    for value in model.graph.input:
        if value.name == "noise":
            value.type.tensor_type.elem_type = TensorProto.INT64
    data = model.SerializeToString()
    (chained / "chain.onnx").write_bytes(data)
    card = Card.from_json((chained / CARD_FILE).read_text())
    entry = Entry(hashlib.sha256(data).hexdigest(), len(data))
    changed = replace(card, files=card.files | {"chain.onnx": entry})
    (chained / CARD_FILE).write_text(changed.to_json())
    with pytest.raises(GraphError, match=r"chain.onnx"):
        load(chained, "cpu")


def test_a_chain_needs_an_energy_of_its_strides(chained: Path) -> None:
    card = Card.from_json((chained / CARD_FILE).read_text())
    graphs = card.graphs | {"chain": replace(card.graphs["chain"], strides=(2, 2))}
    with pytest.raises(CoopError, match="chain': expected the energy's strides"):
        replace(card, graphs=graphs)
    without = {name: graph for name, graph in card.graphs.items() if name != "energy"}
    with pytest.raises(CoopError, match="a chain needs an energy"):
        replace(card, graphs=without, langevin=None)
