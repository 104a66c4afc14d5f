"""Textures as the page shows them: the last state is what coop-run writes."""

from pathlib import Path

import numpy as np
import pytest

import coop_runtime
from coop_apps.studio import drawing


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("way", ["whole", "bands", "tile"])
def test_the_last_state_is_the_picture(library: Path, steps: int, way: str) -> None:
    whole = 100 if way == "bands" else drawing.WHOLE
    with coop_runtime.load(library / "brick", "cpu") as model:
        states = list(drawing.draw(model, (48, 32), 3, steps, way == "tile", whole))
        blocks = model.stream(3, (48, 32), refine_steps=steps, loop=way == "tile")
        expected = np.concatenate([block.x for block in blocks], axis=2)
    np.testing.assert_allclose(states[-1].x, expected, atol=2e-5)
    assert states[-1].done == 1.0
    assert [s.done for s in states] == sorted(s.done for s in states)
    assert (states[-1].energy is None) == (steps == 0)
    if way != "bands":
        assert len(states) == 1 + steps
