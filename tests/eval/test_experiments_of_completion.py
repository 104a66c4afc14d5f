"""Rows and tables of completion, reconstruction, incomplete data and dimension reduction."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

NAMES = ("completion", "reconstruction", "incomplete", "reduction")


@pytest.fixture(params=NAMES)
def experiment(request: pytest.FixtureRequest, load_module: Any) -> ModuleType:
    module: ModuleType = load_module(f"experiments.{request.param}")
    return module


def test_every_row_has_a_name_of_its_own_and_little_to_train(
    experiment: ModuleType, load_module: Any
) -> None:
    rows = load_module("experiments.rows")
    for scale in (rows.QUICK, rows.FULL):
        cases = experiment.cases(scale)
        assert len({case.name for case in cases}) == len(cases)
        assert all(training.minutes < 10 for case in cases for training in case.trainings)


def test_a_table_says_what_was_not_run_and_keeps_the_papers_numbers(
    experiment: ModuleType, load_module: Any
) -> None:
    rows = load_module("experiments.rows")
    table = experiment.table({}, rows.FULL)
    assert "not run" in table
    assert "paper" in table or "slides" in table
    widths = {line.count("|") for line in table.split("\n\n")[-1].splitlines()}
    assert len(widths) == 1


def test_figures_stand_in_their_columns(load_module: Any) -> None:
    completion = load_module("experiments.completion")
    rows = load_module("experiments.rows")
    values = {f"{hole} best error": k / 10 for k, hole in enumerate(completion.HOLES)}
    more = {key: value + 0.02 for key, value in values.items()}
    table = completion.table({"triangle seed 0": values, "triangle seed 1": more}, rows.FULL)
    (line,) = (line for line in table.splitlines() if "triangle: best" in line and "0.1" in line)
    assert "0.1100 ± 0.0141" in line.split("|")[3]


def test_the_latents_of_a_reduction_are_asked_for(load_module: Any) -> None:
    rows = load_module("experiments.rows")
    reduction = load_module("experiments.reduction")
    options = [t.options for case in reduction.cases(rows.FULL) for t in case.trainings]
    assert ("--set", "generator.latents=[20,0,0,0]") in options
    assert len(options) == 3 * len(reduction.LATENTS)


def test_pixels_become_pictures_of_one(load_module: Any) -> None:
    subject = load_module("coop_eval.subject")
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    pictures = subject.unit_pictures(pixels)
    assert pictures.shape == (1, 3, 2, 4)
    assert pictures[0, 2, 1, 3] == np.float32(23) / np.float32(255)
