"""The Fréchet distance of two sets of features. Heusel et al., NeurIPS 2017, equation (6)."""

import numpy as np
from numpy.typing import NDArray

from coop_runtime import CoopError

__all__ = ["check_features", "frechet"]

Features = NDArray[np.float64]


def frechet(x: Features, y: Features) -> float:
    """Give the Fréchet distance of the normal distributions that two sets of features have.

    d² = ‖m − m'‖² + tr(C + C' − 2 (C C')^½), ≥ 0. It is biased: of fewer examples it is larger, so
    that it only says something beside the distance of real from real at the same numbers.

    Parameters
    ----------
    x, y
        (n, d) and (m, d), n, m ≥ 2.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> round(frechet(x, x), 6), round(frechet(x, x + 2), 6)
    (0.0, 12.0)
    """
    check_features(x, y)
    c, c_y = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    # (C C')^½ has the trace of the symmetric (C^½ C' C^½)^½, whose eigenvalues are real.
    values, vectors = np.linalg.eigh(c)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    middle = np.sqrt(np.linalg.eigvalsh(root @ c_y @ root).clip(0)).sum()
    means = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return max(0.0, float(means + np.trace(c) + np.trace(c_y) - 2 * middle))


def check_features(x: Features, y: Features, least: int = 2) -> None:
    """Refuse what are not two sets of features of one dimension, of ``least`` examples each.

    Raises
    ------
    CoopError
        In one line.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < least:
        raise CoopError(
            f"features: expected two arrays (n, d) of one d and n ≥ {least}, "
            f"found {x.shape} and {y.shape}"
        )
