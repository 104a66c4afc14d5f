"""Random numbers for a batch, or for one process's share of a batch."""

import torch
from torch import Tensor

__all__ = ["SharedGenerator", "normal", "uniform"]


class SharedGenerator(torch.Generator):
    """A generator whose draws are those of the joined batch, of which one process keeps its rows.

    Every process seeds it alike and draws the same numbers, so that what N processes do
    together is what one does alone, and their generators stay in step.

    Attributes
    ----------
    rank, count
        The process keeps rows rank, rank + count, … of every draw.
    """

    rank: int = 0
    count: int = 1


def normal(
    shape: tuple[int, ...], rng: torch.Generator, dtype: torch.dtype | None = None
) -> Tensor:
    """Draw from N(0, I), shape (batch, …), on the generator's device.

    Examples
    --------
    Two processes draw what one draws:

    >>> one, first, second = torch.Generator(), SharedGenerator(), SharedGenerator()
    >>> (first.count, second.count), second.rank = (2, 2), 1
    >>> whole = normal((4, 3), one.manual_seed(0))
    >>> parts = [normal((2, 3), rng.manual_seed(0)) for rng in (first, second)]
    >>> torch.equal(whole[0::2], parts[0]), torch.equal(whole[1::2], parts[1])
    (True, True)
    """
    joined, rows = _rows(shape, rng)
    return torch.randn(joined, generator=rng, device=rng.device, dtype=dtype)[rows].contiguous()


def uniform(
    shape: tuple[int, ...], rng: torch.Generator, dtype: torch.dtype | None = None
) -> Tensor:
    """Draw uniformly from [0, 1), shape (batch, …), on the generator's device."""
    joined, rows = _rows(shape, rng)
    return torch.rand(joined, generator=rng, device=rng.device, dtype=dtype)[rows].contiguous()


def _rows(shape: tuple[int, ...], rng: torch.Generator) -> tuple[tuple[int, ...], slice]:
    """Give the joined batch's shape, and which of its rows are wanted."""
    if not isinstance(rng, SharedGenerator):
        return shape, slice(None)
    return (shape[0] * rng.count, *shape[1:]), slice(rng.rank, None, rng.count)
