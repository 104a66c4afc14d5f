"""Bundles of every version of the format so far play what they played when they were made.

``bundles/format-N`` was exported, after four steps of training, by the coopnets that first wrote
version N; ``played.npz`` is what that coopnets played. A bundle is not changed once it is here.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from coop_runtime import load, read_card
from coop_runtime.card import FORMAT, READ

BUNDLES = Path(__file__).with_name("bundles")


def test_every_version_has_its_bundle() -> None:
    assert max(READ) == FORMAT
    assert {f"format-{version}" for version in READ} == {p.name for p in BUNDLES.iterdir()}


@pytest.mark.parametrize("version", READ)
def test_bundles_of_every_version_play(version: int) -> None:
    folder = BUNDLES / f"format-{version}"
    assert json.loads((folder / "card.json").read_text("utf-8"))["format"] == version
    assert read_card(folder).format == version
    with np.load(folder / "played.npz") as played, load(folder, "cpu", 1) as model:
        x = model.generate(2, seed=5, size=(9, 13))
        *_, last = model.refine(x, 2, seed=5, noise=True)
        results = {
            "x": x,
            "revised": last.x,
            "energy": last.energy,
            "mean": model.encode(x).mean,
        }
        if "chain" in model.graphs:
            results["chain"] = model.refined(x, 2, seed=5, noise=True, chain=True).x
        assert set(played) == set(results)
        for name, found in results.items():
            np.testing.assert_allclose(found, played[name], rtol=1e-4, atol=1e-5, err_msg=name)
