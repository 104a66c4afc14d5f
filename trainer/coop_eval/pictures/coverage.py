"""Whether samples are like real examples, and whether all real examples are met.

Kynkäänniemi et al., NeurIPS 2019, equation (1): precision and recall. Naeem et al., ICML 2020,
equations (3) and (4): density and coverage, which a few outliers do not mislead.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from coop_runtime import CoopError

from .frechet import check_features

__all__ = ["Coverage", "coverage"]

Features = NDArray[np.float64]


class Coverage(NamedTuple):
    """How two sets lie within each other's neighbourhoods.

    Attributes
    ----------
    precision
        Share of samples within a neighbourhood of real examples, in [0, 1].
    recall
        Share of real examples within a neighbourhood of samples, in [0, 1].
    density
        Neighbourhoods of real examples that a sample is within, ÷ k: some 1 for equal
        distributions, more where samples crowd at typical examples.
    coverage
        Share of real examples with a sample within their neighbourhood, in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


def coverage(
    real: Features, samples: Features, manifold_k: int = 3, density_k: int = 5
) -> Coverage:
    """Compare samples with real examples by balls that reach to the k-th nearest neighbour.

    Parameters
    ----------
    real, samples
        Features (n, d) and (m, d), n, m > k.
    manifold_k
        k of precision and recall; 3 in the paper.
    density_k
        k of density and coverage; 5 in the paper.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 2))
    >>> [float(value) for value in coverage(x, x)][:2], coverage(x, x + 100)
    ([1.0, 1.0], Coverage(precision=0.0, recall=0.0, density=0.0, coverage=0.0))
    """
    if min(manifold_k, density_k) < 1:
        raise CoopError("k: expected ≥ 1")
    check_features(real, samples, least=max(manifold_k, density_k) + 1)
    between, within = cdist(real, samples), cdist(real, real)
    reach_real = _reach(within, manifold_k)
    reach_samples = _reach(cdist(samples, samples), manifold_k)
    inside = between < _reach(within, density_k)[:, None]
    return Coverage(
        float((between <= reach_real[:, None]).any(axis=0).mean()),
        float((between <= reach_samples[None]).any(axis=1).mean()),
        float(inside.sum(axis=0).mean() / density_k),
        float(inside.any(axis=1).mean()),
    )


def _reach(distances: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Give the distance of each example from its k-th nearest other one."""
    return np.partition(distances, k, axis=1)[:, k]  # its 0-th is itself
