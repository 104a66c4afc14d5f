"""Which piece of the training data comes next: random crops, or examples in shuffled order."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from coop_runtime.errors import CoopError

__all__ = ["Deck", "random_crops"]


def random_crops(
    arrays: Sequence[Tensor],
    count: int,
    crop: tuple[int, ...],
    rng: torch.Generator,
    rows: slice = slice(None),
) -> Tensor:
    """Draw crops, uniformly over all positions of all examples.

    Parameters
    ----------
    arrays
        Each (examples, channels, *spatial), on any device; sizes may differ.
    crop
        Size along each spatial axis.
    rng
        Of the CPU, so that the order of the data is the same on every device.
    rows
        Those of the ``count`` crops that are wanted; the others are drawn and not cut.

    Returns
    -------
    Tensor of shape (wanted crops, channels, *crop).

    Raises
    ------
    CoopError
        An array is smaller than the crop.
    """
    rooms = [[s - c + 1 for s, c in zip(a.shape[2:], crop, strict=True)] for a in arrays]
    for array, room in zip(arrays, rooms, strict=True):
        if min(room) < 1:
            raise CoopError(
                f"training data of size {'x'.join(map(str, array.shape[2:]))} are smaller than "
                f"the training crop of {'x'.join(map(str, crop))}; give larger ones, or --set "
                "data.crop to a smaller one"
            )
    ends = torch.tensor([len(a) * prod(r) for a, r in zip(arrays, rooms, strict=True)]).cumsum(0)
    positions = torch.randint(int(ends[-1]), (count,), generator=rng)
    crops = []
    for position in positions[rows].tolist():
        k = int((ends <= position).sum())
        rest = position - int(ends[k - 1] if k else 0)
        corner = []
        for positions_along in reversed(rooms[k]):
            rest, start = divmod(rest, positions_along)
            corner.append(start)
        window = [slice(s, s + c) for s, c in zip(reversed(corner), crop, strict=True)]
        crops.append(arrays[k][(rest, slice(None), *window)])
    return torch.stack(crops)


class Deck:
    """Example numbers in shuffled order without replacement, epoch after epoch.

    A batch never holds an example twice; what is left of an epoch and too little for a batch is
    dropped.

    Examples
    --------
    >>> deck, rng = Deck(5), torch.Generator().manual_seed(0)
    >>> len(torch.cat([deck.draw(2, rng), deck.draw(2, rng)]).unique())
    4
    >>> len(deck.state()), len(deck.draw(2, rng)), len(deck.state())  # one is dropped
    (1, 2, 3)
    """

    def __init__(self, examples: int) -> None:
        self.examples = examples
        self._left = torch.empty(0, dtype=torch.int64)

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw ``count`` different example numbers, int64 (count,), with an rng of the CPU.

        Raises
        ------
        CoopError
            There are fewer examples.
        """
        if count > self.examples:
            raise CoopError(
                f"a batch of {count} needs more than the {self.examples} examples; "
                f"--set data.batch={self.examples} or less"
            )
        if len(self._left) < count:
            self._left = torch.randperm(self.examples, generator=rng)
        batch, self._left = self._left[:count], self._left[count:]
        return batch.clone()

    def state(self) -> Tensor:
        """Give what is left of this epoch, in order: all that the next draws depend on."""
        return self._left.clone()

    def restore(self, state: Tensor) -> None:
        """Take over what `state` gave.

        Raises
        ------
        CoopError
            The state is of another number of examples.
        """
        if len(state) and int(state.max()) >= self.examples:
            raise CoopError(
                f"the checkpoint is of more than the {self.examples} examples that there are"
            )
        self._left = state.clone()
