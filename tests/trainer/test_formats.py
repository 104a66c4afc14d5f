"""The other formats: TorchScript and Triton's model repository, for every signal."""

import hashlib
import json
import shutil
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from torch import nn

import coop_runtime
from coop_runtime import ArgumentError, BundleError, CoopError, Model
from coop_runtime.card import CARD_FILE, Card
from coop_runtime.graphs import LoadedGraph
from coop_trainer.config import configure
from coop_trainer.data import Kind, Signals
from coop_trainer.export import triton
from coop_trainer.export.from_run import export_run
from coop_trainer.export.torchscript import to_torchscript
from coop_trainer.export.triton import MAX_BATCH, export_repository
from coop_trainer.loop import run
from coop_trainer.presets import load_preset
from coop_trainer.start import begin

KINDS: tuple[Kind, ...] = ("texture", "images", "sound", "clips")
STACKS = {
    "texture": (1, 14, 15, 1),
    "images": (6, 8, 8, 3),
    "sound": (1, 160, 1),
    "clips": (1, 7, 8, 8, 3),
}
LONGER = {"texture": (9, 13), "images": (8, 8), "sound": (75,), "clips": (7, 8, 8)}
GRAPHS = {"generator", "energy", "posterior", "encoder"}


@pytest.fixture(scope="module", params=KINDS)
def learned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the divergence triangle, which has all four graphs."""
    kind, here = request.param, tmp_path_factory.mktemp("learned")
    size = ["data.size=8"] if kind == "images" else []
    config = configure(
        load_preset(kind, "quick"),
        file=Path(__file__).parent.parent / f"tiny-{kind}.toml",
        pairs=["method=triangle", "loop.steps=2", *size],
    )
    levels = np.random.default_rng(0).integers(0, 256, STACKS[kind], dtype=np.uint8)
    stack = (levels / 500 - 0.25).astype(np.float32) if kind == "sound" else levels
    source = (-1.0, 1.0) if kind == "sound" else (0.0, 255.0)
    rate = {"sound": 8000.0, "clips": 12.5}.get(kind)
    signals = Signals(kind, ("file",), (stack,), source, rate=rate)
    training, folder = begin(here / "rain", config, lambda _: signals, torch.device("cpu"))
    run(training, folder, say=lambda _: None)
    return folder.path


@pytest.fixture(scope="module")
def bundle(learned: Path) -> Path:
    target = learned.parent / "bundle"
    export_run(learned, target, torchscript=True)
    return target


@pytest.fixture(scope="module")
def models(bundle: Path) -> tuple[Model, Model]:
    """Played by ONNX Runtime, and by torch."""
    onnx, script = (coop_runtime.load(bundle, "cpu", backend=b) for b in ("auto", "torchscript"))
    assert {g.engine for g in onnx.graphs.values()} == {"onnxruntime"}
    assert {g.engine for g in script.graphs.values()} == {"torch"}
    return onnx, script


def close(found: Any, expected: Any) -> None:
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_card_describes_the_programs_and_their_parity(bundle: Path) -> None:
    card = coop_runtime.read_card(bundle)
    assert card.torchscript is not None
    assert set(card.torchscript.files) == set(card.torchscript.parity) == GRAPHS
    for name, report in card.torchscript.parity.items():
        assert report.max_relative_error <= 1e-6
        sizes = [(case["batch"], case["shape"]) for case in report.cases]
        assert sizes == [(case["batch"], case["shape"]) for case in card.parity[name].cases]
        data = (bundle / card.torchscript.files[name]).read_bytes()
        assert str(Path(__file__).parent.parent.parent).encode() not in data
    text = (bundle / "README.md").read_text()
    assert "| graph | ONNX Runtime | TorchScript | cases |" in text
    assert "`energy.pt`" in text
    assert Card.from_json(card.to_json()) == card


def test_both_backends_give_the_same(models: tuple[Model, Model]) -> None:
    kind = models[0].card.signal.kind
    x, found = (model.generate(2, seed=1, size=LONGER[kind]) for model in models)
    close(found, x)
    results = []
    for model in models:
        code = model.encode(x)
        mask = np.ones_like(x)
        mask[..., 3:] = 0
        results.append(
            [
                *code,
                *model.energy_and_gradient(x),
                *model.log_posterior(code.mean, x, mask, sigma=0.2),
                *(part for state in model.refine(x, steps=2, seed=3) for part in state[1:]),
            ]
        )
    for expected, other in zip(*results, strict=True):
        close(other, expected)


def test_programs_repeat_themselves_in_any_batch_and_thread(models: tuple[Model, Model]) -> None:
    model = models[1]
    x = model.noise(3, seed=2)
    expected = [a.tobytes() for a in model.energy_and_gradient(x)]
    for _ in range(3):  # torch compiles a program anew when it has seen two calls
        assert [a.tobytes() for a in model.energy_and_gradient(x)] == expected
    alone = [model.energy_and_gradient(x[k : k + 1]) for k in range(3)]
    assert [np.concatenate(a).tobytes() for a in zip(*alone, strict=True)] == expected
    with ThreadPoolExecutor(4) as pool:
        for energy, gradient in pool.map(model.energy_and_gradient, [x] * 8):
            assert [energy.tobytes(), gradient.tobytes()] == expected


def test_it_is_called_as_any_torchscript(bundle: Path, models: tuple[Model, Model]) -> None:
    """By position, any batch at once, with nothing of ours."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.load` is deprecated")
        forward = torch.jit.load(bundle / "energy.pt")  # type: ignore[no-untyped-call]
    x = models[0].noise(3, seed=1)
    energy, gradient = forward(torch.from_numpy(x))
    expected = models[0].energy_and_gradient(x)
    close(energy.numpy(), expected[0])
    close(gradient.numpy(), expected[1])


def refused(kind: type[CoopError], message: str, play: Callable[[], Any]) -> None:
    with pytest.raises(kind) as caught:
        play()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


one_signal = pytest.mark.parametrize("learned", ["texture"], indirect=True)


@one_signal
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "torch"}, "backend: expected 'auto', 'onnx' or 'torchscript', found 'torch'"),
        ({"threads": 2}, "threads: torch has one number for the whole process"),
        ({"device": "tpu"}, "device: expected auto, cpu, cuda or cuda:N, found 'tpu'"),
        ({"device": "cuda:77"}, "device: 'cuda:77' cannot be had"),
    ],
)
def test_wrong_calls(bundle: Path, options: dict[str, Any], message: str) -> None:
    refused(
        ArgumentError,
        message,
        lambda: coop_runtime.load(bundle, **{"backend": "torchscript", **options}),
    )


def changed(bundle: Path, folder: Path, data: bytes) -> Path:
    """Copy a bundle with another ``energy.pt``, in agreement with its card."""
    shutil.copytree(bundle, folder)
    (folder / "energy.pt").write_bytes(data)
    card = json.loads((folder / CARD_FILE).read_bytes())
    card["files"]["energy.pt"] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }
    (folder / CARD_FILE).write_text(json.dumps(card))
    return folder


@one_signal
def test_wrong_programs(bundle: Path, tmp_path: Path) -> None:
    class Twice(nn.Module):
        def forward(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return y.sum(1), 2 * y

    other = to_torchscript(torch.fx.symbolic_trace(Twice()), ["y"])
    whole = (bundle / "energy.pt").read_bytes()
    refused(
        BundleError,
        "energy.pt: expected (x: Tensor) -> Tuple[Tensor, Tensor], found (y: Tensor) -> ",
        lambda: coop_runtime.load(changed(bundle, tmp_path / "a", other), backend="torchscript"),
    )
    for k, data in enumerate((b"", b"no program", whole[: len(whole) // 2])):
        folder = changed(bundle, tmp_path / str(k), data)
        refused(
            BundleError,
            "cannot load this graph",
            partial(coop_runtime.load, folder, backend="torchscript"),
        )
        assert coop_runtime.load(folder, "cpu").generate().shape == (1, 1, 8, 8)
    (folder / "energy.pt").write_bytes(whole)
    refused(CoopError, "energy.pt", lambda: coop_runtime.load(folder, backend="torchscript"))


def test_a_program_that_fails_is_one_line(models: tuple[Model, Model]) -> None:
    graph = models[1].graphs["encoder"]
    x = np.zeros((1, *models[0].card.signal.trained_shape, 1), np.float32)  # channels last
    lax = LoadedGraph(replace(graph.spec, inputs={"x": ("a",) * x.ndim}), graph._session, "torch")
    refused(CoopError, "encoder.pt: torch failed: ", lambda: lax.run({"x": x}, {"mean": ()}))


@one_signal
def test_without_torch(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    load = coop_runtime.load
    refused(CoopError, "needs torch", lambda: load(bundle, backend="torchscript"))
    assert load(bundle, "cpu").generate().shape == (1, 1, 8, 8)


@one_signal
def test_the_card_keeps_programs_and_graphs_together(bundle: Path) -> None:
    card = json.loads((bundle / CARD_FILE).read_bytes())
    programs = card["torchscript"]["files"]

    def of(files: dict[str, str]) -> Callable[[], Card]:
        edited = card | {"torchscript": {"files": files, "parity": {}}}
        return lambda: Card.from_json(json.dumps(edited))

    refused(CoopError, "torchscript: expected the graphs encoder, ", of({"energy": "energy.pt"}))
    refused(
        CoopError, "'no.pt' of the program 'energy' is missing", of({**programs, "energy": "no.pt"})
    )
    refused(CoopError, "expected a file name inside", of({**programs, "energy": "../energy.pt"}))


def model_config() -> Any:
    """Give the class of Triton's ``ModelConfig`` message, as far as we write it."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", syntax="proto3")
    kind = file.enum_type.add(name="DataType")
    kind.value.add(name="TYPE_INVALID", number=0)
    kind.value.add(name="TYPE_FP32", number=11)

    def message(name: str, *fields: tuple[str, int, bool, int, str]) -> None:
        added = file.message_type.add(name=name)
        for field, number, many, type_, of in fields:
            label = kinds.LABEL_REPEATED if many else kinds.LABEL_OPTIONAL
            added.field.add(
                name=field, number=number, label=label, type=type_, type_name=of or None
            )

    message("Reshape", ("shape", 1, True, kinds.TYPE_INT64, ""))
    message(
        "Tensor",
        ("name", 1, False, kinds.TYPE_STRING, ""),
        ("data_type", 2, False, kinds.TYPE_ENUM, ".DataType"),
        ("dims", 3, True, kinds.TYPE_INT64, ""),
        ("reshape", 4, False, kinds.TYPE_MESSAGE, ".Reshape"),
    )
    message(
        "ModelConfig",
        ("name", 1, False, kinds.TYPE_STRING, ""),
        ("max_batch_size", 4, False, kinds.TYPE_INT32, ""),
        ("input", 5, True, kinds.TYPE_MESSAGE, ".Tensor"),
        ("output", 6, True, kinds.TYPE_MESSAGE, ".Tensor"),
        ("backend", 17, False, kinds.TYPE_STRING, ""),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("ModelConfig"))


def shapes(values: Any) -> dict[str, list[int]]:
    """Give the shape that a graph's inputs or outputs have; −1 where it is free."""
    return {v.name: [d.dim_value or -1 for d in v.type.tensor_type.shape.dim] for v in values}


def test_triton_is_told_what_the_graphs_are(bundle: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    export_repository(bundle, models)
    folders = {p.name for p in models.iterdir() if p.is_dir()}
    assert folders == {f"bundle_{graph}" for graph in GRAPHS}
    for key in GRAPHS:
        folder = models / f"bundle_{key}"
        config = text_format.Parse((folder / "config.pbtxt").read_text(), model_config()())
        assert (config.name, config.backend) == (folder.name, "onnxruntime")
        graph = onnx.load(folder / "1" / "model.onnx").graph
        given = shapes((*graph.input, *graph.output))
        # Every shape begins with the batch, or Triton must not add one.
        assert config.max_batch_size == (0 if key == "posterior" else MAX_BATCH)
        batch = [-1] * (config.max_batch_size > 0)
        assert [t.name for t in config.input] == [v.name for v in graph.input]
        assert [t.name for t in config.output] == [v.name for v in graph.output]
        for tensor in (*config.input, *config.output):
            assert tensor.data_type == 11
            assert len(tensor.dims) > 0
            if tensor.name == "sigma":
                # Triton's backend wants [1], and makes it a scalar.
                assert (list(tensor.dims), given["sigma"]) == ([1], [])
                assert not tensor.HasField("reshape")
                continue
            dims = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
            assert batch + list(dims) == given[tensor.name]
            assert np.prod(tensor.dims) == np.prod(dims)
    card = coop_runtime.read_card(models)
    assert set(card.graphs) == GRAPHS
    assert "| `bundle_energy` | `x` (batch, " in (models / "README.md").read_text()


@one_signal
def test_a_run_becomes_a_repository_of_its_name(
    learned: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(run: Path, target: Path, **_: float) -> None:
        assert run == learned
        shutil.copytree(bundle, target)
        card = json.loads((target / CARD_FILE).read_bytes())
        (target / CARD_FILE).write_text(json.dumps(card | {"name": target.name}))

    monkeypatch.setattr(triton, "export_run", export)
    export_repository(learned, tmp_path / "models")
    assert (tmp_path / "models/rain_energy/config.pbtxt").exists()


@one_signal
@pytest.mark.parametrize("name", ["../../rain", "..", "C:rain"])
def test_a_name_that_leads_out_of_the_repository(bundle: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(bundle, tmp_path / "bad"))
    card = json.loads((folder / CARD_FILE).read_bytes())
    (folder / CARD_FILE).write_text(json.dumps(card | {"name": name}))
    refused(CoopError, "name: ", lambda: export_repository(folder, tmp_path / "models"))
    assert [p.name for p in tmp_path.iterdir()] == ["bad"]


@one_signal
def test_an_existing_repository_is_refused_and_kept(bundle: Path, tmp_path: Path) -> None:
    refused(CoopError, "exists already", lambda: export_repository(bundle, tmp_path))
    assert list(tmp_path.iterdir()) == []
