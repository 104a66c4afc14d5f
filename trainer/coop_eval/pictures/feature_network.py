"""The network behind `features`, and how it learns its two tasks."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coop_runtime import Array

from .damages import DAMAGES, damaged

__all__ = ["CHANNELS", "STEPS", "FeatureNetwork", "Labels", "batches", "learn", "scores"]

Labels = NDArray[np.integer[Any]]

#: Pictures in a step of training, and in a call of the network.
BATCH = 64
#: Steps of training.
STEPS = 900
CHANNELS = (24, 48, 96, 128)


class FeatureNetwork(nn.Module):
    """Convolutions, a mean over the picture, and a head for each task."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels = channels
        widths = (channels, *CHANNELS)
        self.body = nn.Sequential(*(_level(*pair, k) for k, pair in enumerate(pairwise(widths))))
        self.damage = nn.Linear(widths[-1], len(DAMAGES))
        self.label = nn.Linear(widths[-1], classes) if classes else None

    def forward(self, x: Tensor) -> Tensor:
        """Give the features (n, d) of pictures (n, channels, height, width) in [0, 1]."""
        features: Tensor = self.body(2 * x - 1).mean(dim=(2, 3))
        return features


def _level(inputs: int, outputs: int, k: int) -> nn.Module:
    """Give one level: a convolution, and half the size from there on."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 5 if k == 0 else 3, padding="same", bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2) if k < 3 else nn.Identity(),
    )


def learn(
    network: FeatureNetwork,
    pictures: Array,
    labels: Labels | None,
    steps: int,
    rng: np.random.Generator,
) -> None:
    """Learn both tasks, each on its half of every batch; classes of undamaged pictures only."""
    steps = round(steps * min(1.0, (32 * 32 / pictures[0, 0].size) ** 0.5))
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    network.train()
    for _ in range(steps):
        which = rng.integers(len(pictures), size=BATCH)
        kinds = rng.integers(len(DAMAGES), size=BATCH)
        if labels is not None:
            kinds[: BATCH // 2] = 0
        h = network(torch.from_numpy(damaged(pictures[which], kinds, rng)))
        loss = functional.cross_entropy(network.damage(h), torch.from_numpy(kinds))
        if labels is not None and network.label is not None:
            clean = torch.from_numpy(np.flatnonzero(kinds == 0))
            target = torch.from_numpy(labels[which].astype(np.int64))[clean]
            loss = loss + functional.cross_entropy(network.label(h[clean]), target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rates.step()
    network.eval()


def scores(
    network: FeatureNetwork, test: Array, labels: Labels | None, rng: np.random.Generator
) -> tuple[float | None, float]:
    """Give the shares of test pictures whose class, and whose damage, was found."""
    kinds = rng.integers(len(DAMAGES), size=len(test))
    with torch.no_grad():
        found = [network.damage(network(part)) for part in batches(damaged(test, kinds, rng))]
        of_damage = float((torch.cat(found).argmax(1).numpy() == kinds).mean())
        if labels is None or network.label is None:
            return None, of_damage
        classes = torch.cat([network.label(network(part)) for part in batches(test)])
    return float((classes.argmax(1).numpy() == labels).mean()), of_damage


def batches(pictures: Array) -> Iterator[Tensor]:
    """Give pictures in parts."""
    for k in range(0, len(pictures), BATCH):
        yield torch.from_numpy(np.ascontiguousarray(pictures[k : k + BATCH], np.float32))
