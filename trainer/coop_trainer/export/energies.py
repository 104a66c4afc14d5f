"""Energies of what a model has learned from, so that those of other pictures mean something."""

from collections.abc import Callable
from math import prod

import numpy as np
import torch
from torch import Tensor

from ..data import random_crops
from ..sheets import draw_samples
from ..training import Training

__all__ = ["quantiles_of_energies"]

MOST = 256
LEVELS = 51
SEED = 0
_AT_ONCE = 16
_ENTRIES = 2**20  # of samples that are revised at once


def quantiles_of_energies(
    training: Training, energy: Callable[[Tensor], Tensor]
) -> dict[str, list[float]]:
    """Give quantiles of E(x) over training pictures and over samples, from least to largest.

    Always of the same pictures, crops and noise, and without the training's random state.

    Parameters
    ----------
    energy
        E, x (batch, channels, height, width) to (batch,).

    Returns
    -------
    ``training``, of up to 256 whole pictures evenly spaced in their order, or crops of textures;
    ``samples``, of up to 64 revised drafts. 51 numbers each, of 6 digits. Nothing for sounds,
    clips, and pictures of which parts were never seen.
    """
    if training.signals.kind not in ("texture", "images") or training.signals.seen is not None:
        return {}
    count = max(1, min(64, _ENTRIES // prod(training.shape)))
    drafts, revised = draw_samples(training, count, training.shape)
    samples = drafts if revised is None else revised
    found = {"training": _examples(training)}
    if samples is not None:
        height, width = training.shape
        found["samples"] = samples[..., :height, :width]
    return {name: _quantiles(x, energy) for name, x in found.items()}


def _examples(training: Training) -> Tensor:
    """Give training pictures, (n, channels, height, width)."""
    if not training.examples.whole:
        rng = torch.Generator().manual_seed(SEED)
        return random_crops(training.examples.stacks, MOST, training.shape, rng)
    count = len(training.examples)
    return training.examples.take(torch.linspace(0, count - 1, min(MOST, count)).long()).x


def _quantiles(x: Tensor, energy: Callable[[Tensor], Tensor]) -> list[float]:
    with torch.no_grad():
        energies = torch.cat([energy(part) for part in torch.split(x, _AT_ONCE)]).double().numpy()
    levels = np.quantile(energies, np.linspace(0, 1, LEVELS))
    return [float(f"{level:.6g}") for level in levels]
