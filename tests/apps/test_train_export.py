"""coop-train and coop-export, end to end on a tiny texture, played by the runtime."""

import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import coop_runtime
from coop_apps import entry
from coop_apps.export import main as export
from coop_apps.run import main as play
from coop_apps.train import main as train
from coop_trainer.presets import preset_names

TINY = ("--config", Path(__file__).parent.parent / "tiny.toml")


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments])


def refused(result: Result, code: int, message: str) -> None:
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert message in last
    if code == 1:
        assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture, a trained run of it and its bundle."""
    here = tmp_path_factory.mktemp("work")
    levels = np.random.default_rng(0).integers(40, 200, (40, 36, 3), dtype=np.uint8)
    Image.fromarray(levels).save(here / "stone.png")
    result = run(train, "texture", here / "stone.png", "--out", here / "run", "--steps", 6, *TINY)
    assert result.exit_code == 0, result.output
    assert f"coop-export {here / 'run'} exported/run" in result.stdout
    result = run(export, here / "run", here / "stone", "--format", "torchscript", "--chain")
    assert result.exit_code == 0, result.output
    for backend in ("ONNX Runtime", "TorchScript"):
        assert f"  posterior: torch and {backend} differ by" in result.stdout
    assert result.stdout.count("  chain: torch and ONNX Runtime differ by") == 1
    return here


def test_the_bundle_holds_what_the_card_says(workplace: Path) -> None:
    bundle = workplace / "stone"
    card = coop_runtime.read_card(bundle)
    found = {str(p.relative_to(bundle)) for p in bundle.rglob("*") if p.is_file()}
    assert found == {*card.files, "card.json"}
    assert {"generator.onnx", "energy.onnx", "posterior.onnx", "README.md"} <= found
    assert len(card.signal.colours) == 3  # the texture is in colour
    assert (card.name, card.signal.channels, card.signal.kind) == ("stone", 3, "texture")
    assert card.training["learned_from"] == ["stone.png"]
    assert card.training["settings"]["coopnets"]["langevin"]["steps"] == 3
    assert (
        card.training["settings"].keys() & {"abp", "vae", "encoder", "encoder_optimiser"} == set()
    )
    assert "licence" not in card.training
    for parity in card.parity.values():
        assert parity.max_relative_error <= 1e-5
        assert len({tuple(case["shape"]) for case in parity.cases}) == 3
        assert {case["batch"] for case in parity.cases} == {1, 3}


def test_the_card_has_energies_of_what_was_learned(workplace: Path) -> None:
    model = coop_runtime.load(workplace / "stone", "cpu")
    found = model.card.training["energies"]
    assert [len(found[name]) for name in ("training", "samples")] == [51, 51]
    assert found["training"] == sorted(found["training"])
    with Image.open(workplace / "stone.png") as image:
        whole = coop_runtime.from_uint8(np.asarray(image)[None], model.card.signal)
    side = model.card.signal.trained_shape[0]
    energies = [
        float(model.energy(np.ascontiguousarray(whole[:, :, i : i + side, k : k + side]))[0])
        for i in range(41 - side)
        for k in range(37 - side)
    ]
    span = max(energies) - min(energies)
    assert min(energies) - 1e-3 * span <= found["training"][0]
    assert found["training"][-1] <= max(energies) + 1e-3 * span
    np.testing.assert_allclose(found["training"][25], np.median(energies), atol=0.1 * span)
    assert "energies" not in (workplace / "stone/README.md").read_text()


def test_the_runtime_plays_it(workplace: Path) -> None:
    model = coop_runtime.load(workplace / "stone", "cpu")
    drafts = model.generate(2, seed=1, size=(50, 33))
    assert drafts.shape == (2, 3, 50, 33)
    states = list(model.refine(drafts, steps=4, seed=1))
    assert [s.step for s in states] == [0, 1, 2, 3, 4]
    assert states[-1].energy.shape == (2,)
    assert not np.array_equal(states[-1].x, drafts)


def test_in_parts_it_is_the_whole(workplace: Path) -> None:
    """The card's reach is that of the exported graphs."""
    model = coop_runtime.load(workplace / "stone", "cpu")
    assert model.card.latent is not None
    assert model.card.latent.wraps
    *_, last = model.refine(model.generate(1, 1, (150, 130)), steps=4, seed=1)
    blocks = [*model.stream(1, (150, 130), refine_steps=4, chunk=32)]
    assert len(blocks) > 2
    parts = np.concatenate([block.x for block in blocks], axis=2)
    np.testing.assert_allclose(parts, last.x, atol=1e-6)


def test_the_commands_play_torchscript(workplace: Path, tmp_path: Path) -> None:
    bundle, signals = workplace / "stone", []
    for backend in ("onnx", "torchscript"):
        out = tmp_path / f"{backend}.png"
        line = ("generate", bundle, "--refine", 1, "--device", "cpu", "--backend", backend)
        assert run(play, *line, "-o", out).exit_code == 0
        signals.append(np.asarray(Image.open(out)).astype(int))
        energy = run(play, "energy", bundle, out, "--backend", backend, "--json")
        assert energy.exit_code == 0, energy.output
    assert np.abs(signals[0] - signals[1]).max() <= 1
    first = (tmp_path / "torchscript.png").read_bytes()
    again = run(play, "again", tmp_path / "torchscript.png.json", "-o", tmp_path / "again.png")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again.png").read_bytes() == first
    assert '"backend": "torchscript"' in (tmp_path / "again.png.json").read_text()


def test_info_names_the_method(workplace: Path) -> None:
    assert "\nmethod     coopnets\n" in run(play, "info", workplace / "stone").stdout


def test_the_model_card_shows_samples_that_exist(workplace: Path) -> None:
    readme = (workplace / "stone" / "README.md").read_text()
    for line in readme.splitlines():
        if line.startswith("!["):
            name = line.partition("](")[2].rstrip(")")
            with Image.open(workplace / "stone" / name) as picture:
                picture.verify()
    assert "coop_runtime.load" in readme


def test_a_finished_run_has_nothing_to_do_and_may_be_prolonged(workplace: Path) -> None:
    out = workplace / "run"
    again = run(train, "texture", "--out", out, "--resume")
    assert again.exit_code == 0
    assert "6 steps" in again.stdout
    assert "the run is finished: it was meant for 6 steps; give more to go on" in again.stderr
    longer = run(
        train, "texture", workplace / "stone.png", "--out", out, "--resume", "--steps", 8, *TINY
    )
    assert "8 steps" in longer.stdout
    assert len((out / "log.jsonl").read_text().splitlines()) == 8


def test_a_new_length_is_kept_with_the_other_settings(workplace: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    picture = workplace / "stone.png"
    run(train, "texture", picture, "--out", out, "--steps", 2, "--seed", 3, *TINY)
    longer = run(train, "texture", "--out", out, "--resume", "--steps", 4)
    assert "4 steps" in longer.stdout, longer.output
    stored = json.loads((out / "config.json").read_text())
    assert (stored["loop"]["steps"], stored["seed"], stored["data"]["crop"]) == (4, 3, 16)
    assert "4 steps" in run(train, "texture", "--out", out, "--resume").stdout


def test_runs_and_bundles_go_into_empty_folders(workplace: Path, tmp_path: Path) -> None:
    out, bundle = tmp_path / "run", tmp_path / "bundle"
    out.mkdir()
    bundle.mkdir()
    picture = workplace / "stone.png"
    assert run(train, "texture", picture, "--out", out, "--steps", 1, *TINY).exit_code == 0
    assert run(export, out, bundle).exit_code == 0
    assert coop_runtime.read_card(bundle).name == "bundle"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing.png", "--out", "new"], 1, "no such picture"),
        (["{here}/text.png", "--out", "new"], 1, "not a picture"),
        (["{here}/dot.png", "--out", "new"], 1, "1x1"),
        (["{here}/stone.png", "--out", "new"], 1, "smaller than"),
        (["{here}/stone.png", "--out", "new", "--preset", "slow"], 1, "unknown preset 'slow'"),
        (["{here}/stone.png", "--out", "new", "--set", "loop.stepz=1"], 1, "mean 'steps'"),
        (["{here}/stone.png", "--out", "new", "--set", "guard.largest_gap=nan"], 1, "largest_gap"),
        (["{here}/stone.png", "--out", "new", "--steps", "-5"], 2, "-5 is not in the range"),
        (["{here}/stone.png", "--out", "new", "--minutes", "0"], 2, "0"),
        (["{here}/stone.png", "--out", "new", "--method", "wgan"], 2, "wgan"),
        (["{here}/stone.png", "--out", "new", "--config", "no.toml"], 1, "cannot be read"),
        (["{here}/stone.png", "--out", "new", "--device", "cuda:77"], 1, "is not there"),
        (["{here}/stone.png", "--out", "{here}/run"], 1, "add --resume"),
        (["--out", "new"], 2, "at least one IMAGE"),
        (["--out", "new", "--resume"], 1, "no run here"),
        (["brick", "--out", "{here}/run", "--resume"], 1, "the run learns stone.png"),
        (["--out", "{here}/run", "--resume", "--seed", "4"], 1, "another "),
        (["--out", "{here}/run", "--resume", "--method", "abp"], 1, "another method, coopnets"),
    ],
)
def test_wrong_use_of_coop_train(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (workplace / "text.png").write_text("no picture")
    Image.new("L", (1, 1)).save(workplace / "dot.png")
    before = sorted(workplace.rglob("*"))
    filled = [a.format(here=workplace) for a in arguments]
    refused(run(train, "texture", *filled), code, message)
    assert list(tmp_path.iterdir()) == []
    assert sorted(workplace.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{here}", "new"], "no run here"),
        (["{here}/run", "{here}/stone"], "exists already"),
        (["{here}/run", "new", "--rtol", "0", "--atol", "0"], "parity"),
    ],
)
def test_wrong_use_of_coop_export(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run(export, *[a.format(here=workplace) for a in arguments]), 1, message)
    assert list(tmp_path.iterdir()) == []


def test_weights_in_16_bits(workplace: Path, tmp_path: Path) -> None:
    bundle, coarse = tmp_path / "small", ("--rtol", 0.3)  # kinks of six steps' networks, 0.14 off
    result = run(export, workplace / "run", bundle, "--precision", "bfloat16", *coarse)
    assert result.exit_code == 0, result.output
    assert "of its spread, the most of all" in result.stdout
    card, whole = (coop_runtime.read_card(b) for b in (bundle, workplace / "stone"))
    assert card.precision is not None
    assert card.precision.weights == "bfloat16"
    for name, graph in card.graphs.items():
        assert card.files[graph.file].bytes < whole.files[f"{name}.onnx"].bytes
    assert "\nweights    bfloat16\n" in run(play, "info", bundle).stdout
    assert coop_runtime.load(bundle, "cpu").generate(1, size=20).shape == (1, 3, 20, 20)
    triton = ("--format", "triton", "--precision", "float16")
    refused(run(export, workplace / "run", tmp_path / "m", *triton), 1, "export a bundle with it")


def test_a_licence_stands_in_the_card(workplace: Path, tmp_path: Path) -> None:
    result = run(export, workplace / "run", tmp_path / "free", "--licence", "CC0, a stone of mine")
    assert result.exit_code == 0, result.output
    assert coop_runtime.read_card(tmp_path / "free").training["licence"] == "CC0, a stone of mine"
    assert "CC0, a stone of mine" in (tmp_path / "free" / "README.md").read_text()


def test_a_bundle_becomes_tritons_model_repository(workplace: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    result = run(export, workplace / "stone", models, "--format", "triton")
    assert result.exit_code == 0, result.output
    assert f"tritonserver --model-repository={models}" in result.stdout
    assert (models / "stone_energy" / "1" / "model.onnx").exists()
    refused(run(export, workplace / "run", models, "--format", "triton"), 1, "exists already")


@pytest.mark.parametrize("command", [train, export])
def test_every_command_and_option_has_help_and_examples(command: click.Command) -> None:
    commands = [command, *getattr(command, "commands", {}).values()]
    for each in commands:
        assert each.help
        for parameter in each.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, parameter.name
    assert "Examples:" in str(commands[-1].epilog)


@pytest.mark.parametrize("kind", sorted(train.commands))
def test_the_help_names_the_presets(kind: str) -> None:
    text = " ".join(run(train, kind, "--help").stdout.split())
    assert f"Settings to start from: {', '.join(preset_names(kind))}. [quick]" in text


def test_tensorboard_takes_the_figures(workplace: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    out = tmp_path / "run"
    command = [sys.executable, "-m", "coop_apps.train", "texture", str(workplace / "stone.png")]
    command += ["--out", str(out), "--steps", "2", "--tensorboard", *map(str, TINY)]
    subprocess.run(command, check=True, capture_output=True)
    assert list((out / "tensorboard").glob("events.*"))


@pytest.mark.parametrize(
    ("name", "command"),
    [("train", "train"), ("run", "run"), ("export", "export"), ("evaluate", "eval")],
)
def test_what_is_not_installed_is_one_line(
    name: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.startswith("coop_apps.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(SystemExit) as caught:
        getattr(entry, name)()
    assert f"coop-{command} needs click: pip install 'coopnets[" in str(caught.value)


def test_training_without_torch_is_one_line(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.startswith("coop_trainer")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = run(train, "texture", workplace / "stone.png", "--out", tmp_path / "new")
    refused(result, 1, "training needs torch: pip install")


def test_config_file_overlays_the_preset(workplace: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 5\n" + TINY[1].read_text())
    picture, out = workplace / "stone.png", tmp_path / "run"
    result = run(train, "texture", picture, "--out", out, "--config", file, "--steps", 1)
    assert result.exit_code == 0, result.output
    assert json.loads((out / "config.json").read_text())["seed"] == 5
