"""The numpy Langevin sampler against closed forms."""

import numpy as np
import pytest

from coop_runtime import Array, CoopError, State, langevin, langevin_step, philox


def gaussian(x: Array) -> tuple[Array, Array]:
    """E = ½‖x‖²: the sampler is then x ← (1 − δ²/2) x + δ n."""
    return 0.5 * (x**2).sum(axis=tuple(range(1, x.ndim))), x.copy()


def streams(n: int) -> list[philox.Stream]:
    return philox.streams(7, 0, n, philox.Purpose.NOISE)


@pytest.mark.parametrize("step_size", [0.5, 1.0, 1.5])
def test_stationary_variance(step_size: float) -> None:
    chains, steps = (4, 1, 50_000), 60
    start = np.zeros(chains, np.float32)
    *_, last = langevin(gaussian, start, streams(4), steps=steps, step_size=step_size)
    expected = 1 / (1 - step_size**2 / 4)
    # The mean square of N independent normals deviates by √(2/N); five of these, and no bias
    # from the start: (1 − δ²/2)^120 < 2e-7.
    bound = 5 * np.sqrt(2 / start.size)
    assert np.mean(last.x.astype(np.float64) ** 2) / expected == pytest.approx(1, abs=bound)
    assert abs(last.x.mean()) < 5 * np.sqrt(expected / start.size)


def test_without_noise_the_closed_form_of_descent() -> None:
    start = np.array([[1.0, -2.0]], np.float32)
    states = list(langevin(gaussian, start, (), steps=4, step_size=1.0, noise=False))
    assert [s.step for s in states] == [0, 1, 2, 3, 4]
    for s in states:
        np.testing.assert_array_equal(s.x, start * 0.5**s.step)
        np.testing.assert_array_equal(s.energy, [2.5 * 0.25**s.step])
        np.testing.assert_array_equal(s.gradient, s.x)
        assert isinstance(s, State)
        assert s.x.dtype == s.energy.dtype == s.gradient.dtype == np.float32


def test_step_with_limits() -> None:
    x = np.array([[0.0, 0.5, 1.0]], np.float32)
    gradient = np.array([[8.0, -0.5, -8.0]], np.float32)
    n = np.array([[1.0, 0.0, 0.0]], np.float32)
    stepped = langevin_step(x, gradient, n, step_size=1.0, max_drift=1.0, clamp=(-1.0, 1.0))
    np.testing.assert_array_equal(stepped, np.array([[0.0, 0.75, 1.0]], np.float32))


def test_states_do_not_alias_and_leave_the_start_alone() -> None:
    start = np.ones((2, 1, 3), np.float32)
    states = list(langevin(gaussian, start, streams(2), steps=3, step_size=0.5))
    for k, state in enumerate(states):
        assert not np.shares_memory(state.x, start)
        for other in states[k + 1 :]:
            assert not np.shares_memory(state.x, other.x)
            assert not np.shares_memory(state.gradient, other.gradient)
    np.testing.assert_array_equal(start, 1)


def test_a_chain_does_not_depend_on_its_batch() -> None:
    start = np.zeros((3, 1, 5), np.float32)
    *_, batch = langevin(gaussian, start, streams(3), steps=4, step_size=0.5)
    *_, alone = langevin(gaussian, start[2:], streams(3)[2:], steps=4, step_size=0.5)
    assert batch.x[2:].tobytes() == alone.x.tobytes()


def test_it_computes_nothing_ahead() -> None:
    calls = []

    def counting(x: Array) -> tuple[Array, Array]:
        calls.append(1)
        return gaussian(x)

    states = langevin(counting, np.zeros((1, 1, 1), np.float32), streams(1), steps=9, step_size=0.5)
    assert not calls
    next(states)
    next(states)
    assert len(calls) == 2


def test_wrong_arguments() -> None:
    x = np.zeros((2, 1, 1), np.float32)
    with pytest.raises(CoopError, match=r"steps: expected a whole number ≥ 0, found -1"):
        langevin(gaussian, x, streams(2), steps=-1, step_size=0.5)
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(CoopError, match="step_size: expected > 0"):
            langevin(gaussian, x, streams(2), steps=1, step_size=wrong)
    with pytest.raises(CoopError, match="streams: expected one per example, 2; found 1"):
        langevin(gaussian, x, streams(1), steps=1, step_size=0.5)
