"""Sounds whitened by a linear prediction, and coloured again."""

import numpy as np
import pytest

from coop_runtime import CoopError, from_samples, to_samples
from coop_runtime.card import Signal
from coop_runtime.whitening import colour, whiten

RESONANCE = [2 * 0.98 * np.cos(0.3), -(0.98**2)]


def test_colour_is_the_recursion() -> None:
    y = np.random.default_rng(0).normal(size=500)
    x = np.zeros(502)
    for t in range(500):
        x[t + 2] = y[t] + RESONANCE[0] * x[t + 1] + RESONANCE[1] * x[t]
    np.testing.assert_allclose(colour(y, RESONANCE), x[2:], atol=1e-5)
    np.testing.assert_allclose(whiten(x[2:], RESONANCE), y, atol=1e-6)


def test_samples_of_a_whitened_sound() -> None:
    sound = Signal("sound", 1, 2, (-1.0, 1.0), (-0.5, 0.5), (8,), (True,), 8000.0, (0.9,))
    x = np.random.default_rng(0).uniform(-1, 1, (3, 2, 50)).astype(np.float32)
    samples = to_samples(x, sound)
    assert samples.shape == (3, 50, 2)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples[1, :, 0], colour(x[1, 0] / 2, [0.9]), atol=1e-6)
    np.testing.assert_allclose(from_samples(samples, sound), x, atol=1e-5)


@pytest.mark.parametrize("cuts", [(20,), (1, 2, 30), (1, 1, 1, 40)])
def test_a_sound_in_parts(cuts: tuple[int, ...]) -> None:
    prediction = tuple(RESONANCE)
    sound = Signal("sound", 1, 2, (-1.0, 1.0), (-0.5, 0.5), (8,), (True,), 8000.0, prediction)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 2, 50)).astype(np.float32)
    whole, parts = to_samples(x, sound), np.empty((1, 0, 2), np.float32)
    for part in np.split(x, np.cumsum(cuts), axis=2):
        if part.shape[2]:
            parts = np.concatenate([parts, to_samples(part, sound, parts)], axis=1)
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_only_sounds_are_whitened() -> None:
    with pytest.raises(CoopError, match="only sounds have it"):
        Signal("texture", 1, 1, (-1.0, 1.0), (0.0, 255.0), (8,), (True,), None, (0.9,))
