"""The kernel distance of two sets of features (KID). Bińkowski et al., ICLR 2018, section 4."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .frechet import check_features

__all__ = ["KernelDistance", "kernel_distance", "squared_mmd"]

Features = NDArray[np.float64]


class KernelDistance(NamedTuple):
    """Mean and standard deviation over subsets; the mean is 0 ± noise for equal distributions."""

    mean: float
    deviation: float


def squared_mmd(x: Features, y: Features) -> float:
    """Give the unbiased estimate of MMD² with the kernel (x·y/d + 1)³.

    Parameters
    ----------
    x, y
        (n, d) and (m, d), n, m ≥ 2.

    Examples
    --------
    Against itself it is below 0, since no example is compared with itself:

    >>> x = np.array([[0.0], [1.0]])
    >>> squared_mmd(x, x)  # k: 1 and 8 of equals, 1 of others; 1 + 1 − 2 · (1 + 1 + 1 + 8)/4
    -3.5
    """
    check_features(x, y)
    d, n, m = x.shape[1], len(x), len(y)
    of_x, of_y, both = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within_x = (of_x.sum() - np.trace(of_x)) / (n * (n - 1))
    within_y = (of_y.sum() - np.trace(of_y)) / (m * (m - 1))
    return float(within_x + within_y - 2 * both.mean())


def kernel_distance(
    x: Features, y: Features, subsets: int = 50, size: int = 500, seed: int = 0
) -> KernelDistance:
    """Give the squared MMD of two sets of features over random subsets.

    Parameters
    ----------
    x, y
        (n, d) and (m, d), n, m ≥ 4.
    subsets
        Their number, ≥ 2.
    size
        Examples of a subset; at most half of the smaller set is taken, so that subsets differ.
    seed
        Which subsets.
    """
    check_features(x, y, least=4)
    rng, size = np.random.default_rng(seed), min(size, len(x) // 2, len(y) // 2)
    values = [
        squared_mmd(
            x[rng.choice(len(x), size, replace=False)], y[rng.choice(len(y), size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)))
