"""Signals to 8-bit values and back."""

import numpy as np
import pytest

from coop_runtime import CoopError, from_samples, from_uint8, to_samples, to_uint8
from coop_runtime.card import Signal

COLOUR = Signal("texture", 2, 3, (-1.0, 1.0), (0.0, 255.0), (8, 8), (True, True))
ODD = Signal("texture", 1, 1, (-3.0, 5.0), (10.0, 200.0), (8,), (True,))


def test_every_value_survives() -> None:
    pixels = np.arange(256 * 6, dtype=np.uint8).reshape(2, 16, 16, 3)
    x = from_uint8(pixels, COLOUR)
    assert x.shape == (2, 3, 16, 16)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(x, COLOUR), pixels)
    values = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    np.testing.assert_array_equal(to_uint8(from_uint8(values, ODD), ODD), values)


def test_ends_of_the_ranges_rounding_and_clipping() -> None:
    x = np.array([[[-3, 5, -100, 100, 1]]], np.float32)
    np.testing.assert_array_equal(to_uint8(x, ODD).ravel(), [10, 200, 0, 255, 105])


def test_wrong_arrays() -> None:
    with pytest.raises(CoopError, match=r"x: expected the shape \(n, 3, size, size\), found"):
        to_uint8(np.zeros((1, 1, 8, 8), np.float32), COLOUR)
    with pytest.raises(CoopError, match="x: expected finite numbers"):
        to_uint8(np.full((1, 3, 8, 8), np.nan, np.float32), COLOUR)
    with pytest.raises(CoopError, match=r"pixels: expected the shape \(n, size, size, 3\), found"):
        from_uint8(np.zeros((1, 8, 8, 4), np.uint8), COLOUR)
    with pytest.raises(CoopError, match="pixels: expected uint8, found float32"):
        from_uint8(np.zeros((1, 8, 8, 3), np.float32), COLOUR)
    with pytest.raises(CoopError, match=r"samples: expected the shape \(n, size, 1\), found"):
        from_samples(np.zeros((1, 8, 2), np.float32), ODD)
    with pytest.raises(CoopError, match="samples: expected float32, found float64"):
        from_samples(np.zeros((1, 8, 1)), ODD)  # type: ignore[arg-type]


def test_samples_of_a_sound() -> None:
    sound = Signal("sound", 1, 2, (-1.0, 1.0), (-0.5, 0.5), (8,), (True,), rate=16000.0)
    x = np.random.default_rng(0).uniform(-1, 1, (3, 2, 50)).astype(np.float32)
    samples = to_samples(x, sound)
    assert samples.shape == (3, 50, 2)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples[1, :, 0], x[1, 0] / 2, rtol=1e-6)
    np.testing.assert_allclose(from_samples(samples, sound), x, atol=1e-6)
    np.testing.assert_array_equal(to_samples(2 * np.ones_like(x), sound), 0.5)
