"""The macroscopic shape of an energy: minima, barriers between them, and basins.

Han, Nijkamp, Fang, Hill, Zhu, Wu: "Divergence Triangle for Joint Training of Generator Model,
Energy-based Model, and Inference Model", 2018, section 4.3, after Hill, Nijkamp, Zhu: "Building a
Telescope to Look Into High-Dimensional Image Spaces", 2018. Pictures are led down to local minima;
two minima lie in one basin if a way between them stays below an energy; which basins join at which
energy is a tree, the disconnectivity graph (Becker, Karplus, 1997), drawn by `landscape_graph`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from coop_runtime import Array, CoopError, EnergyGradient

__all__ = [
    "Minima",
    "Tree",
    "barriers",
    "basins",
    "best_threshold",
    "descend",
    "joined",
]

Matrix = NDArray[np.float64]
Numbers = NDArray[np.intp]

#: Armijo's condition: a step must lower the energy by this share of what the slope promises.
_SUFFICIENT = 1e-4
_GROW, _SHRINK = 1.5, 0.3


class Minima(NamedTuple):
    """Where descents ended.

    Attributes
    ----------
    x
        Like the starts.
    energy
        E(x), (n,).
    slope
        ‖∇E(x)‖ along directions that the bounds leave free, as a share of the start's, (n,).
    converged
        Whether ``slope`` came below the tolerance, or no step lowers the energy any more, (n,).
    """

    x: Array
    energy: Matrix
    slope: Matrix
    converged: NDArray[np.bool_]


def descend(
    energy_gradient: EnergyGradient,
    x: Array,
    *,
    bounds: tuple[float, float] | None = None,
    steps: int = 500,
    tolerance: float = 1e-3,
    first_step: float = 1e-4,
) -> Minima:
    """Lead points down to local minima by steepest descent: x ← x − η ∇E(x).

    Every point has a step size η of its own: it grows by half while the energy falls as Armijo's
    condition asks, and is cut otherwise (the point then stays). Within bounds this is the projected
    gradient method (Bertsekas, 1976).

    Parameters
    ----------
    energy_gradient
        x (n, …) → energies (n,), gradients like x.
    x
        Starts (n, …).
    bounds
        Least and greatest value of an entry; None: there are none.
    steps
        Evaluations of the energy for each point, ≥ 1.
    tolerance
        A point has arrived when its slope is this share of the start's, or when its step size has
        become so small that the energy's rounding hides what a step gains.
    first_step
        η at the start, > 0.

    Raises
    ------
    CoopError
        There are no points, or the energy is not finite at a start.

    Examples
    --------
    >>> def well(x):  # E = (x² − 1)², minima at ±1
    ...     return ((x**2 - 1) ** 2).sum(1), 4 * x * (x**2 - 1)
    >>> descend(well, np.array([[-2.0], [0.1]]), tolerance=1e-6).x.round(4).ravel().tolist()
    [-1.0, 1.0]
    """
    if x.ndim < 2 or not len(x) or steps < 1:
        raise CoopError(f"descent: expected starts (n ≥ 1, …) and steps ≥ 1, found {x.shape}")
    low, high = bounds if bounds is not None else (-np.inf, np.inf)
    x = np.clip(x, low, high)
    energy, gradient = (part.copy() for part in energy_gradient(x))
    if not np.isfinite(energy).all():
        raise CoopError("descent: the energy of a start is not finite")
    slope = _slope(x, gradient, low, high)
    start, step = slope + np.finfo(float).tiny, np.full(len(x), float(first_step))
    settled = np.finfo(x.dtype).eps * first_step
    for _ in range(steps):
        going = np.flatnonzero((slope > tolerance * start) & (step > settled))
        if not len(going):
            break
        here, down = x[going], gradient[going]
        there = np.clip(here - _each(step[going], here) * down, low, high).astype(x.dtype)
        lower, uphill = energy_gradient(there)
        promised = ((there - here) * down).sum(tuple(range(1, x.ndim)))
        good = lower <= energy[going] + _SUFFICIENT * promised
        better = going[good]
        x[better], energy[better], gradient[better] = there[good], lower[good], uphill[good]
        slope[better] = _slope(x[better], gradient[better], low, high)
        step[going] *= np.where(good, _GROW, _SHRINK)
    arrived = (slope <= tolerance * start) | (step <= settled)
    return Minima(x, energy.astype(float), slope / start, arrived)


def barriers(
    energy: Callable[[Array], Array], x: Array, *, points: int = 11, batch: int = 500
) -> Matrix:
    """Give the highest energy along the line between every two points.

    Parameters
    ----------
    energy
        x (n, …) → energies (n,).
    x
        Minima (n, …), n ≥ 2.
    points
        Of each line, evenly spaced between its ends, which count too; ≥ 1.
    batch
        Points that are evaluated at once.

    Returns
    -------
    (n, n), symmetric; on the diagonal the energies themselves.

    Examples
    --------
    >>> ends = np.array([[-1.0], [1.0]])
    >>> barriers(lambda x: ((x**2 - 1) ** 2).sum(1), ends).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if len(x) < 2 or points < 1:
        raise CoopError("barriers: expected at least two minima, and one point between them")
    own = np.concatenate([energy(x[k : k + batch]) for k in range(0, len(x), batch)]).astype(float)
    high: Matrix = np.maximum(own[:, None], own[None])
    shares = (np.arange(points) + 1.0) / (points + 1)
    first, second = np.triu_indices(len(x), 1)
    lines = max(1, batch // points)
    for k in range(0, len(first), lines):
        i, j = first[k : k + lines], second[k : k + lines]
        share = shares.reshape(1, -1, *[1] * (x.ndim - 1))
        between = (x[i][:, None] * (1 - share) + x[j][:, None] * share).astype(x.dtype)
        found = energy(between.reshape(-1, *x.shape[1:])).reshape(len(i), points).max(1)
        high[i, j] = high[j, i] = np.maximum(high[i, j], found)
    return high


class Tree(NamedTuple):
    """Which minima join at which energy: agglomeration by the lowest barrier.

    All energies are those above the lowest minimum, so that merges are what scipy takes.

    Attributes
    ----------
    energy
        Of the minima, (n,), ≥ 0.
    merges
        As of `scipy.cluster.hierarchy.linkage`, (n − 1, 4): the two that join, the energy at which
        they do, and how many minima they have then.
    """

    energy: Matrix
    merges: Matrix


def joined(barrier: Matrix) -> Tree:
    """Join minima by single linkage: two sets of them at the lowest barrier between members.

    Parameters
    ----------
    barrier
        (n, n), what `barriers` gave.

    Examples
    --------
    >>> tree = joined(np.array([[-1.0, 1, 5], [1, 0, 3], [5, 3, 0]]))
    >>> tree.merges[:, 2].tolist()  # 0 and 1 join at 1, and 2 joins them at 3, by way of 1
    [2.0, 4.0]
    """
    energy = np.diagonal(barrier)
    merges = linkage(squareform(barrier - energy.min(), checks=False), "single")
    return Tree(energy - energy.min(), merges)


def basins(tree: Tree, threshold: float) -> Numbers:
    """Give the number of the basin of each minimum, from 0, when barriers below ε are open.

    Parameters
    ----------
    tree
        What `joined` gave.
    threshold
        ε, above the lowest minimum.

    Examples
    --------
    >>> tree = joined(np.array([[0.0, 1, 5], [1, 0, 3], [5, 3, 0]]))
    >>> basins(tree, 2.0).tolist(), basins(tree, 3.0).tolist(), basins(tree, 3.5).tolist()
    ([0, 0, 1], [0, 0, 1], [0, 0, 0])
    """
    below = np.nextafter(threshold, -np.inf)  # scipy counts merges at the threshold as open
    labels = fcluster(tree.merges, below, "distance")
    return np.unique(labels, return_inverse=True)[1].astype(np.intp)


def best_threshold(tree: Tree, smallest: int = 4) -> float:
    """Give the ε at which most basins have at least ``smallest`` members; the highest of these.

    It is one above the lowest minimum, as `basins` takes it, and looks at no labels. The paper
    shows basins of four members and more.

    Examples
    --------
    >>> tree = joined(np.array([[0.0, 1, 5, 5], [1, 0, 3, 5], [5, 3, 0, 2], [5, 5, 2, 0]]))
    >>> best_threshold(tree, smallest=2)  # {0, 1} and {2, 3}
    3.0
    """
    best, most = float(tree.merges[-1, 2]), 0
    for threshold in np.unique(tree.merges[:, 2])[::-1]:
        sizes = np.bincount(basins(tree, threshold))
        if (count := int((sizes >= smallest).sum())) > most:
            best, most = float(threshold), count
    return best


def _slope(x: Array, gradient: Array, low: float, high: float) -> Matrix:
    """Give ‖∇E‖ of each point, without entries that only the bounds hold back."""
    held = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
    free = np.where(held, 0, gradient).astype(float)
    norm: Matrix = np.sqrt(np.square(free).sum(tuple(range(1, x.ndim))))
    return norm


def _each(factor: Matrix, like: Array) -> Matrix:
    return factor.reshape(-1, *[1] * (like.ndim - 1))
