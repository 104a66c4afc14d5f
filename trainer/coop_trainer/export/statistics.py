"""Whether graphs whose weights are rounded draw what those of float32 draw."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from coop_runtime.arrays import Array
from coop_runtime.card import Card
from coop_runtime.errors import CoopError
from coop_runtime.graphs import LoadedGraph
from coop_runtime.model import Model
from coop_runtime.sessions import SessionOptions, open_session

__all__ = ["SAMPLES", "SHARE", "check_statistics", "compare", "describe"]

#: Number of samples of either kind.
SAMPLES = 16
#: Largest difference of means that is accepted, as a share of the spread between samples. Two
#: independent sets of 16 would differ by 0.35 of it, root mean square.
SHARE = 0.5

_OCTAVES = (0.0, 1 / 16, 1 / 8, 1 / 4, np.inf)  # in cycles per sample
# A spread below this share of the statistic itself counts as so much.
_LEAST_SPREAD = 1e-3


def compare(card: Card, full: Mapping[str, bytes], stored: Mapping[str, bytes]) -> dict[str, float]:
    """Draw and revise samples with two sets of graphs from the same seeds, and compare them.

    Samples are of the size of training, revised by the card's Langevin steps if there is an
    energy; without a generator they start from noise.

    Parameters
    ----------
    card
        Describes either set.
    full, stored
        ONNX files by name: in float32, and with rounded weights.

    Returns
    -------
    For each statistic of `describe`, and ``energy``, the mean E(x) by the float32 graph:
    |difference of the means over samples| / standard deviation between the float32 samples.
    """
    judge, other = _model(card, full), _model(card, stored)
    expected, found = (_described(judge, _drawn(model)) for model in (judge, other))
    return {name: _share(found[name], values) for name, values in expected.items()}


def check_statistics(statistics: Mapping[str, float], limit: float = SHARE) -> None:
    """Refuse rounded weights whose samples are others.

    Raises
    ------
    CoopError
        One line: the statistic, how far it is off, and the limit.

    Examples
    --------
    >>> check_statistics({"mean": 0.1, "energy": 0.9})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CoopError: samples: 'energy' is off by 0.9 of its spread between samples ...
    """
    for name, share in statistics.items():
        if not share <= limit:  # NaN is refused
            raise CoopError(
                f"samples: '{name}' is off by {share:.2g} of its spread between samples when "
                f"weights are rounded; the limit is {limit:g}: export without --precision"
            )


def describe(x: Array) -> dict[str, NDArray[np.float64]]:
    """Give statistics of each signal.

    Parameters
    ----------
    x
        (n, channels, *sizes).

    Returns
    -------
    ``mean`` and ``sd`` of its entries; ``octave_1`` to ``octave_4``, the logarithm of its power at
    up to 1/16, 1/8, 1/4 cycles per sample and above, without the mean; each (n,). An octave
    without a frequency, as in small signals, is left out.

    Examples
    --------
    >>> wave = np.cos(np.pi * np.arange(8, dtype=np.float32))[None, None]
    >>> {name: round(float(v[0]), 2) for name, v in describe(wave).items()}
    {'mean': 0.0, 'sd': 1.0, 'octave_2': -23.03, 'octave_3': -23.03, 'octave_4': 0.0}
    """
    axes = tuple(range(1, x.ndim))
    signals = x.astype(np.float64)
    found = {"mean": signals.mean(axes), "sd": signals.std(axes)}
    power = np.abs(np.fft.fftn(signals, axes=axes[1:], norm="forward")) ** 2
    grid = np.meshgrid(*map(np.fft.fftfreq, x.shape[2:]), indexing="ij")
    frequency = np.sqrt(np.sum(np.square(grid), axis=0))
    for k, (low, high) in enumerate(pairwise(_OCTAVES), start=1):
        inside = (frequency > low) & (frequency <= high)
        if inside.any():
            found[f"octave_{k}"] = np.log(power[:, :, inside].sum((1, 2)) + 1e-10)
    return found


def _model(card: Card, files: Mapping[str, bytes]) -> Model:
    options = SessionOptions(torch.get_num_threads())
    graphs = {
        name: LoadedGraph(spec, open_session(files[name], "cpu", options, spec.file))
        for name, spec in card.graphs.items()
        if name in files
    }
    return Model(card, graphs, "cpu")


def _drawn(model: Model) -> Array:
    x = model.generate(SAMPLES) if "generator" in model.graphs else model.noise(SAMPLES)
    if model.card.langevin is None:
        return x
    return model.refined(x, chain=False).x


def _described(judge: Model, x: Array) -> dict[str, NDArray[np.float64]]:
    energy = {"energy": judge.energy(x).astype(np.float64)} if "energy" in judge.graphs else {}
    return describe(x) | energy


def _share(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    spread = max(expected.std(ddof=1), _LEAST_SPREAD * np.abs(expected).max())
    difference = abs(found.mean() - expected.mean())
    return float(difference / spread) if difference else 0.0
