"""Precision, recall, density and coverage of sets whose figures are known."""

import numpy as np
import pytest

from coop_eval.pictures.coverage import coverage
from coop_runtime import CoopError


def _modes(n: int, *centres: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(centre, 1, (n, 2)) for centre in centres])


def test_equal_distributions() -> None:
    found = coverage(_modes(600, 0), _modes(600, 0, seed=1))
    assert found.precision > 0.9
    assert found.recall > 0.9
    assert found.density == pytest.approx(1, abs=0.1)
    # Naeem et al., lemma 2: 1 − ((m − 1) … (m − k)) / ((2m − 1) … (2m − k)) → 1 − 2⁻⁵.
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.03)


def test_a_mode_that_is_missing_costs_recall_and_coverage_alone() -> None:
    found = coverage(_modes(300, 0, 100), _modes(600, 0, seed=1))
    assert found.precision > 0.9
    assert found.recall == pytest.approx(0.5, abs=0.05)
    assert found.coverage == pytest.approx(0.5, abs=0.05)


def test_a_mode_that_is_invented_costs_precision_and_density_alone() -> None:
    found = coverage(_modes(600, 0), _modes(300, 0, 100, seed=1))
    assert found.precision == pytest.approx(0.5, abs=0.05)
    assert found.density == pytest.approx(0.5, abs=0.1)
    assert found.recall > 0.9


def test_an_outlier_among_the_real_spoils_precision_but_not_density() -> None:
    real = np.concatenate([_modes(200, 0), [[1000.0, 1000.0]]])
    found = coverage(real, _modes(200, 50, seed=1))
    assert found.precision == 1
    assert found.density <= 0.2
    assert found.coverage < 0.01


def test_too_few_are_refused() -> None:
    with pytest.raises(CoopError, match="n ≥ 6"):
        coverage(np.zeros((5, 2)), np.zeros((9, 2)))
    with pytest.raises(CoopError, match="k: expected"):
        coverage(np.zeros((9, 2)), np.zeros((9, 2)), manifold_k=0)
