"""Principal colours, in arrays, in cards and in pixels."""

from dataclasses import replace

import numpy as np
import pytest

from coop_runtime import CoopError, from_samples, from_uint8, to_samples, to_uint8
from coop_runtime.card import Signal
from coop_runtime.colours import mix, unmix

#: As of a photograph of grey stones: one spread of light, two of hue a fiftieth as large.
STONES = ((0.73, 0.03, 0.01, 0.1), (0.73, -0.02, 0.02, 0.05), (0.75, -0.01, -0.03, -0.1))
COLOUR = Signal("texture", 2, 3, (-1.0, 1.0), (0.0, 255.0), (8, 8), (True, True), colours=STONES)


def test_channels_are_sums_of_principal_colours() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 5, 4)).astype(np.float32)
    rows = np.array(STONES)
    expected = np.einsum("ck,nk...->nc...", rows[:, :3], x) + rows[:, 3].reshape(3, 1, 1)
    np.testing.assert_allclose(mix(x, STONES), expected, atol=1e-6)
    np.testing.assert_allclose(unmix(mix(x, STONES), STONES), x, atol=1e-5)
    np.testing.assert_array_equal(mix(x, ()), x)
    np.testing.assert_array_equal(unmix(x, ()), x)


def test_a_part_is_bit_for_bit_that_of_the_whole() -> None:
    x = np.random.default_rng(1).uniform(-1, 1, (1, 3, 37, 41)).astype(np.float32)
    np.testing.assert_array_equal(mix(x, STONES)[:, :, 5:9, 7:], mix(x[:, :, 5:9, 7:], STONES))


def test_every_colour_survives() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 3), np.uint8)
    pixels[0, :4, :2] = np.array([[0, 0, 0], [255, 255, 255]])
    np.testing.assert_array_equal(to_uint8(from_uint8(pixels, COLOUR), COLOUR), pixels)
    levels = pixels.astype(np.float32)
    np.testing.assert_allclose(to_samples(from_samples(levels, COLOUR), COLOUR), levels, atol=1e-2)


def test_what_no_screen_can_show_is_clipped() -> None:
    x = np.full((1, 3, 1, 1), 40, np.float32)
    assert to_uint8(x, COLOUR).ravel().tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("colours", "message"),
    [
        (STONES[:2], "expected 3 rows of 4 numbers"),
        (((1.0, 0.0, 0.0),) * 3, "expected 3 rows of 4 numbers"),
        (((1.0, 1.0, 1.0, 0.0),) * 3, "not to be undone"),
        (((1.0, 0.0, 0.0, 0.0), (0.0, 1e-9, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)), "not to be undone"),
        (((1e4, 0.0, 0.0, 0.0), *STONES[1:]), "too large"),
    ],
)
def test_wrong_colours(colours: tuple[tuple[float, ...], ...], message: str) -> None:
    with pytest.raises(CoopError, match=f"signal.colours: {message}"):
        replace(COLOUR, colours=colours)


def test_signals_that_have_no_colours() -> None:
    with pytest.raises(CoopError, match=r"signal\.colours: not of 1 channels"):
        replace(COLOUR, channels=1)
    sound = Signal("sound", 1, 3, (-1.0, 1.0), (-1.0, 1.0), (8,), (True,), whitening=(0.5,))
    with pytest.raises(CoopError, match=r"signal\.colours: whitened sounds have none"):
        replace(sound, colours=STONES)
