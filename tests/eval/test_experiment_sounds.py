"""Rows and tables of the sounds' experiment."""

from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def experiment(load_module: Any) -> ModuleType:
    module: ModuleType = load_module("experiments.sounds")
    return module


def test_rows_are_named_apart_and_every_sound_has_every_method(
    experiment: ModuleType, load_module: Any
) -> None:
    rows = load_module("experiments.rows")
    names = [case.name for case in experiment.cases(rows.FULL)]
    assert len(set(names)) == len(names) == 6 * (4 + 2 * 3)
    shared = {name.partition(" seed ")[0] for name in names}
    for case, _ in experiment.ROWS.values():
        assert f"rain {case}" in shared
    trained = {t.name for case in experiment.cases(rows.FULL) for t in case.trainings}
    assert "rain-abp-6min-seed2" in trained
    assert len(trained) == 6 * 2 * 3


def test_tables_say_what_was_not_run(experiment: ModuleType, load_module: Any) -> None:
    scale = load_module("experiments.rows").QUICK
    figures = {"snr": 12.34, "snr sd": 0.5, "copies": 0.012, "modulation": 3.0, "snr skew": 7.0}
    rows = {f"{sound} random phase": figures for sound in experiment.SOUNDS}
    rows["chimney_fire shuffled grains"] = figures
    text = experiment.table(rows, scale)
    assert f"| random phase |{' 12.3 ± 0.5 |' * 6} 12.3 |" in text
    assert f"| random phase |{' 0.01 |' * 6} 0.01 |" in text
    assert f"| shuffled grains | 12.3 ± 0.5 |{' not run |' * 5} – |" in text
    assert f"| ABP |{' not run |' * 6} – |" in text


def test_cells_are_over_seeds_and_the_last_over_sounds(
    experiment: ModuleType, load_module: Any
) -> None:
    scale = load_module("experiments.rows").FULL
    rows = {
        f"{sound} abp seed {seed}": {"drafts snr": 10.0 + 2 * seed, "drafts snr sd": 9.0}
        for sound in experiment.SOUNDS
        for seed in (0, 1)
    }
    rows["rain abp seed 1"] = rows["rain abp seed 0"]
    text = experiment.table(rows, scale)
    cells = ["11.0 ± 1.4", "10.0 ± 0.0", *["11.0 ± 1.4"] * 4]
    assert f"| ABP | {' | '.join(cells)} | 10.8 |" in text


def test_a_row_of_real_sound(experiment: ModuleType, load_module: Any) -> None:
    if not load_module("experiments.sources").DATA.is_dir():
        pytest.skip("the research data are not here")
    scale = load_module("experiments.rows").QUICK
    of = {case.name: case for case in experiment.cases(scale)}
    null, noise = (of[f"chimney_fire {name}"].measure() for name in ("signal", "random phase"))
    assert null["snr"] > 10 > noise["snr"]
    assert null["copies"] <= 0.05
