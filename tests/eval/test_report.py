"""Reports: pages and figures for programs, all or nothing; what is evaluated, and with what."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coop_eval.chapters import chapters, read_real
from coop_eval.report import Picture, Section, Table, write_report
from coop_eval.subject import Subject, from_model, open_subject, read_signals, to_model, units
from coop_runtime import CoopError, Model, load

EXPORTED = Path(__file__).resolve().parents[2] / "exported"


@pytest.fixture(scope="module")
def fashion() -> Model:
    return load(EXPORTED / "fashion", device="cpu")


def section() -> Section:
    table = Table("Lower is <better>.", ["by", "error"], [["a & b", 0.125], ["c", None]])
    data = {"error": float("nan"), "steps": {10: [1, 2.5]}}
    return Section("copies", "Copies", "None.", [table], [Picture("sheet", "All.", b"png")], data)


def test_a_report_is_a_page_pictures_and_figures(tmp_path: Path) -> None:
    write_report(tmp_path / "new" / "report", "Report on brick", {"seed": 0}, [section()])
    folder = tmp_path / "new" / "report"
    assert sorted(file.name for file in folder.iterdir()) == [
        "report.html",
        "report.json",
        "sheet.png",
    ]
    assert (folder / "sheet.png").read_bytes() == b"png"
    assert json.loads((folder / "report.json").read_text()) == {
        "title": "Report on brick",
        "facts": {"seed": 0},
        "copies": {"error": None, "steps": {"10": [1, 2.5]}},
    }
    page = (folder / "report.html").read_text()
    assert "<td>a &amp; b</td><td" in page
    assert 'class="number">0.125</td>' in page
    assert "Lower is &lt;better&gt;." in page
    assert '<img src="sheet.png" alt="All.">' in page


def test_a_report_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(CoopError):
        write_report(tmp_path, "x", {}, [section()])
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_pictures_go_to_a_model_and_back(fashion: Model) -> None:
    levels = (np.arange(28 * 28).reshape(1, 1, 28, 28) % 256 / 255).astype(np.float32)
    x = to_model(levels, fashion)
    assert (x.min(), x.max()) == (-1, 1)
    np.testing.assert_allclose(from_model(x, fashion), levels, atol=1e-6)


def test_real_pictures_are_read_as_the_model_has_them(fashion: Model, tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "colours.npz", images=colours)
    (pictures,) = units(read_signals([str(tmp_path / "colours.npz")], fashion), fashion)
    assert pictures.shape == (5, 1, 28, 28)
    assert pictures.dtype == np.float32
    assert 0 <= pictures.min() < 0.2 < 0.8 < pictures.max() <= 1


def test_sounds_and_clips_are_read(tmp_path: Path) -> None:
    water = load(EXPORTED / "water", device="cpu")
    (sound,) = units(read_signals(["water"], water), water)
    assert sound.ndim == 1
    assert 0.01 < np.abs(sound).max() <= 1
    waves = load(EXPORTED / "waves", device="cpu")
    (clip,) = units(read_signals(["waves"], waves), waves)
    channels, frames, *size = clip.shape
    assert (channels, size) == (waves.card.signal.channels, [64, 64])
    assert frames > 32


def test_chapters_are_those_of_the_kind(fashion: Model) -> None:
    usual = ["generation", "completion", "reconstruction", "landscape"]
    assert list(chapters(fashion)) == [
        "generation",
        "completion",
        "reconstruction",
        "recovery",
        "landscape",
        "features",
    ]
    assert list(chapters(fashion, without=["recovery", "features"])) == usual
    assert list(chapters(fashion, ["features"], without=["features"])) == ["features"]
    assert list(chapters(fashion, ["completion"])) == ["completion"]
    with pytest.raises(CoopError, match="no chapter 'sound' on this model; expected generation,"):
        chapters(fashion, ["sound"])
    assert list(chapters(load(EXPORTED / "brick", device="cpu"))) == ["texture"]


def test_real_data_must_be_given_where_they_are_not_known(fashion: Model) -> None:
    with pytest.raises(CoopError, match="--data: give pictures that the model has not seen"):
        read_real(Subject("fashion", fashion, None), [])
    brick = Subject("brick", load(EXPORTED / "brick", device="cpu"), None)
    with pytest.raises(CoopError, match="--data: give the original"):
        read_real(brick, [])
    with pytest.raises(CoopError, match="--train, --other and --labels are for sets of pictures"):
        read_real(brick, ["brick"], train=["brick"])


def test_pictures_sorted_by_class_are_mixed_with_their_labels(
    fashion: Model, tmp_path: Path
) -> None:
    labels = np.repeat(np.arange(5), 40)
    levels = np.broadcast_to((50 * labels).astype(np.uint8)[:, None, None, None], (200, 28, 28, 1))
    np.savez(tmp_path / "sorted.npz", images=levels, labels=labels)
    file = str(tmp_path / "sorted.npz")
    subject = Subject("fashion", fashion, None)

    def read(seed: int) -> tuple[Any, Any, Any]:
        real = read_real(subject, [file], [file], [file], tmp_path / "sorted.npz", seed=seed)
        assert real.train is not None
        np.testing.assert_allclose(real.train[0][:, 0, 0, 0], 50 / 255 * labels, atol=1e-6)
        return real.test[0][:, 0, 0, 0], real.other[file][:, 0, 0, 0], real.labels

    pictures, others, classes = read(seed=0)
    np.testing.assert_allclose(pictures, 50 / 255 * classes, atol=1e-6)
    assert set(classes[:20]) == {0, 1, 2, 3, 4}
    assert len(set(others[:20])) == 5
    np.testing.assert_array_equal(read(seed=0)[2], classes)
    assert (read(seed=1)[2] != classes).any()


def test_neither_run_nor_bundle_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CoopError, match="neither a bundle"):
        open_subject(tmp_path, tmp_path)


def test_an_original_is_read_at_the_size_of_training() -> None:
    brick = load(EXPORTED / "brick", device="cpu")
    (pictures,) = units(read_signals(["brick"], brick), brick)
    assert pictures.shape == (1, 1, 256, 256)
