"""Rows and tables of the textures' experiment."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import coop_runtime
from coop_runtime.card import Card


@pytest.fixture
def experiment(load_module: Any) -> ModuleType:
    module: ModuleType = load_module("experiments.textures")
    return module


def figures(statistics: float, copied: float) -> dict[str, float]:
    own = {"statistics": statistics, "wasserstein": 0.2, "copied": copied, "ms_ssim": 0.1}
    real = {"statistics": 2.0, "wasserstein": 0.2, "copied": 0.3, "ms_ssim": float("nan")}
    return own | {f"real {key}": value for key, value in real.items()}


def test_every_texture_has_every_peer_and_a_training(
    experiment: ModuleType, load_module: Any
) -> None:
    rows = load_module("experiments.rows")
    full = experiment.cases(rows.FULL)
    names = [case.name for case in full]
    assert len(set(names)) == len(names) == 3 * (7 + 3) + 7 * 4
    trained = {training.name for case in full for training in case.trainings}
    assert "brick_grey-coopnets-6min-seed2" in trained
    assert len(trained) == 3 * (7 + 3)


def test_the_table_says_which_claims_hold_and_what_was_not_run(
    experiment: ModuleType, load_module: Any
) -> None:
    scale = load_module("experiments.rows").FULL
    rows = {
        "pebbles coopnets seed 0": figures(2.4, 0.36),
        "brick_grey coopnets seed 0": figures(2.4, 0.2),
        "brick_grey coopnets seed 2": figures(2.8, 0.2),
    }
    text = experiment.table(rows, scale)
    for line in (
        "pebbles | coopnets | 2.40 | 1.20 | – | 0.360 | +0.060 | 0.200 | 0.200 | 0.10 | –",
        "brick_grey | coopnets | 2.60 ± 0.28 | 1.30 ± 0.14 | – | 0.200 ± 0.000 | -0.100 | "
        "0.200 ± 0.000 | 0.200 | 0.10 ± 0.00 | –",
    ):
        assert f"| {line} |" in text
    assert "on 1 of 2 textures (not on brick_grey); copied share" in text
    assert "+ 0.05 on 1 of 2 (not on pebbles)" in text
    assert text.count("not run") == 36
    assert "CoopNets: not run." in experiment.table({}, scale)


def test_figures_by_steps_are_of_the_runs_that_have_them(
    experiment: ModuleType, load_module: Any
) -> None:
    scale = load_module("experiments.rows").FULL
    old, new = figures(2.4, 0.36), figures(2.8, 0.2)
    for state, factor in {"draft": 2.0, "10": 1.5, "10 quiet": 1.0}.items():
        own = {key: value for key, value in new.items() if not key.startswith("real")}
        new |= {f"{state} {key}": factor * value for key, value in own.items() if " " not in key}
    old |= {f"draft {key}": 9.0 for key in ("statistics", "copied", "wasserstein", "ms_ssim")}
    rows = {"pebbles coopnets seed 0": old, "pebbles coopnets seed 1": new}
    text = experiment.table(rows, scale)
    for line in (
        "0 | 2.80 | 0.400 | 0.400 | 0.20",
        "10 | 2.10 | 0.300 | 0.300 | 0.15",
        "10 quiet | 1.40 | 0.200 | 0.200 | 0.10",
    ):
        assert f"| pebbles | coopnets | {line} |" in text


def test_a_bundle_is_measured_before_and_after_refinement(
    experiment: ModuleType, tiny_bundle: Path
) -> None:
    picture = np.random.default_rng(0).random((3, 128, 128))
    picture[1:] = picture[0] * np.array([0.8, 0.6])[:, None, None]  # one axis of colour
    card: Card = coop_runtime.read_card(tiny_bundle)
    values = experiment.measure_bundle(picture, 2, 10, tiny_bundle)
    assert card.signal.channels == 3
    for key in ("statistics", "copied", "wasserstein", "ms_ssim"):
        assert {key, f"draft {key}", f"real {key}"} <= values.keys()
    assert values["statistics"] != values["draft statistics"]
    assert values["10 statistics"] != values["10 quiet statistics"]
    assert "30 statistics" not in values


def test_a_grey_picture_is_compared_with_the_mean_of_colours(
    experiment: ModuleType, load_module: Any
) -> None:
    if not load_module("experiments.sources").DATA.is_dir():
        pytest.skip("the research data are not here")
    picture = experiment.photograph("brick_grey")
    assert picture.shape == (1, 224, 224)
