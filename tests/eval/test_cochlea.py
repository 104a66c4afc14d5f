import numpy as np
import pytest

from coop_eval.sounds.cochlea import cochlear_filters, modulation_filters, octave_filters


@pytest.mark.parametrize("samples", [2205, 2000])
def test_all_power_of_a_sound_passes_the_cochlea_once(samples: int) -> None:
    gains = cochlear_filters(samples, 11025.0)
    assert gains.shape == (32, samples // 2 + 1)
    np.testing.assert_allclose((gains**2).sum(0), 1, atol=1e-12)


def test_bands_of_the_cochlea_widen_as_those_of_the_ear() -> None:
    gains = cochlear_filters(110250, 11025.0)
    frequency = np.fft.rfftfreq(110250, 1 / 11025)
    power = (gains[1:-1] ** 2).sum(1) * (frequency[1] - frequency[0])  # = half of a band's support
    centre = frequency[gains[1:-1].argmax(1)]
    erb = 24.7 * (1 + centre / (24.7 * 9.265))
    np.testing.assert_allclose(power / erb, np.median(power / erb), rtol=0.02)


def test_modulations_of_all_speeds_count_alike() -> None:
    gains = modulation_filters(20000, 400.0)
    frequency = np.fft.rfftfreq(20000, 1 / 400)
    inner = (frequency > 2) & (frequency < 100)
    np.testing.assert_allclose((gains**2).sum(0)[inner], 1, atol=0.15)
    assert gains.shape[0] == 20
    assert (gains[:, 0] == 0).all()


def test_octaves_end_where_their_neighbours_are_highest() -> None:
    gains = octave_filters(12800, 400.0)
    frequency = np.fft.rfftfreq(12800, 1 / 400)
    at = [
        int(np.argmin(np.abs(frequency - centre))) for centre in 100 / 2.0 ** np.arange(6, -1, -1)
    ]
    np.testing.assert_allclose(gains[:, at], np.eye(7), atol=1e-12)
