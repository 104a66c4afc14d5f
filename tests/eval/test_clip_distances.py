"""Distances of clips, against closed forms."""

from typing import Any

import numpy as np
import pytest

from coop_eval import clips
from coop_runtime import CoopError


def noise(frames: int = 64, correlation: float = 0.0, seed: int = 0, sd: float = 0.1) -> Any:
    """Pixels that are each an AR(1) process in time, white in space."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, frames, 24, 24))
    for t in range(1, frames):
        x[:, t] = correlation * x[:, t - 1] + np.sqrt(1 - correlation**2) * x[:, t]
    return (0.5 + sd * x).astype(np.float32)


def test_a_clip_is_at_no_distance_of_itself() -> None:
    found = clips.compare(noise(), noise())
    assert found == clips.ClipDistances(*[0.0] * 9)


def test_brightness_contrast_and_pixels_are_shifts() -> None:
    clip = noise(sd=0.01)
    found = clips.compare(clip + np.float32(0.2), clip)
    np.testing.assert_allclose((found.brightness, found.pixels), 0.2, rtol=1e-4)
    assert found.contrast < 1e-6
    wider = clips.compare(0.5 + 3 * (clip - 0.5), clip)
    np.testing.assert_allclose(wider.contrast, 0.02, rtol=0.05)
    np.testing.assert_allclose(wider.change, 20 * np.log10(3), rtol=1e-3)
    np.testing.assert_allclose(wider.spectrum, 20 * np.log10(3), rtol=1e-3)
    np.testing.assert_allclose(wider.temporal_spectrum, 20 * np.log10(3), rtol=1e-3)


def test_autocorrelation_of_an_autoregressive_process() -> None:
    found = clips.autocorrelation(noise(400, 0.8), 16)
    np.testing.assert_allclose(found, 0.8 ** np.arange(1, 9), atol=0.03)


def test_power_in_time_of_an_autoregressive_process() -> None:
    found = clips.temporal_spectrum(noise(2000, 0.8), 32)
    phase = np.exp(-2j * np.pi * np.arange(1, 17) / 32)
    expected = -20 * np.log10(np.abs(1 - 0.8 * phase))
    difference = found - expected
    np.testing.assert_allclose(difference[1:-1], difference[1:-1].mean(), atol=0.6)


def test_power_in_space_of_a_wave() -> None:
    wave = 0.5 + 0.2 * np.sin(2 * np.pi * 6 * np.arange(32) / 32)
    clip = np.broadcast_to(wave, (1, 8, 32, 32)).astype(np.float32)
    assert clips.spatial_spectrum(clip).argmax() == 6 - 1


def test_order_in_time_is_seen_by_temporal_figures_alone() -> None:
    clip = noise(128, 0.9)
    shuffled = clip[:, np.random.default_rng(0).permutation(128)]
    found, usual = clips.compare(shuffled, clip), clips.null(clip)
    assert max(found.brightness, found.contrast, found.pixels) < 1e-6
    assert found.spectrum < 1e-4
    assert found.patches < 2 * usual.patches
    assert found.change > 10 * usual.change
    for name in ("temporal_spectrum", "autocorrelation", "cuboids"):
        assert getattr(found, name) > 4 * getattr(usual, name), name


def test_sliced_wasserstein_of_a_shift() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((2000, 9))
    # Seen from a random direction, a shift of length |d| is one of |d|/√9 (root mean square).
    np.testing.assert_allclose(clips.sliced_wasserstein(a + 1.0, a, 0), 1.0, rtol=0.15)


def test_blocks_are_those_of_the_clip() -> None:
    clip = np.arange(2 * 9 * 10 * 11, dtype=np.float32).reshape(2, 9, 10, 11)
    blocks = clips.cuboids(clip, (9, 10, 11), 0, count=1)
    np.testing.assert_array_equal(blocks.ravel(), clip.ravel())
    inside = clips.cuboids(clip, (2, 3, 4), 0, count=5).reshape(5, 2, 2, 3, 4)
    np.testing.assert_array_equal(np.diff(inside, axis=2), 110)
    np.testing.assert_array_equal(np.diff(inside, axis=4), 1)


def test_wrong_clips_are_refused() -> None:
    with pytest.raises(CoopError, match="alike but for their frames"):
        clips.compare(noise()[:, :, :16], noise())
    with pytest.raises(CoopError, match="at least 32 frames"):
        clips.compare(noise(16), noise())
