"""Energies that a model gives to pictures of different kinds, and how well they tell them apart."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from coop_runtime import Array, CoopError, Model

__all__ = ["Energies", "auroc", "energies", "histograms"]

_BATCH = 100


class Energies(NamedTuple):
    """Energies of several kinds of pictures.

    Attributes
    ----------
    of
        Energies (n,) of each kind, by its name.
    auroc
        Of ``test`` against each other kind: the probability that a picture of that kind has the
        higher energy. 0.5: not told apart, as it should be for ``train``.
    """

    of: dict[str, NDArray[np.float64]]
    auroc: dict[str, float]


def energies(model: Model, kinds: Mapping[str, Array]) -> Energies:
    """Give the energies of pictures, and the AUROC of test pictures against each other kind.

    Parameters
    ----------
    model
        With an energy.
    kinds
        Pictures (n, channels, height, width) in [0, 1] by their name, ``test`` among them:
        ``train``, ``generated``, ``noise``, another set's.

    Raises
    ------
    CoopError
        Without test pictures, or the model has no energy, or other pictures than its own.
    """
    if "test" not in kinds:
        raise CoopError(f"kinds: expected 'test' among them, found {', '.join(kinds) or 'none'}")
    low, high = model.card.signal.value_range
    of = {}
    for name, x in kinds.items():
        signals = (low + (high - low) * x).astype(np.float32)
        parts = [model.energy(signals[k : k + _BATCH]) for k in range(0, len(x), _BATCH)]
        of[name] = np.concatenate(parts).astype(np.float64)
    others = {name: auroc(of["test"], values) for name, values in of.items() if name != "test"}
    return Energies(of, others)


def auroc(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float:
    """Give the probability that ``outside`` has the higher energy; of equal ones half is counted.

    Examples
    --------
    >>> auroc(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    0.875
    """
    truth = np.repeat([0, 1], [len(inside), len(outside)])
    return float(roc_auc_score(truth, np.concatenate([inside, outside])))


def histograms(
    of: Mapping[str, NDArray[np.float64]], bins: int = 60
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Give histograms of energies over common bins.

    Parameters
    ----------
    of
        Energies (n,) by name.
    bins
        Their number, ≥ 1.

    Returns
    -------
    The bins' edges (bins + 1,), and the share of each kind in each bin, (bins,), by name.
    """
    everything = np.concatenate(list(of.values()))
    edges = np.histogram_bin_edges(everything, bins)
    return edges, {name: np.histogram(e, edges)[0] / len(e) for name, e in of.items()}
