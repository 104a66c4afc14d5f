"""Where training batches come from: random crops of signals, or whole examples by their number."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coop_runtime.errors import CoopError

from .data import Deck, Signals, random_crops
from .shards import ALONE, Shard

__all__ = ["Batch", "Examples", "whole_shape"]


class Batch(NamedTuple):
    """A batch of examples.

    Attributes
    ----------
    x
        float32 (batch, channels, …) in [−1, 1]; hidden entries are 0.
    places
        Number of each example, (batch,); None of random crops.
    seen
        1 where an entry is observed, (batch, 1, …); None where all are.
    """

    x: Tensor
    places: Tensor | None = None
    seen: Tensor | None = None


class Examples:
    """Draws batches from training data.

    Parameters
    ----------
    signals
        The training data.
    shape
        Spatial shape of an example.
    whole
        Whether an example is a whole signal, cut to ``shape`` at its end, and known by its
        number; or a random crop.
    batch
        Examples per batch; of whole ones, at most as many as there are.
    device
        Where batches are wanted. Chance is drawn on the CPU, so that the order of the data is
        the same on every device.
    shard
        Of every batch, this process gets its rows.

    Attributes
    ----------
    scaled
        What is made of whole, complete examples (batch, channels, …): with growth, smaller ones.

    Raises
    ------
    CoopError
        Signals smaller than the crops, incomplete ones that are to be cropped, or a batch that
        the processes cannot share evenly.
    """

    def __init__(
        self,
        signals: Signals,
        shape: tuple[int, ...],
        *,
        whole: bool,
        batch: int,
        device: torch.device,
        shard: Shard = ALONE,
    ) -> None:
        self.signals, self.shape, self.whole, self.device = signals, shape, whole, device
        self.stacks: list[Tensor] = [] if whole else signals.tensors(device)
        self.table: Tensor | None = None
        self.seen: Tensor | None = None
        self.batch, self.shard = batch, shard
        self.scaled: Callable[[Tensor], Tensor] = lambda x: x
        if whole:
            self.table = self._joined(signals.arrays)
            self.batch = min(batch, len(self.table))
            self.deck = Deck(len(self.table))
        else:
            random_crops(self.stacks, 1, shape, torch.Generator())  # refuses what is too small
        shard.sizes({"data.batch": self.batch})
        if signals.seen is not None:
            if not whole:
                raise CoopError("incomplete data needs whole examples: --set data.crop=none")
            self.seen = self._joined(signals.seen).float()

    def __len__(self) -> int:
        """Count the whole examples; 0 of random crops."""
        return 0 if self.table is None else len(self.table)

    def draw(self, rng: torch.Generator) -> Batch:
        """Draw the next batch: this process's rows of it."""
        if self.table is None:
            return Batch(random_crops(self.stacks, self.batch, self.shape, rng, self.shard.rows))
        return self.take(self.deck.draw(self.batch, rng)[self.shard.rows].to(self.device))

    def take(self, places: Tensor) -> Batch:
        """Give the examples of these numbers, (batch,)."""
        assert self.table is not None  # noqa: S101  whole examples only
        low, high = self.signals.source_range
        x = (self.table[places].float() - low) * (2 / (high - low)) - 1
        if self.seen is None:
            return Batch(self.scaled(self.signals.in_colours(x)), places)
        seen = self.seen[places]
        return Batch(x * seen, places, seen)

    def state(self) -> Tensor | None:
        """Give what the order of the next batches depends on, beside the random state."""
        return self.deck.state() if self.whole else None

    def restore(self, state: Tensor | None) -> None:
        """Take over what `state` gave."""
        if state is not None:
            self.deck.restore(state)

    def _joined(self, arrays: tuple[np.ndarray, ...]) -> Tensor:
        """Join signals, channels last, to one table (examples, channels, …) of their own type."""
        cut = (slice(None), *(slice(n) for n in self.shape))
        joined = torch.from_numpy(np.concatenate([array[cut] for array in arrays]))
        return joined.movedim(-1, 1).contiguous().to(self.device)


def whole_shape(signals: Signals, strides: tuple[int, ...]) -> tuple[int, ...]:
    """Give the largest spatial shape that all signals have and that strides divide.

    Raises
    ------
    CoopError
        A signal is smaller than one stride; or pictures of a set are of another size.
    """
    sizes = [min(a.shape[1 + k] for a in signals.arrays) for k in range(signals.dims)]
    shape = tuple(n // stride * stride for n, stride in zip(sizes, strides, strict=True))
    given, wanted = ("x".join(map(str, s)) for s in (sizes, strides))
    if signals.kind == "images" and shape != tuple(sizes):
        raise CoopError(
            f"the networks of this preset are not made for pictures of {given}, but of {wanted} "
            "or multiples; give --size, another --preset, or your own networks in a --config file"
        )
    if min(shape) < 1:
        raise CoopError(f"the signal is {given}, smaller than the networks' least of {wanted}")
    return shape
