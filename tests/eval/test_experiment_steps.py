"""Samples after so many Langevin steps, as experiments look at them, and clips' table of them."""

from pathlib import Path
from typing import Any

import numpy as np

import coop_runtime


def test_states_have_the_noise_that_their_names_say(tiny_bundle: Path, load_module: Any) -> None:
    steps = load_module("experiments.steps")
    with coop_runtime.load(tiny_bundle, device="cpu", threads=1) as model:
        drafts = model.generate(2, 0)
        found = steps.after_steps(model, drafts, 3, 30)
        assert list(found) == ["10", "30", "10 quiet", "30 quiet"]
        assert set(found) < set(steps.STATES)
        for state, x in found.items():
            count, _, quiet = state.partition(" ")
            last = model.refined(drafts, int(count), 3, noise=not quiet, chain=False).x
            np.testing.assert_array_equal(x, last)


def test_clips_have_lines_of_the_steps_that_were_measured(load_module: Any) -> None:
    clips = load_module("experiments.clips")
    scale = load_module("experiments.rows").FULL
    units = clips._UNITS
    row = dict.fromkeys(units, 1.0) | {f"10 quiet {key}": 2.0 for key in units}
    text = clips.table({"flag coopnets refined seed 0": row}, scale)
    assert "| coopnets refined | 1.0000 |" in text
    assert "| coopnets refined, 10 quiet steps | 2.0000 |" in text
    assert ", 10 steps" not in text
