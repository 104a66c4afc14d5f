"""Peers of the textures: what each of them keeps of the picture, and what it does not."""

from itertools import product

import numpy as np
import plenoptic as po
import pytest
import torch
from numpy.typing import NDArray

from coop_eval.peers import texture_gram
from coop_eval.peers.texture_gram import gram_matching
from coop_eval.peers.texture_phase import periodic_component, random_phase
from coop_eval.peers.texture_quilting import cheapest_seam, image_quilting
from coop_eval.peers.texture_synthesis import portilla_simoncelli
from coop_runtime import CoopError

Floats = NDArray[np.float64]


def weave(side: int = 128, channels: int = 1) -> Floats:
    """Draw oblique stripes of two colours with a little noise, in [0, 1]."""
    rng = np.random.default_rng(0)
    y, x = np.indices((side, side))
    stripes = (
        0.5 + 0.3 * np.sign(np.sin((2 * x + y) / 4)) + 0.02 * rng.standard_normal((side, side))
    )
    return np.clip(np.stack([stripes * (1 - 0.2 * c) for c in range(channels)]), 0, 1)


def test_random_phase_keeps_spectra_and_cross_spectra() -> None:
    picture = weave(64, 3) + 0.1 * np.random.default_rng(5).random((3, 64, 64))
    noise = random_phase(picture, np.random.default_rng(1))
    of, found = np.fft.fft2(picture), np.fft.fft2(noise)
    np.testing.assert_allclose(found[:, None] * found.conj(), of[:, None] * of.conj(), atol=1e-6)
    assert np.abs(noise - picture).max() > 0.1
    np.testing.assert_allclose(noise.mean((1, 2)), picture.mean((1, 2)))


def test_the_periodic_component_solves_moisans_equation() -> None:
    # Periodic Laplacian of p = Laplacian of u with Neumann borders, and both have the same mean.
    u = np.random.default_rng(0).random((2, 12, 15))
    p = periodic_component(u)
    edge = np.pad(u, ((0, 0), (1, 1), (1, 1)), mode="edge")
    inner = sum(
        edge[:, 1 + i : 13 + i, 1 + j : 16 + j] - u for i, j in ((0, 1), (0, -1), (1, 0), (-1, 0))
    )
    around = sum(np.roll(p, s, axis=a) - p for s, a in product((1, -1), (1, 2)))
    np.testing.assert_allclose(around, inner, atol=1e-12)
    np.testing.assert_allclose(p.mean((1, 2)), u.mean((1, 2)))


def test_the_seam_is_the_cheapest_of_all_paths() -> None:
    errors = np.random.default_rng(0).random((6, 4))
    paths = [p for p in product(range(4), repeat=6) if (np.abs(np.diff(p)) <= 1).all()]
    best = min(paths, key=lambda path: sum(errors[row, c] for row, c in enumerate(path)))
    assert tuple(cheapest_seam(errors)) == best


def test_quilts_are_made_of_blocks_that_fit_and_are_not_the_picture() -> None:
    picture = weave(channels=3)
    quilt = image_quilting(picture, (150, 120), np.random.default_rng(0), block=24)
    assert quilt.shape == (3, 150, 120)
    colours = {tuple(pixel) for pixel in picture.astype(np.float32).reshape(3, -1).T}
    assert {tuple(pixel) for pixel in quilt.reshape(3, -1).T} <= colours
    # Stripes go on across the seams: neighbours differ as rarely as in the picture.
    jumps = [(np.abs(np.diff(p[0], axis=1)) > 0.3).mean() for p in (picture, quilt)]
    assert jumps[1] == pytest.approx(jumps[0], rel=0.15)
    middle = quilt[:, :120]
    assert np.abs(middle - picture[:, :120, :120]).mean() > 0.01
    with pytest.raises(CoopError, match="smaller than two blocks"):
        image_quilting(picture, (64, 64), np.random.default_rng(0), block=70)


def test_synthesis_moves_noise_to_the_pictures_statistics() -> None:
    picture = weave()
    model = po.models.PortillaSimoncelli((128, 128)).double()
    rng = np.random.default_rng(0)
    made = portilla_simoncelli(picture, rng, steps=8)
    assert made.shape == picture.shape
    assert made.min() >= 0
    assert made.max() <= 1
    of, found, noise = (
        model(torch.from_numpy(p)[None]).numpy()[0, 0]
        for p in (picture, made, random_phase(picture, rng))
    )
    assert np.linalg.norm(found - of) < 0.3 * np.linalg.norm(noise - of)
    with pytest.raises(CoopError, match="at least 128x128"):
        portilla_simoncelli(picture[:, :100], rng)


def test_synthesis_keeps_what_colours_have_in_common() -> None:
    rng = np.random.default_rng(0)
    picture = weave(channels=3)
    picture[2] = 1 - weave().clip(0, 1)[0].T  # stripes of another direction
    made = portilla_simoncelli(picture, rng, steps=2)
    of, found = (np.corrcoef(p.reshape(3, -1)) for p in (picture, made))
    np.testing.assert_allclose(found, of, atol=0.1)


def test_gram_matching_moves_noise_to_the_pictures_stripes() -> None:
    picture = weave(channels=3)
    made = gram_matching(picture, (64, 96), np.random.default_rng(0), steps=40)
    assert made.shape == (3, 64, 96)
    np.testing.assert_allclose(made.mean((1, 2)), picture.mean((1, 2)), atol=0.03)
    # Along a stripe neighbours are alike, across it they are not.
    along, across = (
        np.mean((made[0] - np.roll(made[0], shift, (0, 1))) ** 2) for shift in ((2, -1), (2, 4))
    )
    assert along < 0.3 * across
    with pytest.raises(CoopError, match="multiples of"):
        gram_matching(picture, (65, 96), np.random.default_rng(0))
    with pytest.raises(CoopError, match="smallest side is 20, expected at least 21"):
        gram_matching(picture, (20, 96), np.random.default_rng(0))


def test_random_filters_have_unit_response() -> None:
    level = torch.from_numpy(np.random.default_rng(0).random((1, 2, 40, 50))).float().cumsum(3)
    filters = texture_gram._filters(level, np.random.default_rng(1))
    response = torch.conv2d(level, filters)
    np.testing.assert_allclose(response.std((0, 2, 3)), 1, rtol=1e-3)


def test_histograms_are_off_by_the_squared_wasserstein_distance() -> None:
    level = torch.rand((1, 3, 8, 9), generator=torch.Generator().manual_seed(0))
    wanted = texture_gram._quantiles(level.flip(2) + 0.5, 72)
    assert float(texture_gram._off(level, wanted)) == pytest.approx(0.25, rel=1e-2)


def test_gram_matrices_of_a_periodic_picture_are_the_same_wrapped_or_not() -> None:
    # Products across levels, too: features of both must lie over one another without a border.
    # A wave and the window, whose ends are left out unwrapped, do not quite fit: hence 3 %.
    y, x = np.meshgrid(*[2 * np.pi * np.arange(512) / 8] * 2, indexing="ij")
    wave = torch.from_numpy(np.sin(x + y) + np.cos(2 * x) + np.sin(y - x / 2)).float()[None, None]
    rng = np.random.default_rng(0)
    levels = texture_gram._pyramid(wave, 3, wrap=True)
    filters = [texture_gram._filters(level, rng) for level in levels]
    both = (texture_gram._grams(levels, filters, wrap=wrap) for wrap in (True, False))
    for wrapped, cut in zip(*both, strict=True):
        assert torch.linalg.norm(wrapped - cut) < 0.03 * torch.linalg.norm(wrapped)
