"""The bundles that come with the repository: small, licensed, exact, and not flat."""

import json
from pathlib import Path

import numpy as np
import pytest

import coop_runtime

EXPORTED = Path(__file__).parent.parent / "exported"
KINDS = {
    "brick": "texture",
    "gravel": "texture",
    "fashion": "images",
    "water": "sound",
    "waves": "clips",
}


def test_there_are_five_and_a_script_makes_them() -> None:
    script = (EXPORTED / "make_bundles.py").read_text()
    for name in KINDS:
        assert f'"{name}": Recipe(' in script
        assert f"!/exported/{name}/" in (EXPORTED.parent / ".gitignore").read_text()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_bundle_is_what_it_should_be(name: str) -> None:
    folder = EXPORTED / name
    card = coop_runtime.read_card(folder)
    assert (card.name, card.signal.kind) == (name, KINDS[name])
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= 5e6
    assert card.training["licence"].startswith(("CC0", "MIT"))
    assert card.training["seconds"] > 60
    assert card.training["rollbacks"] == 0
    limit = card.precision.parity_limit if card.precision else 1e-5
    for report in card.parity.values():
        assert report.max_relative_error <= limit
    assert str(Path.home()) not in json.dumps(card.training)
    assert ("encoder" in card.graphs) == (name == "fashion")


@pytest.mark.parametrize("name", sorted(KINDS))
def test_it_draws_and_refines(name: str) -> None:
    with coop_runtime.load(EXPORTED / name, "cpu") as model:
        drafts = model.generate(2, seed=0)
        spread = drafts.std(axis=tuple(range(1, drafts.ndim)))
        assert (spread > 0.02).all()
        assert not np.array_equal(drafts[0], drafts[1])
        first, *_, last = model.refine(drafts[:1], 3)
        assert np.isfinite(last.x).all()
        assert (last.energy < first.energy).all()
