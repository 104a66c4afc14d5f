"""Samples after so many Langevin steps, as reports and experiments look at them."""

from pathlib import Path
from typing import Any

import numpy as np

import coop_runtime
from coop_eval.chapters.drawn import drawn
from coop_eval.refinement import after_steps


def test_states_are_those_of_the_chain(tiny_bundle: Path) -> None:
    with coop_runtime.load(tiny_bundle, device="cpu", threads=1) as model:
        drafts = model.generate(2, 0)
        found = after_steps(model, drafts, {3, 0}, 1)
        assert list(found) == [0, 3]
        np.testing.assert_array_equal(found[0], drafts)
        np.testing.assert_array_equal(found[3], model.refined(drafts, 3, 1, chain=False).x)
        assert list(after_steps(model, drafts, [0])) == [0]


def test_reports_compare_the_steps_of_the_card_and_others(tiny_bundle: Path) -> None:
    with coop_runtime.load(tiny_bundle, device="cpu", threads=1) as model:
        assert model.card.langevin is not None
        own = f"refined, {model.card.langevin.steps} steps"
        found = drawn(model, 2, 0, (16, 16))
        assert list(found.samples) == ["drafts", own]
        others = [f"{steps} steps" for steps in (10, 30, 50, 100)]
        assert set(found.by_steps) == {"drafts", own, *others}
        refined = model.refined(model.generate(2, 0, (16, 16)), seed=0, chain=False).x
        low, high = model.card.signal.value_range
        expected = (np.clip(refined, low, high) - low) / (high - low)
        np.testing.assert_allclose(found.by_steps[own], expected, atol=1e-6)


def test_states_have_the_noise_that_their_names_say(tiny_bundle: Path, load_module: Any) -> None:
    steps = load_module("experiments.steps")
    with coop_runtime.load(tiny_bundle, device="cpu", threads=1) as model:
        drafts = model.generate(2, 0)
        found = steps.states(model, drafts, 3, 30)
        assert list(found) == ["10", "30", "10 quiet", "30 quiet"]
        assert set(found) < set(steps.STATES)
        for state, x in found.items():
            count, _, quiet = state.partition(" ")
            last = model.refined(drafts, int(count), 3, noise=not quiet, chain=False).x
            np.testing.assert_array_equal(x, last)
        quiet = steps.states(model, drafts, 3, 30, noisy=False)
        assert list(quiet) == ["10", "30"]
        np.testing.assert_array_equal(quiet["30"], found["30 quiet"])


def test_clips_have_lines_of_the_steps_that_were_measured(load_module: Any) -> None:
    clips = load_module("experiments.clips")
    scale = load_module("experiments.rows").FULL
    units = clips._UNITS
    row = dict.fromkeys(units, 1.0) | {f"10 quiet {key}": 2.0 for key in units}
    text = clips.table({"flag coopnets refined seed 0": row}, scale)
    assert "| coopnets refined | 1.0000 |" in text
    assert "| coopnets refined, 10 quiet steps | 2.0000 |" in text
    assert ", 10 steps" not in text
