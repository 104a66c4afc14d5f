"""How pure groups are, by labels that were not used to make them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coop_runtime import CoopError

__all__ = ["Purity", "neighbours_agree", "purity"]

#: Shuffles of the labels that chance is estimated from.
_SHUFFLES = 200

Numbers = NDArray[np.integer]


class Purity(NamedTuple):
    """How pure groups are.

    Attributes
    ----------
    purity
        Of the members of large enough groups, the share that has its group's commonest label.
    chance
        The same in the mean when labels are shuffled: not 1/classes, for small groups are purer.
    kept
        Share of all examples that are in large enough groups.
    groups
        Number of large enough groups.
    """

    purity: float
    chance: float
    kept: float
    groups: int


def purity(
    group: Numbers, label: Numbers, rng: np.random.Generator, *, smallest: int = 4
) -> Purity:
    """Measure how pure groups are.

    Parameters
    ----------
    group, label
        Of each example, whole numbers ≥ 0, (n,).
    rng
        Shuffles labels.
    smallest
        Groups of fewer members are left out, as in figures 14 and 15 of the triangle paper.

    Raises
    ------
    CoopError
        Not one label for each example.

    Examples
    --------
    >>> groups = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    >>> labels = np.array([5, 5, 5, 1, 2, 2, 2, 2, 2])
    >>> found = purity(groups, labels, np.random.default_rng(0))
    >>> found.purity, round(found.kept, 3), found.groups
    (0.875, 0.889, 2)
    """
    if group.ndim != 1 or group.shape != label.shape or not len(group):
        raise CoopError(
            f"purity: expected a group and a label for each, found {group.shape}, {label.shape}"
        )
    large = np.bincount(group)[group] >= smallest
    if not large.any():
        return Purity(float("nan"), float("nan"), 0.0, 0)
    numbers = np.unique(group[large], return_inverse=True)[1]
    shuffled = [_commonest(numbers, rng.permutation(label)[large]) for _ in range(_SHUFFLES)]
    return Purity(
        _commonest(numbers, label[large]),
        float(np.mean(shuffled)),
        float(large.mean()),
        int(numbers.max()) + 1,
    )


def neighbours_agree(dissimilarity: NDArray[np.float64], label: Numbers) -> float:
    """Give the share of examples whose most similar other one has the same label.

    Of several that are as similar the first counts.

    Parameters
    ----------
    dissimilarity
        (n, n), n ≥ 2; the diagonal is not looked at. Barriers between minima, or distances.
    label
        (n,).

    Examples
    --------
    >>> neighbours_agree(np.array([[0.0, 1, 2], [1, 0, 2], [2, 1, 0]]), np.array([7, 7, 8]))
    0.6666666666666666
    """
    others = np.where(np.eye(len(label), dtype=bool), np.inf, dissimilarity)
    return float((label[others.argmin(1)] == label).mean())


def _commonest(group: Numbers, label: Numbers) -> float:
    """Give the share of examples with their group's commonest label."""
    table = np.zeros((group.max() + 1, label.max() + 1), int)
    np.add.at(table, (group, label), 1)
    return float(table.max(1).sum() / len(group))
