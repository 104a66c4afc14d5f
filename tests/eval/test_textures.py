"""Figures of textures, on textures whose figures are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_eval.textures.colours import Colours
from coop_eval.textures.copies import copied_patches, copied_patches_real
from coop_eval.textures.diversity import ms_ssim_between
from coop_eval.textures.figures import TextureReference
from coop_eval.textures.statistics import PsReference
from coop_eval.textures.wasserstein import PatchReference
from coop_runtime import CoopError

Floats = NDArray[np.float64]


def dots(seed: int, side: int = 128, channels: int = 1) -> Floats:
    """Draw a stationary texture that is not Gaussian: small blurred blobs at random places."""
    rng = np.random.default_rng(seed)
    points = np.fft.rfft2(rng.random((side, side)) < 0.02)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    field = np.fft.irfft2(points * np.exp(-2 * (2 * np.pi * frequency) ** 2), s=(side, side))
    field = np.clip(0.2 + 4 * field, 0, 1)
    tints = np.array([1.0, 0.7, 0.4])[:channels, None, None]
    noise = 0.02 * rng.standard_normal((channels, side, side))
    return np.asarray(np.clip(field * tints + noise, 0, 1))


@pytest.fixture(scope="module")
def picture() -> Floats:
    return dots(0)


def test_the_same_texture_is_at_the_distance_of_real_crops(picture: Floats) -> None:
    statistics, patches = PsReference.of(picture), PatchReference.of(picture)
    assert statistics.side == patches.side == 64
    same, noise = dots(1), np.random.default_rng(2).random((1, 128, 128))
    # Statistics of one process: the ratio to the null value is 1 but for chance.
    assert statistics.distance(same) == pytest.approx(statistics.real, rel=0.25)
    assert patches.distance(same) == pytest.approx(patches.real, rel=0.35)
    assert statistics.distance(noise) > 4 * statistics.real
    assert patches.distance(noise) > 4 * patches.real


def test_patches_shifted_by_a_constant_are_told_by_it_alone() -> None:
    # The sliced distance of a point set and its translate by t is E⟨θ, t⟩² ^ ½ = |t| / √dim.
    rng = np.random.default_rng(0)
    picture = rng.random((1, 128, 128))
    patches = PatchReference.of(picture)
    shift = 3.0
    far = patches.distance(picture + shift)
    # Only the blurred rest holds the mean: each of its 49 pixels moves by shift / std.
    rest = shift / patches.moments[-1][1].item()
    assert far == pytest.approx(rest / len(patches.points), rel=0.1)


@pytest.mark.parametrize(("side", "crop"), [(224, 112), (250, 112), (128, 64)])
def test_sizes_other_than_256_have_a_yardstick(side: int, crop: int) -> None:
    reference = PsReference.of(dots(3, side))
    assert reference.side == crop
    assert 0.8 < reference.real < 5


def test_copies_are_found_and_new_ones_are_not(picture: Floats) -> None:
    assert copied_patches(picture[:, 9:100, 4:90], picture) == 1.0
    assert copied_patches(dots(1), picture) <= copied_patches_real(picture) + 0.05
    half = dots(1)
    half[:, :64] = picture[:, 13:77]
    assert copied_patches(half, picture) == pytest.approx(0.5, abs=0.08)
    periodic = np.tile(picture[:, :32, :32], (1, 4, 4))
    assert copied_patches_real(periodic) == 1.0


def test_colours_are_uncorrelated_and_come_back() -> None:
    rng = np.random.default_rng(0)
    mixing = np.eye(3) + 0.3 * rng.random((3, 3))
    picture = np.tensordot(mixing, rng.random((3, 40, 40)), axes=1)
    colours = Colours.of(picture)
    channels = colours.channels(picture)
    covariance = np.cov(channels.reshape(3, -1))
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-12)
    assert (np.diff(np.diag(covariance)) < 0).all()
    np.testing.assert_allclose(colours.colours(channels, picture), picture, atol=1e-12)


def test_colours_that_a_picture_hardly_has_are_left_out() -> None:
    tinted = dots(0, channels=3)
    assert 1 <= len(Colours.of(tinted).axes) <= 3
    grey = dots(0).repeat(3, axis=0)
    colours = Colours.of(grey)
    np.testing.assert_allclose(colours.channels(grey), grey[:1])
    np.testing.assert_allclose(colours.colours(grey[:1], grey), grey)


def test_all_figures_of_a_colour_texture_and_their_null_values() -> None:
    reference = TextureReference.of(dots(0, channels=3))
    real, found = reference.real, reference.figures([dots(s, channels=3) for s in (1, 2)])
    assert found.statistics < 1.25 * real.statistics
    assert found.copied <= real.copied + 0.05
    assert found.ms_ssim < 0.3
    flat = reference.figures([0.5 + 0.01 * dots(1, channels=3)])
    assert flat.statistics > 3 * real.statistics
    assert np.isnan(flat.ms_ssim)


def test_a_grey_picture_in_three_channels_is_measured_as_grey() -> None:
    grey = dots(0)
    one, three = TextureReference.of(grey), TextureReference.of(grey.repeat(3, axis=0))
    np.testing.assert_allclose(one.real, three.real, rtol=1e-9)


def test_equal_samples_are_all_alike(picture: Floats) -> None:
    assert ms_ssim_between([picture, picture]) == pytest.approx(1)
    assert ms_ssim_between([dots(1, 176), dots(2, 176)]) < 0.3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: PsReference.of(p[:, :100]), "expected at least 128x128"),
        (lambda p: PsReference.of(p).distance(p[:, :50]), "the sample is 128x50"),
        (lambda p: PsReference.of(p[0]), r"expected floats \(channels, height, width\)"),
        (lambda p: Colours.of(p.repeat(2, axis=0)), "2 channels"),
        (lambda p: Colours.of(np.zeros((3, 9, 9))), "one single colour"),
        (lambda p: Colours.of(p * np.nan), "not finite"),
        (lambda p: ms_ssim_between([p]), "at least 2"),
        (lambda p: TextureReference.of(p).figures([]), "at least 1"),
        (lambda p: ms_ssim_between([p, p[:, :99]]), "differ in shape"),
        (lambda p: ms_ssim_between([p[:, :20], p[:, :20]]), "expected at least 22"),
        (lambda p: Colours.of(p).channels(p.repeat(3, axis=0)), "3 channels, expected 1"),
    ],
)
def test_what_cannot_be_measured_is_said(call: object, message: str, picture: Floats) -> None:
    assert callable(call)
    with pytest.raises(CoopError, match=message):
        call(picture)
