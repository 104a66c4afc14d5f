"""A bundle appears whole or not at all, and its card tells the truth."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

import coop_runtime
from coop_runtime.card import Card, Langevin, Latent, Signal
from coop_runtime.errors import CoopError
from coop_runtime.files import write_atomically
from coop_trainer.export import bundle as bundle_module
from coop_trainer.export.bundle import write_bundle
from coop_trainer.export.chain import chain_graph
from coop_trainer.export.graphs import Blueprint
from coop_trainer.export.readme import model_readme

PNG = b"\x89PNG not really"


def energy(x: Tensor) -> Tensor:
    return x.square().flatten(1).sum(1) / 2


def settings(**changed: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    given: dict[str, Any] = {
        "name": "tiny",
        "energy": energy,
        "generator": nn.Sequential(nn.ConvTranspose2d(3, 1, 4, 2, 1), nn.Tanh()),
        "encoder": None,
        "strides": (1, 1),
        "signal": Signal("texture", 2, 1, (-1.0, 1.0), (0.0, 255.0), (6, 9), (True, True)),
        "latent": Latent(channels=3, strides=(2, 2)),
        "langevin": Langevin(steps=5, step_size=0.1),
        "sigma": 0.3,
        "training": {"pictures": ["a|b"], "licence": "CC0", "loop": {"steps": 7}},
        "samples": {"draft.png": PNG},
    }
    return given | changed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "tiny"
    card = write_bundle(folder, **settings())
    assert card == Card.from_json((folder / "card.json").read_bytes())
    return folder


@pytest.fixture
def quick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the graphs of the bundle that is there instead of exporting again."""

    def there(blueprint: Blueprint, _: Signal) -> bytes:
        name = {"energy": "energy", "x": "generator", "log_p": "posterior"}[blueprint.outputs[0]]
        return (folder / f"{name}.onnx").read_bytes()

    monkeypatch.setattr(bundle_module, "export_graph", there)


def read(folder: Path) -> Card:
    return Card.from_json((folder / "card.json").read_bytes())


def test_every_file_is_in_the_card_with_its_checksum(folder: Path) -> None:
    card = read(folder)
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == {*card.files, "card.json"}
    assert {"README.md", "samples/draft.png", "energy.onnx"} <= set(card.files)
    for path, entry in card.files.items():
        data = (folder / path).read_bytes()
        assert (entry.sha256, entry.bytes) == (hashlib.sha256(data).hexdigest(), len(data))


def test_the_card_describes_the_graphs(folder: Path) -> None:
    card = read(folder)
    assert card.graphs["generator"].inputs == {"z": ("batch", 3, "h", "w")}
    assert card.graphs["generator"].outputs == {"x": ("batch", 1, "2*h", "2*w")}
    strides = [card.graphs[k].strides for k in ("generator", "energy", "posterior")]
    assert strides == [(2, 2), (1, 1), (2, 2)]
    assert card.graphs["posterior"].inputs["sigma"] == ()
    for graph in card.graphs.values():
        onnx.checker.check_model(onnx.load(folder / graph.file), full_check=True)


def test_the_card_names_versions_and_parity(folder: Path) -> None:
    card = read(folder)
    assert set(card.versions) == {"coopnets", "torch", "onnx", "onnxruntime", "numpy", "python"}
    assert card.versions["torch"] == str(torch.__version__)
    assert set(card.parity) == {"generator", "energy", "posterior"}
    assert all(0 <= p.max_relative_error <= 1e-5 for p in card.parity.values())
    assert card.training["loop"] == {"steps": 7}


def test_the_runtime_plays_it(folder: Path) -> None:
    model = coop_runtime.load(folder, device="cpu")
    draft = model.generate(n=2, seed=0, size=(7, 11))
    assert draft.shape == (2, 1, 7, 11)
    np.testing.assert_allclose(model.energy(draft), (draft**2).sum((1, 2, 3)) / 2, rtol=1e-5)


def test_readme_shows_what_a_reader_needs(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    for part in ("# tiny", "![draft.png](samples/draft.png)", "coop-run generate", "CC0"):
        assert part in text
    assert 'coop_runtime.load("tiny")' in text
    assert "| loop.steps | 7 |" in text
    assert "a\\|b" in text
    assert "| posterior |" in text
    assert str(folder.parent) not in text


def test_the_readme_without_samples_licence_or_training(folder: Path) -> None:
    data = json.loads((folder / "card.json").read_text())
    data["files"] = {k: v for k, v in data["files"].items() if k.endswith(".onnx")}
    card = Card.from_json(json.dumps(data | {"training": {}, "parity": {}, "versions": {}}))
    text = model_readme(card)
    assert "## Samples" not in text
    assert "Licence" not in text
    assert "\n\n\n" not in text


@pytest.mark.usefixtures("quick")
def test_the_same_model_gives_the_same_card(folder: Path, tmp_path: Path) -> None:
    card = write_bundle(tmp_path / "again", **settings())
    assert card == read(folder)


@pytest.mark.usefixtures("quick")
def test_an_existing_target_is_refused_and_kept(tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.mkdir()
    (target / "precious").write_text("mine")
    with pytest.raises(CoopError, match="exists already"):
        write_bundle(target, **settings())
    assert [p.name for p in tmp_path.rglob("*")] == ["there", "precious"]


@pytest.mark.usefixtures("quick")
def test_parity_over_the_limit_writes_nothing(tmp_path: Path) -> None:
    changed = settings(energy=lambda x: 1.01 * energy(x))
    with pytest.raises(CoopError, match="parity: 'energy' of the graph 'energy'"):
        write_bundle(tmp_path / "new", **changed)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    written: list[str] = []

    def full(path: Path, data: bytes) -> None:
        if len(written) == 3:
            raise failure
        written.append(path.name)
        write_atomically(path, data)

    monkeypatch.setattr(bundle_module, "write_atomically", full)
    with pytest.raises(type(failure)):
        write_bundle(tmp_path / "deep" / "new", **settings())
    assert len(written) == 3
    assert not list(tmp_path.iterdir())


class Split(nn.Module):
    """A tiny encoder of the tiny generator's latent."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 6, 2, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        mean, log_variance = self.layer(x).chunk(2, 1)
        return mean, log_variance


def test_a_model_that_only_draws_and_encodes(tmp_path: Path) -> None:
    given = settings(energy=None, langevin=None, encoder=Split(), strides=())
    card = write_bundle(tmp_path / "new", **given)
    assert set(card.graphs) == set(card.parity) == {"generator", "posterior", "encoder"}
    assert card.graphs["encoder"].strides == (2, 2)
    model = coop_runtime.load(tmp_path / "new", "cpu")
    x = model.generate(2, size=(6, 8))
    mean, log_variance = (v.detach().numpy() for v in given["encoder"](torch.from_numpy(x)))
    code = model.encode(x)
    np.testing.assert_allclose(code.mean, mean, atol=1e-6)
    np.testing.assert_allclose(code.log_variance, log_variance, atol=1e-6)
    text = (tmp_path / "new/README.md").read_text()
    assert "a generator draws." in text
    assert "--refine" not in text
    assert "model.refine" not in text


def test_a_sound_that_is_only_judged(tmp_path: Path) -> None:
    sound = Signal("sound", 1, 1, (-1.0, 1.0), (-0.5, 0.5), (30,), (True,), rate=8000.0)
    absent = {"generator": None, "latent": None, "sigma": None}
    given = settings(**absent, signal=sound, strides=(10,), samples={"sample.wav": b"RIFF"})
    card = write_bundle(tmp_path / "new", **given)
    assert set(card.graphs) == {"energy"}
    assert (card.latent, card.sigma) == (None, None)
    assert card.graphs["energy"].inputs == {"x": ("batch", 1, "10*t")}
    text = (tmp_path / "new/README.md").read_text()
    for part in ("\n[sample.wav](samples/sample.wav)", "8000 samples per second", "-o out.wav"):
        assert part in text
    assert "x = model.noise(n=1, seed=0, size=(60,))" in text
    assert "to_samples" in text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"langevin": None}, "energy and langevin: give both or none"),
        ({"energy": None}, "energy and langevin: give both or none"),
        ({"sigma": None}, "generator, latent and sigma: give all or none"),
        ({"generator": None}, "generator, latent and sigma: give all or none"),
        (
            {"generator": None, "latent": None, "sigma": None, "encoder": Split()},
            "encoder: give it only with a generator",
        ),
    ],
)
def test_parts_that_do_not_fit(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_bundle(tmp_path / "new", **settings(**changed))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("quick")
def test_a_bundle_with_the_chain(tmp_path: Path) -> None:
    write_bundle(tmp_path / "tiny", **settings(), chain=True)
    model = coop_runtime.load(tmp_path / "tiny", device="cpu")
    assert "chain" in model.graphs
    x = model.generate(n=2, seed=0, size=(7, 10))
    *_, expected = model.refine(x, 6)
    found = model.refined(x, 6, chain=True)
    np.testing.assert_allclose(found.x, expected.x, atol=1e-5)
    np.testing.assert_allclose(found.energy, expected.energy, rtol=1e-5)
    report = model.card.parity["chain"]
    assert report.max_relative_error <= 1e-5
    assert [set(case["relative_error"]) for case in report.cases] == [
        {"end", "gradient", "energy"}
    ] * 6
    assert "\n| chain | " in (tmp_path / "tiny/README.md").read_text()


@pytest.mark.usefixtures("quick")
def test_a_wrong_chain_is_not_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(energy: bytes) -> bytes:
        model = onnx.load_from_string(energy)
        weight = next(w for w in model.graph.initializer if w.data_type == onnx.TensorProto.FLOAT)
        changed = 1.001 * onnx.numpy_helper.to_array(weight)
        weight.CopyFrom(onnx.numpy_helper.from_array(changed.astype(np.float32), weight.name))
        return chain_graph(model.SerializeToString())

    monkeypatch.setattr("coop_trainer.export.bundle.chain_graph", wrong)
    with pytest.raises(CoopError, match=r"parity: '(end|gradient|energy)' of the graph 'chain' is"):
        write_bundle(tmp_path / "tiny", **settings(), chain=True)
    assert not list(tmp_path.iterdir())


def test_a_chain_needs_an_energy(tmp_path: Path) -> None:
    given = settings(energy=None, langevin=None)
    with pytest.raises(CoopError, match="chain of Langevin steps needs an energy"):
        write_bundle(tmp_path / "tiny", **given, chain=True)
