from typing import Any

import numpy as np
import pytest
import scipy.signal
import scipy.stats

from coop_eval.sounds.cochlea import cochlear_filters
from coop_eval.sounds.hearing import statistics
from coop_runtime import CoopError

RATE = 11025.0


def noise(samples: int = 22050) -> Any:
    return np.random.default_rng(0).standard_normal(samples)


@pytest.mark.parametrize("samples", [22050, 27563])
def test_marginals_are_those_that_scipy_finds(samples: int) -> None:
    x = 0.01 * noise(samples) / np.sqrt((noise(samples) ** 2).mean())
    spectrum = np.fft.rfft(x)
    bands = np.fft.irfft(spectrum * cochlear_filters(samples, RATE), samples)
    envelopes = np.abs(scipy.signal.hilbert(bands)) ** 0.3
    slow = scipy.signal.resample(envelopes, round(samples * 400 / RATE), axis=1)
    found = statistics(x, RATE, loop=True)
    np.testing.assert_allclose(found.power, bands.var(1), rtol=1e-6)
    np.testing.assert_allclose(found.mean, slow.mean(1), rtol=1e-3)
    np.testing.assert_allclose(found.variation, slow.std(1) / slow.mean(1), rtol=2e-2)
    np.testing.assert_allclose(found.skew, scipy.stats.skew(slow, axis=1), atol=2e-2)
    expected = scipy.stats.kurtosis(slow, axis=1, fisher=False)
    np.testing.assert_allclose(found.kurtosis, expected, atol=5e-2)
    np.testing.assert_allclose(found.correlation, np.corrcoef(slow), atol=1e-2)


@pytest.mark.parametrize("phase", [0.0, 1.0, 3.0])
def test_a_tone_with_a_known_envelope(phase: float) -> None:
    """Compressed, it is 1 + 0.2 cos ωt + 0.1 cos(2ωt + φ), with ω in the middle of an octave."""
    samples = 22050
    t = np.arange(samples) / RATE
    slow, band = 2 * np.pi * 6.25 * t, 20
    gains = cochlear_filters(samples, RATE)
    tone = np.fft.rfftfreq(samples, 1 / RATE)[gains[band].argmax()]
    envelope = 1 + 0.2 * np.cos(slow) + 0.1 * np.cos(2 * slow + phase)
    x = envelope ** (1 / 0.3) * np.sin(2 * np.pi * tone * t)
    # 6.25 Hz fit 12.5 times into 2 s: as no loop, and the ramps weigh away what does not fit.
    found = statistics(x, RATE)
    assert float(found.variation[band]) == pytest.approx(np.sqrt(0.025), rel=0.08)
    expected = [np.cos(phase), np.sin(phase)]
    np.testing.assert_allclose(found.between_octaves[band, 2], expected, atol=0.1)
    assert int(found.modulation[band].argmax()) == 8  # 0.5·400^(8/19) = 6.23 Hz


def test_what_moves_together_correlates() -> None:
    samples = 55125
    t = np.arange(samples) / RATE
    together = noise(samples) * (1 + np.sin(2 * np.pi * 12.5 * t)) ** 3
    found = statistics(together, RATE)
    apart = statistics(noise(samples), RATE)
    assert float(found.correlation[12, 24]) > 0.7 > 0.2 > abs(float(apart.correlation[12, 24]))
    octave = found.between_bands[:, 12, 24]
    assert int(octave.argmax()) == 2  # of 3.125, 6.25, 12.5 … Hz
    assert float(octave[2]) > 0.9


def test_loudness_does_not_count() -> None:
    x = noise()
    for a, b in zip(statistics(x, RATE), statistics(0.01 * x, RATE), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    ("sound", "rate", "message"),
    [
        (np.zeros((2, 22050)), RATE, "one channel"),
        (np.zeros(22050), RATE, "silent"),
        (np.full(22050, np.nan), RATE, "not finite"),
        (np.ones(2000), RATE, "need 2 s"),
        (np.ones(22050), 700.0, "more than 800 Hz"),
    ],
)
def test_what_cannot_be_measured_is_refused(sound: Any, rate: float, message: str) -> None:
    with pytest.raises(CoopError, match=message):
        statistics(sound, rate)
