"""Latent Langevin against the posterior of a linear generator, which is a known Gaussian."""

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import Array, CoopError, LatentState, Posterior, latent_langevin
from coop_runtime.latent import start
from coop_runtime.philox import Purpose, Stream, streams

# g(z) = A z, x in R³, two latents; A makes one direction five times as stiff as the other.
A = np.array([[1.0, 0.2], [0.5, -0.3], [-1.0, 0.1]])
X = np.array([0.8, -0.2, 0.5])
SIGMA = 0.25
PRECISION = A.T @ A / SIGMA**2 + np.eye(2)
COVARIANCE = np.linalg.inv(PRECISION)
MEAN = COVARIANCE @ A.T @ X / SIGMA**2


def linear(z: Array) -> Posterior:
    z64 = z[..., 0].astype(np.float64)
    residual = X - z64 @ A.T
    log_p = -(residual**2).sum(1) / (2 * SIGMA**2) - (z64**2).sum(1) / 2
    gradient = (residual @ A / SIGMA**2 - z64)[..., None]
    return Posterior(*(a.astype(np.float32) for a in (log_p, gradient, (z64 @ A.T)[..., None])))


def chains(n: int) -> list[Stream]:
    return streams(7, 0, 1, Purpose.POSTERIOR, n)


def last(z: Array, of_each: list[Stream], steps: int, **settings: float | bool) -> LatentState:
    *_, state = latent_langevin(linear, z, of_each, steps=steps, **settings)  # type: ignore[arg-type]
    return state


def check_moments(z: Array, covariance: NDArray[np.float64]) -> None:
    """Compare with N(MEAN, covariance): means and products of n normals, five deviations wide."""
    found = z[..., 0].astype(np.float64) - MEAN
    n, scale = len(found), np.sqrt(np.diag(covariance))
    assert (np.abs(found.mean(0)) < 5 * scale / np.sqrt(n)).all()
    deviation = np.sqrt(2 / n) * np.outer(scale, scale)
    assert (np.abs(found.T @ found / n - covariance) < 5 * deviation).all()


def test_adapted_steps_sample_the_posterior() -> None:
    of_each = chains(2000)
    state = last(start(of_each, (2, 1)), of_each, 150)
    check_moments(state.z, COVARIANCE)
    assert state.step == 150
    # Best steps are about 1.65·d^(-1/6) of the stiffest deviation; adaptation comes near.
    stiff = 1 / np.sqrt(np.linalg.eigvalsh(PRECISION)[-1])
    assert 0.7 * stiff < np.median(state.step_size) < 4 * stiff


def test_plain_steps_have_the_variance_of_their_step() -> None:
    of_each, delta = chains(4000), 0.2
    state = last(start(of_each, (2, 1)), of_each, 150, step_size=delta)
    # z' − μ = (1 − ½δ²Λ)(z − μ) + δn has the covariance (Λ − ¼δ²Λ²)⁻¹.
    check_moments(state.z, np.linalg.inv(PRECISION - delta**2 / 4 * PRECISION @ PRECISION))
    assert (state.step_size == delta).all()


def test_without_noise_the_mode() -> None:
    state = last(np.full((1, 2, 1), 3, np.float32), chains(1), 300, noise=False)
    np.testing.assert_allclose(state.z[0, :, 0], MEAN, atol=1e-3)


def test_without_noise_it_never_goes_downhill() -> None:
    begun = np.full((1, 2, 1), 30, np.float32)
    rises = [s.log_p[0] for s in latent_langevin(linear, begun, chains(1), steps=50, noise=False)]
    assert (np.diff(rises) >= 0).all()


def test_far_starts_and_steep_posteriors_do_not_explode() -> None:
    of_each = chains(8)
    state = last(1000 * start(of_each, (2, 1)), of_each, 300)
    assert (state.log_p > linear(MEAN[None, :, None].astype(np.float32)).log_p[0] - 20).all()


def test_a_chain_does_not_depend_on_its_neighbours() -> None:
    of_each = chains(5)
    z = start(of_each, (2, 1))
    together, alone = last(z, of_each, 30), last(z[3:4], of_each[3:4], 30)
    assert together.z[3:4].tobytes() == alone.z.tobytes()
    assert together.step_size[3] == alone.step_size[0]


def test_it_computes_nothing_ahead_and_once_a_step() -> None:
    calls = []

    def counting(z: Array) -> Posterior:
        calls.append(1)
        return linear(z)

    states = latent_langevin(counting, np.zeros((1, 2, 1), np.float32), chains(1), steps=9)
    assert not calls
    assert [next(states).step for _ in range(3)] == [0, 1, 2]
    assert len(calls) == 3


def test_wrong_arguments() -> None:
    z = np.zeros((2, 2, 1), np.float32)
    with pytest.raises(CoopError, match=r"steps: expected a whole number ≥ 0, found -1"):
        latent_langevin(linear, z, chains(2), steps=-1)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(CoopError, match="step_size: expected "):
            latent_langevin(linear, z, chains(2), steps=1, step_size=wrong)
    with pytest.raises(CoopError, match="streams: expected one per chain, 2; found 1"):
        latent_langevin(linear, z, chains(1), steps=1)
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(CoopError, match="step_size: 100 is too long; give less, or None"),
    ):
        last(z, chains(2), 50, step_size=100)
