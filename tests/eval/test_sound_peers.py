from typing import Any

import numpy as np
import pytest

from coop_eval.peers.sounds import matched_statistics, random_phase, shuffled_grains
from coop_eval.sounds.grains import copied_grains
from coop_eval.sounds.hearing import statistics
from coop_eval.sounds.likeness import snr

RATE = 4000.0


@pytest.fixture(scope="module")
def crackle() -> Any:
    """Give 4 s of faint noise with clicks that ring."""
    rng = np.random.default_rng(0)
    clicks = (rng.random(16000) < 0.003) * rng.standard_normal(16000)
    ringing = np.exp(-np.arange(200) / 30) * rng.standard_normal(200)
    return np.convolve(clicks, ringing)[:16000] + 0.02 * rng.standard_normal(16000)


@pytest.mark.parametrize("samples", [1000, 1001])
def test_random_phase_keeps_every_magnitude(samples: int, crackle: Any) -> None:
    sound = crackle[:samples] + 0.1
    noise = random_phase(sound, np.random.default_rng(1))
    np.testing.assert_allclose(np.abs(np.fft.rfft(noise)), np.abs(np.fft.rfft(sound)), atol=1e-9)
    assert noise.mean() == pytest.approx(sound.mean())
    assert abs(np.corrcoef(noise, sound)[0, 1]) < 0.3


def test_shuffled_grains_are_copies_and_as_loud(crackle: Any) -> None:
    shuffled = shuffled_grains(crackle, RATE, np.random.default_rng(1))
    assert shuffled.shape == crackle.shape
    assert (shuffled**2).mean() == pytest.approx((crackle**2).mean())
    assert copied_grains(shuffled, crackle, RATE) > 0.3
    noise = np.random.default_rng(2).standard_normal(16000)
    power = shuffled_grains(noise, RATE, np.random.default_rng(1)) ** 2
    parts = power.reshape(16, -1).mean(1)  # no dips where grains meet
    assert parts.std() < 0.15


def test_matched_statistics_reach_what_the_paper_reaches(crackle: Any) -> None:
    wanted = statistics(crackle, RATE)
    noise = statistics(random_phase(crackle, np.random.default_rng(1)), RATE)
    made = matched_statistics(crackle, RATE, np.random.default_rng(1), iterations=40)
    reached = snr(wanted, statistics(made, RATE, loop=True))
    assert reached.mean > 20 > 12 > snr(wanted, noise).mean
    assert (made**2).mean() == pytest.approx((crackle**2).mean())
    assert copied_grains(made, crackle, RATE) < 0.05
