import numpy as np
import pytest

from coop_eval.sounds.hearing import Statistics, statistics
from coop_eval.sounds.likeness import halves, likeness, modulation_distance, snr

RATE = 11025.0
NOISE = np.random.default_rng(0).standard_normal(44100)


def test_statistics_off_by_a_tenth_have_an_snr_of_20_db() -> None:
    found = statistics(NOISE, RATE)
    off = Statistics(*(1.1 * values for values in found))
    ratios = snr(found, off)
    assert len(ratios.classes) == 8
    assert ratios.mean == pytest.approx(20)
    assert list(ratios.classes.values()) == pytest.approx([20] * 8)


def test_bands_that_are_not_heard_do_not_count() -> None:
    found = statistics(NOISE, RATE)
    quiet = found._replace(power=found.power.clone())
    quiet.power[5] = quiet.power.max() / 1100
    wrong = quiet._replace(skew=quiet.skew.clone(), modulation=quiet.modulation.clone())
    wrong.skew[5] += 100
    wrong.modulation[5] *= 100
    assert snr(quiet, wrong).classes["skew"] == 120
    assert modulation_distance(quiet, wrong) == 0
    assert snr(found, wrong).classes["skew"] < 0


def test_modulations_of_twice_the_power_are_3_db_away() -> None:
    found = statistics(NOISE, RATE)
    strong = found._replace(modulation=2 * found.modulation)
    assert modulation_distance(found, strong) == pytest.approx(10 * np.log10(2), abs=1e-6)


def test_a_sound_is_like_itself_and_its_halves_are_alike_but_no_copies() -> None:
    same = likeness(NOISE, NOISE, RATE)
    assert (same.snr.mean, same.modulation, same.copies) == (120, 0, 1)
    null = likeness(*halves(NOISE), RATE)
    pulsing = NOISE * (np.sin(np.arange(44100) / 700) > 0)
    other = likeness(NOISE, pulsing, RATE)
    assert null.snr.mean > other.snr.mean + 3
    assert null.modulation < other.modulation
    assert null.copies == 0
