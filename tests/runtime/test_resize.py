"""Scaling and filling of pictures."""

import numpy as np
import pytest
from PIL import Image

from coop_runtime.tasks.resize import filled, resize


@pytest.mark.parametrize("size", [(5, 7), (64, 13), (40, 90), (1, 1)])
def test_it_is_pillows_bilinear(size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).standard_normal((40, 33)).astype(np.float32)
    expected = Image.fromarray(x).resize(size[::-1], Image.Resampling.BILINEAR)
    found = resize(x[None, None], size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, 0], np.asarray(expected), atol=1e-5)


def test_a_clip_is_scaled_frame_by_frame() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 8, 8)).astype(np.float32)
    found = resize(x, (4, 5, 16))
    np.testing.assert_array_equal(found[:, :, 2], resize(x[:, :, 2], (5, 16)))


def test_what_is_known_is_kept_and_a_plane_is_continued() -> None:
    down, across = np.mgrid[:16, :16].astype(np.float32)
    x = (down + 2 * across)[None, None]
    known = np.random.default_rng(1).random(x.shape) < 0.5
    whole = filled(np.where(known, x, np.float32(np.nan)), known)
    np.testing.assert_array_equal(whole[known], x[known])
    assert np.abs(whole - x).max() < 8  # a far coarser guess, the mean, is up to 22 off
    assert np.sqrt(np.mean((whole - x)[~known] ** 2)) < 1.5


def test_an_entry_known_anywhere_is_enough() -> None:
    known = np.zeros((1, 1, 37, 5), bool)
    known[..., 30, 2] = True
    np.testing.assert_allclose(filled(np.full(known.shape, 3, np.float32), known), 3, rtol=1e-6)
