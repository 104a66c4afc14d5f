"""The kernel distance: unbiased, and right where it can be written out."""

import numpy as np
import pytest

from coop_eval.pictures.kernel import kernel_distance, squared_mmd
from coop_runtime import CoopError


def test_it_is_the_sum_over_pairs_of_different_examples() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((4, 3)), rng.random((5, 3))

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    within_x = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    within_y = np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    between = np.mean([k(a, b) for a in x for b in y])
    assert squared_mmd(x, y) == pytest.approx(within_x + within_y - 2 * between, rel=1e-12)


def test_of_equal_distributions_its_mean_is_zero_however_few_the_examples() -> None:
    rng = np.random.default_rng(1)
    values = [squared_mmd(*rng.standard_normal((2, 10, 4))) for _ in range(3000)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error


def test_of_shifted_distributions_it_is_the_closed_form() -> None:
    # One feature, x = 0 and y = c: k(x, x) = 1, k(y, y) = (c² + 1)³, k(x, y) = 1.
    x, y = np.zeros((6, 1)), np.full((7, 1), 2.0)
    assert squared_mmd(x, y) == pytest.approx(1 + 125 - 2)
    assert kernel_distance(x, y) == pytest.approx((124, 0))


def test_subsets_differ_and_are_those_of_the_seed() -> None:
    x, y = np.random.default_rng(2).standard_normal((2, 40, 3))
    found = kernel_distance(x, y + 1, seed=3)
    assert found.deviation > 0
    assert found == kernel_distance(x, y + 1, seed=3) != kernel_distance(x, y + 1, seed=4)
    assert found.mean == pytest.approx(squared_mmd(x, y + 1), abs=found.deviation)


def test_too_few_are_refused() -> None:
    with pytest.raises(CoopError, match="n ≥ 4"):
        kernel_distance(np.zeros((3, 2)), np.zeros((9, 2)))
