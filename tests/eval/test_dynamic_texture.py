"""The linear dynamic texture, against a linear system of which all is known."""

from typing import Any

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from coop_eval.peers.dynamic_texture import learn, synthesise
from coop_runtime import CoopError

TURN = 0.97 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])


@pytest.fixture(scope="module")
def clip() -> Any:
    """Two patterns that turn into each other and are pushed by noise."""
    rng = np.random.default_rng(0)
    patterns = np.linalg.qr(rng.standard_normal((3 * 8 * 8, 2)))[0]
    state: Any = np.zeros(2)
    states = []
    for _ in range(4000):
        state = TURN @ state + 0.05 * rng.standard_normal(2)
        states.append(state)
    frames = 0.5 + np.array(states) @ patterns.T
    return frames.reshape(-1, 3, 8, 8).swapaxes(0, 1).astype(np.float32)


def test_eigenvalues_are_recovered(clip: Any) -> None:
    found = np.linalg.eigvals(learn(clip, 2).A)
    np.testing.assert_allclose(np.sort_complex(found), 0.97 * np.exp([-0.5j, 0.5j]), atol=0.01)


def test_what_is_drawn_has_the_clips_covariance(clip: Any) -> None:
    texture = learn(clip, 2)
    frames = clip.swapaxes(0, 1).reshape(clip.shape[1], -1)
    states = (frames - texture.mean) @ texture.C
    np.testing.assert_allclose(
        solve_discrete_lyapunov(texture.A, texture.Q),
        states.T @ states / len(states),
        rtol=1e-4,
        atol=1e-9,
    )
    drawn = synthesise(texture, 4000, np.random.default_rng(1)).swapaxes(0, 1).reshape(4000, -1)
    np.testing.assert_allclose(drawn.std(), clip.std(), rtol=0.1)


def test_many_states_of_few_frames_are_stable(clip: Any) -> None:
    noisy = clip[:, :64] + 0.1 * np.random.default_rng(0).random((3, 64, 8, 8), np.float32)
    texture = learn(noisy, 60)
    assert np.abs(np.linalg.eigvals(texture.A)).max() < 1
    drawn = synthesise(texture, 500, np.random.default_rng(1))
    assert drawn.shape == (3, 500, 8, 8)
    assert drawn.min() >= 0
    np.testing.assert_allclose(drawn.std(), noisy.std(), rtol=0.3)


def test_what_cannot_be_learned_is_said(clip: Any) -> None:
    with pytest.raises(CoopError, match="fewer states than frames"):
        learn(clip[:, :20], 20)
    with pytest.raises(CoopError, match="fewer than 3 ways to differ"):
        learn(clip[:, :64].astype(float), 3)
