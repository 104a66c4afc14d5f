"""Peers of completion against closed forms, and what all of them have in common."""

import numpy as np
import pytest

from coop_eval.filling.holes import holes
from coop_eval.peers.inpainting import PEERS, biharmonic, harmonic, mean_fill, membrane
from coop_runtime import CoopError


def _ramp(n: int = 1, side: int = 32) -> np.ndarray:
    """Colours that rise linearly along the diagonal, in another way in each channel."""
    y, x = np.mgrid[:side, :side] / (side - 1)
    one = np.stack([(x + y) / 2, x, 1 - y]).astype(np.float32)
    return np.repeat(one[None], n, axis=0)


@pytest.mark.parametrize("name", PEERS)
def test_known_pixels_stay_and_what_is_missing_is_not_looked_at(name: str) -> None:
    missing = holes("M20", 2, (64, 64), 1)
    x = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    other = np.where(missing, np.float32(1) - x, x)
    filled = PEERS[name](x, missing)
    assert filled.dtype == np.float32
    assert filled.shape == x.shape
    np.testing.assert_array_equal(np.where(missing, 0, filled), np.where(missing, 0, x))
    np.testing.assert_array_equal(PEERS[name](other, missing), filled)
    assert (filled >= 0).all()
    assert (filled <= 1).all()


@pytest.mark.parametrize("name", [name for name in PEERS if name != "mean fill"])
def test_a_smooth_picture_comes_back_nearly(name: str) -> None:
    missing = np.zeros((1, 1, 32, 32), bool)
    missing[..., 12:18, 12:18] = True
    x = _ramp()
    worst = np.abs(PEERS[name](x, missing) - x).max()
    assert worst < (1e-6 if "harmonic" in name else 0.15)


def test_interpolations_reproduce_a_plane_exactly() -> None:
    x, missing = _ramp(), np.zeros((1, 1, 32, 32), bool)
    missing[..., 8:20, 10:25] = True
    for fill in (harmonic, biharmonic):
        np.testing.assert_allclose(fill(x, missing), x, atol=1e-5)


def test_the_mean_is_that_of_what_is_known() -> None:
    x = np.zeros((1, 3, 2, 2), np.float32)
    x[0, 1] = [[0.2, 0.4], [0.6, 1.0]]
    missing = np.array([[[[False, False], [False, True]]]])
    np.testing.assert_allclose(mean_fill(x, missing)[0, :, 1, 1], [0, 0.4, 0], atol=1e-6)


def test_the_membrane_is_each_missing_pixel_the_mean_of_its_neighbours() -> None:
    rng = np.random.default_rng(1)
    hole = rng.random((9, 7)) < 0.5
    picture = rng.random((9, 7, 2))
    solved = membrane(picture, hole)
    for row, column in np.argwhere(hole):
        near = [
            solved[row + down, column + across]
            for down, across in ((-1, 0), (1, 0), (0, -1), (0, 1))
            if 0 <= row + down < 9 and 0 <= column + across < 7
        ]
        np.testing.assert_allclose(solved[row, column], np.mean(near, axis=0), atol=1e-9)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(CoopError, match="masks"):
        harmonic(_ramp(), np.zeros((1, 32, 32), bool))
    with pytest.raises(CoopError, match="nothing is known"):
        harmonic(_ramp(), np.ones((1, 1, 32, 32), bool))
