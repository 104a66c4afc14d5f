"""Similarity of pairs, and nearest training pictures."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skimage.metrics import structural_similarity

from coop_eval.pictures.diversity import memorised, nearest, pairwise_similarity
from coop_runtime import CoopError


def test_equal_pictures_are_wholly_similar() -> None:
    x = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)
    assert pairwise_similarity(np.repeat(x, 5, axis=0), 5) == pytest.approx(1)


def test_of_two_pictures_it_is_the_librarys() -> None:
    x = np.random.default_rng(1).random((2, 1, 16, 16), np.float32)
    ssim: Any = structural_similarity  # untyped
    expected = ssim(x[0, 0], x[1, 0], data_range=1.0)
    assert pairwise_similarity(x, 3) == pytest.approx(expected, rel=1e-5)


def test_nearest_ones_are_those_of_all_distances() -> None:
    rng = np.random.default_rng(2)
    x, train = rng.random((300, 2, 3, 3), np.float32), rng.random((40, 2, 3, 3), np.float32)
    distances = cdist(x.reshape(300, -1), train.reshape(40, -1)) / np.sqrt(18)
    found = nearest(x, train)
    np.testing.assert_array_equal(found.indices, distances.argmin(1))
    np.testing.assert_allclose(found.distances, distances.min(1), rtol=1e-6)


def test_copies_are_told_from_new_ones() -> None:
    rng = np.random.default_rng(3)
    train, held_out, new = (rng.standard_normal((400, 8)) for _ in range(3))
    fresh, copied = memorised(new, held_out, train), memorised(train[:100], held_out, train)
    assert fresh.share == pytest.approx(0.05, abs=0.03)
    assert fresh.ratio == pytest.approx(1, abs=0.06)
    assert (copied.share, copied.ratio) == (1, 0)
    np.testing.assert_array_equal(copied.samples.indices, np.arange(100))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(CoopError, match="expected examples of shape"):
        nearest(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(CoopError, match="at least 2"):
        pairwise_similarity(np.zeros((1, 1, 8, 8), np.float32))
