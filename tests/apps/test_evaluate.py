"""``coop-eval`` as it is typed: reports on a bundle and on runs, and what it refuses."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from coop_apps.evaluate import main
from coop_apps.train import main as train
from coop_eval.pictures.features import classifier
from coop_runtime import Array, load

TESTS = Path(__file__).resolve().parents[1]
EXPORTED = TESTS.parent / "exported"


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments])


def report(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "report.json").read_text())
    page = (folder / "report.html").read_text()
    shown = re.findall('<img src="(.*?)"', page)
    assert set(shown) == {file.name for file in folder.glob("*.png")}
    return data


def pictures(model_pictures: Array) -> Array:
    levels: Array = np.rint((model_pictures + 1) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)
    return levels


@pytest.fixture(scope="module")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures as the model of exported/fashion draws them, and noise."""
    here = tmp_path_factory.mktemp("garments")
    drawn = pictures(load(EXPORTED / "fashion", device="cpu").generate(60, seed=7))
    np.savez(here / "train.npz", images=drawn[:40], labels=np.arange(40) % 2)
    np.savez(here / "unseen.npz", images=drawn[40:], labels=np.arange(20) % 2)
    np.savez(here / "few.npz", images=drawn[40:43])
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8)
    np.savez(here / "noise.npz", images=noise)
    return here


def test_a_bundle_of_pictures(
    garments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = functools.partial(classifier, steps=20)
    monkeypatch.setattr("coop_eval.chapters.generating.classifier", quick)
    told = run(
        *(main, EXPORTED / "fashion", "--data", garments / "unseen.npz"),
        *("--train", garments / "train.npz", "--other", garments / "noise.npz"),
        *("--labels", garments / "unseen.npz", "--train-labels", garments / "train.npz"),
        *("--samples", 16, "--examples", 4, "--report", tmp_path / "report"),
    )
    assert told.exit_code == 0, told.output
    assert "[1/5] generation …\n      training a classifier …" in told.stderr
    assert f"look at: {tmp_path / 'report' / 'report.html'}" in told.stdout
    assert "real pictures" in told.stdout  # the tables
    data = report(tmp_path / "report")
    assert data["facts"]["learned by"] == "mcmc-triangle"
    assert 0 <= data["generation"]["classifier"]["accuracy"] <= 1
    page = (tmp_path / "report" / "report.html").read_text()
    assert "names the class of" in page
    assert "features need the run" in page
    assert set(data["generation"]["steps"]) >= {"0", "10", "30", "50", "100"}
    drafts = data["generation"]["steps"]["0"]
    assert drafts["frechet"] >= 0
    assert set(data["energies"]["auroc"]) >= {"train", "generated", "noise"}
    assert 0 <= data["energies"]["auroc"][str(garments / "noise.npz")] <= 1
    # The data are the model's own drawings: it finds them again better than interpolation does.
    holes = data["completion"]["M18"]
    assert holes["the model"]["error"] < holes["biharmonic"]["error"]
    assert data["reconstruction"]["encoder"]["square_unit"] < 0.02
    assert data["landscape"]["latents"]["moved"] > 0
    assert data["landscape"]["pictures"]["purity"] is None


def test_a_run_on_incomplete_pictures_its_features_and_basins(tmp_path: Path) -> None:
    """Two classes, bright and dark: what was recovered, and what labels say of the rest."""
    rng = np.random.default_rng(0)
    classes = np.arange(24) % 2
    images = (rng.integers(0, 60, (24, 8, 8, 3)) + 180 * classes[:, None, None, None]).astype("u1")
    np.savez(tmp_path / "data.npz", images=images, labels=classes)
    tiny = ("--config", TESTS / "tiny-images.toml", "--method", "triangle", "--mask", "P.5")
    told = run(
        train, "images", tmp_path / "data.npz", "--out", tmp_path / "run", "--steps", 2, *tiny
    )
    assert told.exit_code == 0, told.output
    given = ("--data", tmp_path / "data.npz", "--train", tmp_path / "data.npz")
    labels = ("--labels", tmp_path / "data.npz", "--train-labels", tmp_path / "data.npz")
    only = [word for name in ("recovery", "landscape", "features") for word in ("--only", name)]
    told = run(main, tmp_path / "run", *given, *labels, *only, "--report", tmp_path / "report")
    assert told.exit_code == 0, told.output
    data = report(tmp_path / "report")
    assert 0 < data["recovery"]["all"] < 1
    assert set(data["recovery"]["first"]) >= {"the run", "harmonic", "biharmonic"}
    assert data["landscape"]["pictures"]["neighbour"] >= 0.5
    assert 0 <= data["landscape"]["pictures"]["converged"] <= 1
    assert data["features"]["pixels"] == {"24": 0.0}
    assert set(data["features"]) >= {"descriptor", "the same, random weights", "encoder"}

    np.save(tmp_path / "few.npy", np.arange(3))
    np.savez(tmp_path / "few.npz", images=images[:3])
    for arguments, why in (
        (("--only", "features"), "features: give --labels and --train-labels"),
        (("--only", "recovery"), "recovery: give --train, the originals"),
        (
            ("--only", "recovery", "--train", tmp_path / "few.npz"),
            "recovery: expected the 24 originals that the run learned from with holes, found 3",
        ),
        (("--labels", tmp_path / "none.npy"), "--labels: '"),
        (("--labels", tmp_path / "few.npy"), "--labels: expected a whole number for each of 24"),
    ):
        told = run(main, tmp_path / "run", *given[:2], *arguments, "--report", tmp_path / "other")
        assert told.exit_code == 1
        assert why in told.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("kind", "size"), [("sound", 50_000), ("clips", None)], ids=["sound", "clips"]
)
def test_a_run_knows_its_original(kind: str, size: int | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    if size is not None:
        source = tmp_path / "rain.wav"
        soundfile.write(source, rng.normal(0, 0.2, size).astype(np.float32), 11025)
    else:
        source = tmp_path / "sea.npz"
        frames = rng.integers(0, 256, (40, 8, 8, 3), np.uint8)
        np.savez(source, frames=frames, fps=12)
    tiny = ("--config", TESTS / f"tiny-{kind}.toml")
    told = run(train, kind, source, "--out", tmp_path / "run", "--steps", 2, *tiny)
    assert told.exit_code == 0, told.output
    told = run(main, tmp_path / "run", "--report", tmp_path / "report")
    assert told.exit_code == 0, told.output
    (name,) = set(report(tmp_path / "report")) - {"title", "facts"}
    assert name == {"sound": "sound", "clips": "clip"}[kind]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("fashion",), "--data: give pictures that the model has not seen"),
        (("fashion", "--data", "nothing.npz"), "nothing.npz"),
        (("fashion", "--data", "brick"), "model is of images; give pictures that it has not seen"),
        (("waves", "--data", "brick"), "'brick' is the name of built-in data of texture"),
        (("fashion", "--data", "DATA"), "generation: give --train"),
        (("fashion", "--data", "DATA", "--only", "sound"), "no chapter 'sound' on this model"),
        (
            ("brick", "--data", "brick", "--other", "DATA"),
            "--train, --other and --labels are for sets",
        ),
        (
            ("fashion", "--data", "DATA", "--only", "completion", "--only", "features"),
            "features: give --labels and --train-labels",
        ),
        (("fashion", "--data", "DATA", "--only", "recovery"), "recovery: give a run of incomplete"),
        (
            ("fashion", "--data", "FEW", "--train", "DATA", "--only", "generation"),
            "generation: expected at least 6 pictures in --data, found 3",
        ),
        (("nothing",), "no such run or bundle: '"),
        ((".",), "neither a bundle (card.json) nor a run"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], why: str, garments: Path, tmp_path: Path
) -> None:
    subject, *rest = arguments
    files = {"DATA": garments / "unseen.npz", "FEW": garments / "few.npz"}
    given = [files.get(word, word) for word in rest]
    told = run(main, EXPORTED / subject, *given, "--report", tmp_path / "report")
    assert told.exit_code == 1
    assert why in told.stderr.splitlines()[-1]
    assert "[1/" not in told.stderr  # before any chapter
    assert not list(tmp_path.iterdir())


def test_a_report_that_cannot_be_written_costs_no_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    told = run(main, EXPORTED / "brick", "--data", "brick", "--report", tmp_path / "file" / "new")
    assert told.exit_code == 1
    assert "cannot write" in told.stderr
    assert "[1/" not in told.stderr


def test_a_report_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    told = run(main, EXPORTED / "brick", "--data", "brick", "--report", tmp_path)
    assert told.exit_code == 1
    assert "exists already" in told.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
