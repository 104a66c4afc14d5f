"""Figures of completed pictures against closed forms; completion by the tiny bundle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from coop_eval.filling.completion import (
    Inferring,
    Suggested,
    blended,
    hidden_error,
    hidden_psnr,
    judge,
    seam_energy,
    similarity,
    suggest,
)
from coop_eval.filling.holes import Mask, holes
from coop_runtime import CoopError, load

Floats = NDArray[np.float32]


def _faces(n: int, side: int = 24, seed: int = 0, low: float = 0, high: float = 1) -> Floats:
    return _floats(np.random.default_rng(seed).uniform(low, high, (n, 3, side, side)))


def _floats(values: Any) -> Floats:
    return np.asarray(values, np.float32)


def _in_holes(missing: Mask, there: Any, elsewhere: Any) -> Floats:
    return _floats(np.where(missing, there, elsewhere))


def test_errors_are_those_of_the_hidden_entries_alone() -> None:
    x, missing = _faces(3, high=0.5), holes("M10", 3, (24, 24))
    offset = np.array([0.1, 0.2, 0.4])
    completed = _in_holes(missing, x + offset.reshape(3, 1, 1, 1), x)
    np.testing.assert_allclose(hidden_error(x, completed, missing), offset, rtol=1e-5)
    np.testing.assert_allclose(
        hidden_psnr(x, completed, missing), -20 * np.log10(offset), rtol=1e-5
    )
    np.testing.assert_allclose(hidden_psnr(x, x, missing), 100)


def test_psnr_is_the_librarys_where_everything_is_hidden() -> None:
    a, b = _faces(1), _faces(1, seed=1)
    everything = np.ones((1, 1, 24, 24), bool)
    there = peak_signal_noise_ratio(a, b, data_range=1)  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(hidden_psnr(a, b, everything), there, rtol=1e-5)


def test_similarity_is_one_of_equal_pictures_and_less_of_others() -> None:
    x = _faces(2)
    np.testing.assert_allclose(similarity(x, x), 1)
    assert (similarity(x, _faces(2, seed=1)) < 0.2).all()


def test_the_seam_is_one_of_the_original_more_of_an_edge_and_less_of_a_blur() -> None:
    x, missing = _faces(4, low=0.3, high=0.7), holes("M10", 4, (24, 24))
    natural = _in_holes(missing, _faces(4, seed=1, low=0.3, high=0.7), x)
    assert judge(x, x, missing).seam == 1
    assert judge(x, natural, missing).seam == pytest.approx(1, abs=0.1)
    assert judge(x, _in_holes(missing, np.float32(1), x), missing).seam > 1.5
    grey = np.full_like(x, 0.5)
    assert judge(x, _in_holes(missing, grey, x), missing).seam < 0.8


def test_seam_energy_is_the_mean_square_of_the_steps_into_the_hole() -> None:
    missing = np.zeros((1, 1, 5, 5), bool)
    missing[..., 1:3, 1:4] = True
    x = _in_holes(missing, np.float32(0.5), np.zeros((1, 3, 5, 5), np.float32))
    np.testing.assert_allclose(seam_energy(x, missing), 0.25)
    np.testing.assert_allclose(seam_energy(np.ones_like(x), missing), 0)


def test_blending_takes_an_offset_of_the_draft_away_exactly() -> None:
    x, missing = _faces(3, low=0.2, high=0.7), holes("M10", 3, (24, 24))
    offset = np.array([0.1, -0.1, 0.2]).reshape(1, 3, 1, 1)
    np.testing.assert_allclose(blended(x, missing, _floats(x + offset)), x, atol=1e-5)


def test_blending_does_not_look_at_what_is_missing() -> None:
    x, missing, draft = _faces(1), holes("M10", 1, (24, 24)), _faces(1, seed=1)
    other = _in_holes(missing, np.float32(0), x)
    np.testing.assert_array_equal(blended(x, missing, draft), blended(other, missing, draft))


def test_the_oracle_is_the_suggestion_nearest_to_the_original() -> None:
    x, missing = _faces(2), holes("M10", 2, (24, 24))
    nothing = np.zeros((2, 3), np.float32)
    tries = np.stack([_in_holes(missing, _faces(2, seed=k), x) for k in (1, 2, 3)], axis=1)
    tries[0, 2] = x[0]
    tries[1, 1] = x[1]
    suggested = Suggested(tries, tries, nothing)
    np.testing.assert_array_equal(suggested.oracle(x, missing), x)
    np.testing.assert_array_equal(suggested.best, tries[:, 0])
    np.testing.assert_allclose(suggested.mean, tries.mean(axis=1))


def test_a_model_completes_what_it_draws_unseen_and_in_any_batch(tiny_bundle: Path) -> None:
    model = load(tiny_bundle, "cpu", 1)
    low, high = model.card.signal.value_range
    x = _floats(np.clip((model.generate(3, 0, 24) - low) / (high - low), 0, 1))
    missing = holes("M3", 3, (24, 24))  # a latent has 4×4 pixels to itself
    how = Inferring(chains=2, steps=30, settle=60)
    done = suggest(model, _in_holes(missing, np.float32(0.5), x), missing, how)
    again = suggest(model, x, missing, Inferring(chains=2, steps=30, settle=60, batch=1))
    assert done.pictures.shape == (3, 2, 3, 24, 24)
    np.testing.assert_allclose(done.pictures[:, :, :, 0], again.pictures[:, :, :, 0])
    np.testing.assert_allclose(
        _in_holes(missing, done.best, 0), _in_holes(missing, again.best, 0), atol=2 / 255
    )
    known = np.broadcast_to(~missing, x.shape)
    np.testing.assert_array_equal(again.best[known], x[known])
    assert (done.observed[:, 0] <= done.observed[:, 1]).all()
    blind = np.abs(x - 0.5)[~known].mean()
    assert judge(x, again.best, missing).error < 0.5 * blind


def test_shapes_that_do_not_fit_are_refused() -> None:
    x, missing = _faces(2), holes("M10", 2, (24, 24))
    with pytest.raises(CoopError, match="one shape"):
        judge(x, x[:1], missing)
    with pytest.raises(CoopError, match="masks"):
        judge(x, x, missing[:, 0])
    with pytest.raises(CoopError, match="nothing is missing"):
        judge(x, x, np.zeros_like(missing))
