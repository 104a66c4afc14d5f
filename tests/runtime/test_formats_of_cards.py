"""The promise of the card's format: a bundle of every version since the first is played."""

from pathlib import Path

import numpy as np
import pytest

from coop_runtime import load
from coop_runtime.card import FORMAT, READ

BUNDLES = Path(__file__).parent / "bundles"


def test_there_is_a_bundle_of_every_version() -> None:
    assert list(READ) == list(range(1, FORMAT + 1))
    assert sorted(folder.name for folder in BUNDLES.iterdir()) == [f"format-{n}" for n in READ]


@pytest.mark.parametrize("version", READ)
def test_it_plays(version: int) -> None:
    model = load(BUNDLES / f"format-{version}", "cpu")
    assert model.card.format == version
    x = model.generate(2, seed=1, size=12)
    assert x.shape == (2, 3, 12, 12)
    *_, last = model.refine(x, 3)
    np.testing.assert_allclose(last.energy, 0.5 * (last.x**2).sum(axis=(1, 2, 3)), rtol=1e-4)
    z = np.zeros((2, 2, 3, 3), np.float32)
    assert model.log_posterior(z, x, np.ones_like(x)).gradient.shape == z.shape
