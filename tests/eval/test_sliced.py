"""Sliced Wasserstein distances of pyramids: they see what they should, and nothing else."""

import numpy as np
import pytest
from scipy import ndimage

from coop_eval.pictures.sliced import laplacian_pyramid, multiscale_sliced
from coop_runtime import Array, CoopError


def _smooth(n: int, seed: int, side: int = 32, width: float = 2.0) -> Array:
    x = np.random.default_rng(seed).standard_normal((n, 3, side, side))
    x = ndimage.gaussian_filter(x, (0, 0, width, width))
    pictures: Array = (0.5 + 0.15 * x / x.std()).clip(0, 1).astype(np.float32)
    return pictures


def test_levels_of_a_constant_hold_nothing_but_the_smallest() -> None:
    levels = laplacian_pyramid(np.full((1, 3, 64, 64), 0.3, np.float32))
    assert [level.shape[2] for level in levels] == [64, 32, 16]
    np.testing.assert_allclose(levels[-1], 0.3, rtol=1e-5)
    # Away from the border, where zeros between pixels are blurred, the picture comes back.
    np.testing.assert_allclose(levels[0][:, :, 2:-2, 2:-2], 0, atol=1e-6)


def test_levels_of_fashion_are_28_and_14() -> None:
    x = np.random.default_rng(0).random((6, 1, 28, 28), np.float32)
    assert list(multiscale_sliced(x, x)) == [28, 14]


def test_other_pictures_of_one_kind_are_near_and_of_another_far() -> None:
    x = _smooth(200, 0)
    near, far = (
        multiscale_sliced(x, _smooth(200, 1)),
        multiscale_sliced(x, _smooth(200, 2, width=1)),
    )
    assert max(near.values()) < 0.05
    assert far[32] > 2 * near[32]


def test_noise_shows_at_the_finest_level() -> None:
    x = _smooth(200, 0)
    noisy = x + 0.1 * np.random.default_rng(3).standard_normal(x.shape).astype(np.float32)
    found = multiscale_sliced(x, noisy)
    assert found[32] > 3 * found[16]


def test_brightness_and_contrast_of_all_pictures_do_not_matter() -> None:
    x = _smooth(20, 0)
    for value in multiscale_sliced(x, 0.5 * x + 0.2).values():
        assert value == pytest.approx(0, abs=1e-4)


def test_pictures_of_another_size_are_refused() -> None:
    x = np.zeros((4, 1, 32, 32), np.float32)
    with pytest.raises(CoopError, match="of one size"):
        multiscale_sliced(x, x[..., :16])
    with pytest.raises(CoopError, match="at least 14×14"):
        multiscale_sliced(x[..., :8, :8], x[..., :8, :8])
