"""Rows and tables of generation."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def generation(load_module: Any) -> ModuleType:
    module: ModuleType = load_module("experiments.generation")
    return module


def _row(drafts: float, noisy: float, quiet: float) -> dict[str, float | str]:
    """Kernel distances of drafts and after ten steps, which are the card's own."""
    names = ("frechet", "sliced", "similarity", "precision", "recall", "density", "coverage")
    row: dict[str, float | str] = {
        f"{state} {figure}": 0.125 for state in ("null", "0", "10", "10 quiet") for figure in names
    }
    return row | {
        "null kernel": 1.0,
        "0 kernel": drafts,
        "10 kernel": noisy,
        "10 quiet kernel": quiet,
        "own steps": 10,
        "features": "abc123",
        "copies": 0.05,
        "auroc noise": 0.75,
        "auroc generated": 0.5,
        "auroc other": 1.0,
    }


def test_every_set_method_and_seed_has_a_row(generation: ModuleType, load_module: Any) -> None:
    rows = load_module("experiments.rows")
    cases = generation.cases(rows.FULL)
    assert len({case.name for case in cases}) == len(cases) == 4 * 7 * 3 + 4
    assert all(len(case.trainings) == 1 for case in cases)


def test_a_thinned_split_has_pictures_of_all_classes(load_module: Any) -> None:
    sources = load_module("experiments.sources")
    pictures = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    labels = np.repeat(np.arange(2, dtype=np.uint8), 5)
    whole = sources.Split(pictures, pictures[:3], labels, labels[:3])
    some = whole.thinned(4)
    assert some.train.ravel().tolist() == [0, 3, 6, 9]
    assert some.train_labels.tolist() == [0, 0, 1, 1]
    assert some.test.ravel().tolist() == [0, 1, 2]
    assert whole.thinned(None).train.tolist() == pictures.tolist()


def test_the_tables_hold_what_was_measured_and_say_what_was_not(
    generation: ModuleType, load_module: Any
) -> None:
    scale = load_module("experiments.rows").FULL
    vae = {k: v for k, v in _row(93, 0, 0).items() if k[:3] not in ("10 ", "own", "aur")}
    measured = {
        "faces64 coopnets seed 0": _row(23, 20, 19),
        "faces64 coopnets seed 1": _row(20, 24, 25),
        "faces64 yardsticks": {"blurred kernel": 7.0, "noisy kernel": 8.0},
        "faces64 vae seed 0": vae,
    }
    lines = generation.table(measured, scale).splitlines()
    separate = next(line for line in lines if line.startswith("| coopnets |"))
    assert separate == "| coopnets | not run | not run | 24 ± 1 | not run | 3.79 ± .15 |"
    assert "| vae | not run | not run | 93 | not run | 99.09 |" in lines
    assert "| real pictures (null) | not run | not run | 1 | not run |  |" in lines
    blurred = "| real pictures, blurred by [1 2 1] | not run | not run | 7 | not run |  |"
    assert blurred in lines
    told = "22 ± 3 (10) | 24 ± 1 (0, 10 quiet) | 1, 0 of 2"  # each after the other's best steps
    assert f"| faces64 | coopnets | 22 ± 2 | 22 ± 3 |  |  |  |  |  | {told} |" in lines
    assert "| faces64 | coopnets, quiet |  | 22 ± 4 |  |  |  |  |  |  |  |  |" in lines
    detail = next(line for line in lines if line.startswith("| coopnets | 0, 10 quiet | 24 ± 1 |"))
    assert "| 125.0 ± 0.0 |" in detail  # sliced ×10³
    drafts = next(line for line in lines if line.startswith("| coopnets | 0 | 22 ± 2 |"))
    assert drafts.endswith("| 0.125 ± 0.000 |")  # SSIM of pairs
    of_vae = [line for line in lines if line.startswith("| vae | 0 | 93 |")]
    assert any(line.endswith("| – | – | – |") for line in of_vae)
    assert not [line for line in lines if line.startswith("**cifar10**")]
    nothing = generation.table({}, scale)
    assert nothing.count("not run") == (6 + 8) * 4  # each cell of the two claims


def test_pictures_of_another_set_are_given_the_shape(generation: ModuleType) -> None:
    x = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    grey = generation.like(x, (1, 32, 32))
    np.testing.assert_allclose(grey[:, 0], x[:, :, ::2, ::2].mean(axis=1), rtol=1e-6)
    assert generation.like(x[:, :1], (3, 28, 28)).shape == (2, 3, 28, 28)


def test_yardsticks_are_blurred_and_noisy(generation: ModuleType) -> None:
    edge = np.zeros((1, 1, 4, 4), np.float32)
    edge[..., 2:] = 1
    np.testing.assert_allclose(generation.blurred(edge)[0, 0], [[0, 0.25, 0.75, 1]] * 4)
    grey = np.full((4, 3, 32, 32), 0.5, np.float32)
    noise = generation.noisy(grey, np.random.default_rng(0)) - grey
    assert noise.std() == pytest.approx(generation.NOISE, rel=0.05)
    assert generation.noisy(np.ones_like(grey), np.random.default_rng(0)).max() == 1
