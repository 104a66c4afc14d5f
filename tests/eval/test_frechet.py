"""The Fréchet distance against the closed form of two normal distributions."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from coop_eval.pictures.frechet import frechet
from coop_runtime import CoopError


def test_it_is_the_closed_form_of_the_sets_own_moments() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((200, 4)) @ rng.random((4, 4)), 1 + 2 * rng.random((150, 4))
    c, c_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(c + c_y - 2 * sqrtm(c @ c_y).real)
    assert frechet(x, y) == pytest.approx(expected, rel=1e-8)
    assert frechet(y, x) == pytest.approx(expected, rel=1e-8)


def test_of_many_draws_it_is_that_of_the_distributions() -> None:
    rng = np.random.default_rng(1)
    scales, others = np.array([1.0, 2.0, 0.5]), np.array([2.0, 2.0, 1.5])
    x = rng.standard_normal((200_000, 3)) * scales
    y = rng.standard_normal((200_000, 3)) * others + 1
    assert frechet(x, y) == pytest.approx(3 + ((scales - others) ** 2).sum(), rel=0.01)


def test_fewer_examples_than_features_are_no_trouble() -> None:
    x = np.random.default_rng(2).standard_normal((5, 20))
    assert frechet(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet(x, x + 1) == pytest.approx(20)


@pytest.mark.parametrize("shape", [(1, 3), (4, 2), (4,)])
def test_what_are_no_two_sets_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(CoopError, match="expected two arrays"):
        frechet(np.zeros((4, 3)), np.zeros(shape))
