"""Copied frames of clips whose truth is known."""

from typing import Any

import numpy as np
import pytest

from coop_eval.clip_copies import copied_frames, copied_frames_real
from coop_runtime import CoopError

CLIPS = 12


def process(seed: int, frames: int = 128) -> Any:
    """Play a process: eight patterns, the same for every seed, each an AR(1) in time, and noise."""
    patterns = np.random.default_rng(99).standard_normal((8, 1, 16, 16))
    rng = np.random.default_rng(seed)
    level = np.empty((frames, 8))
    level[0] = rng.standard_normal(8)
    for t in range(1, frames):
        level[t] = 0.8 * level[t - 1] + 0.6 * rng.standard_normal(8)
    clip = np.einsum("tk,kchw->cthw", level, patterns) + 0.3 * rng.standard_normal((frames, 16, 16))
    return (0.5 + 0.05 * clip).astype(np.float32)


def test_copies_are_copies_in_any_order_pale_or_not() -> None:
    original = process(0)
    copy = original[:, np.random.default_rng(0).permutation(128)]
    assert copied_frames(copy, original) == 1.0
    common = original.mean(1, keepdims=True)
    assert copied_frames(common + 0.3 * (copy - common), original) == 1.0
    half_new = np.concatenate([copy[:, :64], process(1, 64)], axis=1)
    assert 0.5 <= copied_frames(half_new, original) < 0.65


def test_new_frames_of_the_same_process_have_about_the_quantile() -> None:
    new = [copied_frames(process(k), process(100 + k)) for k in range(CLIPS)]
    real = [copied_frames_real(process(100 + k)) for k in range(CLIPS)]
    for found in (np.mean(new), np.mean(real)):
        assert 0.03 < found < 0.12
    assert np.mean(real) == pytest.approx(np.mean(new), abs=0.05)


def test_a_clip_that_repeats_itself_says_so() -> None:
    # Two eighths are the same: each, held out, is found in the rest, which itself repeats nothing.
    clip = process(0)
    clip[:, 64:80] = clip[:, :16]
    assert copied_frames_real(clip) == pytest.approx(2 / 8, abs=0.05)


def test_a_short_clip_is_refused() -> None:
    with pytest.raises(CoopError, match="has 7 frames, expected at least 8"):
        copied_frames(process(0), process(0, 7))
    assert copied_frames_real(process(0, 8)) <= 1
