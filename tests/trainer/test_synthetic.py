"""Signals that need no file: what they are made of, and that the loaders know their names."""

from pathlib import Path

import numpy as np
import pytest

from coop_trainer.data import load_clips, load_sound
from coop_trainer.data.synthetic import CLIP_RATE, water, waves


def test_same_seed_same_bytes() -> None:
    assert water(1.0, seed=3).tobytes() == water(1.0, seed=3).tobytes()
    assert water(1.0, seed=3).tobytes() != water(1.0, seed=4).tobytes()
    assert waves(4, seed=3).tobytes() == waves(4, seed=3).tobytes()


def test_bubbles_ring_at_minnaert_s_frequencies() -> None:
    sound = water(4.0).astype(np.float64)
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / 11025)
    # Radii from 0.8 to 5 mm ring at 3/r: from 600 to 3750 Hz; rising ones a little above.
    inside = (frequency > 500) & (frequency < 4500)
    assert power[inside].sum() > 0.9 * power.sum()
    assert np.abs(sound).max() == 1.0


def test_waves_move_and_stay_a_texture() -> None:
    clip = waves(frames=48)
    assert clip.shape == (48, 64, 64, 1)
    assert clip.dtype == np.uint8
    level = clip[..., 0].astype(np.float64)
    spread = level.std(axis=(1, 2))
    assert spread.min() > 0.8 * spread.max()
    near, far = (np.corrcoef(level[0].ravel(), level[k].ravel())[0, 1] for k in (1, 24))
    assert near > 0.8
    assert abs(far) < 0.5


def test_loaders_know_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sound = load_sound(["water"])
    assert (sound.kind, sound.names, sound.rate) == ("sound", ("water",), 11025.0)
    assert sound.arrays[0].shape == (1, 20 * 11025, 1)
    clip = load_clips(["waves"], size=None)
    assert (clip.kind, clip.names, clip.rate) == ("clips", ("waves",), CLIP_RATE)
    Path("waves").mkdir()  # a bundle, say: a folder is meant by ./waves only
    np.savez("waves/a.npz", frames=np.arange(4, dtype=np.uint8).reshape(2, 2, 1))
    assert load_clips(["waves"], size=None).names == ("waves",)
    assert load_clips(["./waves"], size=None).arrays[0].shape == (1, 2, 2, 1, 1)
