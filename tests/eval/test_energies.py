"""Energies of kinds of pictures by the tiny bundle, E(x) = ½‖x‖² in [−1, 1]."""

from pathlib import Path

import numpy as np
import pytest

from coop_eval.energy.energies import auroc, energies, histograms
from coop_runtime import Array, CoopError, load


def _grey(n: int, contrast: float, seed: int) -> Array:
    x = np.random.default_rng(seed).uniform(-0.5, 0.5, (n, 3, 8, 8))
    return (0.5 + contrast * x).astype(np.float32)


def test_energies_are_those_of_the_models_own_range(tiny_bundle: Path) -> None:
    model = load(tiny_bundle, "cpu", 1)
    kinds = {"test": _grey(150, 0.4, 0), "train": _grey(150, 0.4, 1), "loud": _grey(120, 1, 2)}
    found = energies(model, kinds)
    expected = 0.5 * ((2 * kinds["loud"].astype(float) - 1) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found.of["loud"], expected, rtol=1e-4)
    assert [*found.auroc] == ["train", "loud"]
    assert found.auroc["train"] == pytest.approx(0.5, abs=0.1)
    assert found.auroc["loud"] == 1


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 40).astype(float), rng.integers(3, 12, 50).astype(float)
    wins = (b[None] > a[:, None]) + 0.5 * (b[None] == a[:, None])
    assert auroc(a, b) == pytest.approx(wins.mean())


def test_histograms_share_their_bins() -> None:
    edges, shares = histograms({"a": np.array([0.0, 1.0]), "b": np.array([4.0])}, 4)
    np.testing.assert_array_equal(edges, [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(shares["a"], [0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(shares["b"], [0, 0, 0, 1])


def test_without_test_pictures_nothing_can_be_said(tiny_bundle: Path) -> None:
    with pytest.raises(CoopError, match="expected 'test'"):
        energies(load(tiny_bundle, "cpu", 1), {"train": _grey(2, 1, 0)})
