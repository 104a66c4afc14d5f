"""Linear dynamic textures: the classic model of clips, a linear system driven by noise.

Doretto, Chiuso, Wu, Soatto: "Dynamic Textures", IJCV 51(2), 2003: y(t) = ȳ + C x(t),
x(t+1) = A x(t) + B v(t), v ~ N(0, I), learned in closed form (section 4.2). One thing is better: A
is the solution of the Yule-Walker equations, which differs from the paper's least squares by the
clip's last frame, is stable always, and leaves the states the covariance that they have in the
clip. Least squares of 50 states from 64 frames explode.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov

from coop_runtime import Array, CoopError

__all__ = ["DynamicTexture", "learn", "synthesise"]

Matrix = NDArray[np.float64]


class DynamicTexture(NamedTuple):
    """A linear dynamic texture with n states.

    Attributes
    ----------
    mean, C
        ȳ, (entries of a frame,), and its orthonormal directions, (entries, n).
    A, Q
        Of the state: how it goes on, (n, n), and the covariance B Bᵀ of its noise, (n, n).
    shape
        (channels, height, width) of a frame.
    """

    mean: Matrix
    C: Matrix
    A: Matrix
    Q: Matrix
    shape: tuple[int, int, int]


def learn(clip: Array, states: int = 50) -> DynamicTexture:
    """Learn a dynamic texture from a clip.

    Parameters
    ----------
    clip
        (channels, frames, height, width).
    states
        n, below the number of frames; the paper takes 20 to 50.

    Raises
    ------
    CoopError
        Not a clip, too many states for its frames, or for how little they differ.

    Examples
    --------
    >>> clip = np.random.default_rng(0).random((1, 40, 8, 8), np.float32)
    >>> texture = learn(clip, 20)
    >>> texture.A.shape, synthesise(texture, 100, np.random.default_rng(0)).shape
    ((20, 20), (1, 100, 8, 8))
    """
    if clip.ndim != 4 or not 1 <= states < clip.shape[1] - 1:
        raise CoopError(
            "dynamic texture: expected a clip (channels, frames, height, width) and fewer states "
            f"than frames less one; found {clip.shape} and {states} states"
        )
    frames = clip.transpose(1, 0, 2, 3).reshape(clip.shape[1], -1).T.astype(float)
    mean = frames.mean(1)
    U, S, Vt = np.linalg.svd(frames - mean[:, None], full_matrices=False)
    if S[states - 1] <= 1e-6 * S[0]:
        raise CoopError(f"dynamic texture: the frames have fewer than {states} ways to differ")
    C, X = U[:, :states], S[:states, None] * Vt[:states]
    covariance = X @ X.T / X.shape[1]
    A = X[:, 1:] @ X[:, :-1].T / X.shape[1] @ np.linalg.inv(covariance)
    channels, _, height, width = clip.shape
    return DynamicTexture(mean, C, A, covariance - A @ covariance @ A.T, (channels, height, width))


def synthesise(texture: DynamicTexture, frames: int, rng: np.random.Generator) -> Array:
    """Draw a clip of any length, from the state's stationary distribution on.

    Returns
    -------
    (channels, frames, height, width), float32, within [0, 1].
    """
    A, Q = texture.A, texture.Q
    root, driving = _root(solve_discrete_lyapunov(A, Q)), _root(Q)
    n = len(A)
    x = np.empty((frames, n))
    state = root @ rng.standard_normal(n)
    for t in range(frames):
        x[t] = state
        state = A @ state + driving @ rng.standard_normal(n)
    y = texture.mean + x @ texture.C.T
    clip: Array = y.reshape(frames, *texture.shape).swapaxes(0, 1).clip(0, 1).astype(np.float32)
    return clip


def _root(covariance: Matrix) -> Matrix:
    """Give R with R Rᵀ = covariance, which may be singular."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root: Matrix = vectors * np.sqrt(np.maximum(values, 0))
    return root
