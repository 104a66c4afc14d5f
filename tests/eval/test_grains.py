import numpy as np
import pytest

from coop_eval.sounds.grains import copied_grains
from coop_runtime import CoopError

RATE = 8000.0
RNG = np.random.default_rng(0)
ORIGINAL = RNG.standard_normal(16000)


def test_the_share_that_was_copied_is_found() -> None:
    """Ten grains of 50 ms from odd places, quieter, then ten grains' length of new noise."""
    copied = [0.3 * ORIGINAL[k : k + 4000] for k in (1234,)]
    sample = np.concatenate([*copied, RNG.standard_normal(4000)])
    assert copied_grains(sample, ORIGINAL, RATE) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("noise", "share"), [(0.3, 1.0), (0.7, 0.0)])
def test_a_near_copy_has_four_fifths_of_its_energy_from_the_original(
    noise: float, share: float
) -> None:
    near = ORIGINAL[3000:9000] + noise * RNG.standard_normal(6000)
    assert copied_grains(near, ORIGINAL, RATE) == share


def test_silence_is_no_copy() -> None:
    assert copied_grains(np.zeros(4000), ORIGINAL, RATE) == 0
    half = np.concatenate([ORIGINAL[:4000], np.zeros(4000)])
    assert copied_grains(half, half, RATE) == pytest.approx(0.5, abs=0.04)


def test_sounds_shorter_than_a_grain_are_refused() -> None:
    with pytest.raises(CoopError, match="at least 400"):
        copied_grains(ORIGINAL, ORIGINAL[:300], RATE)
    with pytest.raises(CoopError, match="sample"):
        copied_grains(ORIGINAL[None], ORIGINAL, RATE)
