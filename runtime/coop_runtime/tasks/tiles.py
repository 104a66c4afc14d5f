"""Where tiles of a signal lie, what they see around them, and random numbers that wrap around."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..arrays import Array

__all__ = ["ENDLESS", "Axis", "Ends", "spans", "wrapped"]

#: First place and end of an interval.
Ends = tuple[int, int]

#: Length of an axis without end.
ENDLESS = 2**62

# Random numbers repeat themselves after so many places (`philox`).
_PLACES = 2**32


class Axis(NamedTuple):
    """One axis of what is tiled.

    Attributes
    ----------
    length
        Number of places, or `ENDLESS`.
    reach
        Places on either side of a place on which its result depends.
    wraps
        Whether the last place is the first one's neighbour; else nothing lies beyond the ends.
    """

    length: int
    reach: int
    wraps: bool

    def window(self, ends: Ends) -> Ends:
        """Give the interval on which this one depends.

        Examples
        --------
        >>> Axis(10, 2, wraps=False).window((0, 5)), Axis(10, 2, wraps=True).window((0, 5))
        ((0, 7), (-2, 7))
        """
        start, stop = ends[0] - self.reach, ends[1] + self.reach
        return (start, stop) if self.wraps else (max(start, 0), min(stop, self.length))


def spans(start: int, stop: int, side: int) -> Iterator[Ends]:
    """Cut an interval into parts of ``side`` places; the last may be smaller.

    Examples
    --------
    >>> list(spans(0, 7, 3))
    [(0, 3), (3, 6), (6, 7)]
    """
    return ((at, min(at + side, stop)) for at in range(start, stop, side))


def wrapped(
    draw: Callable[[Sequence[int], Sequence[int]], Array],
    window: Sequence[Ends],
    lengths: Sequence[int],
) -> Array:
    """Draw a block of a field that repeats itself.

    Parameters
    ----------
    draw
        (origin, size) → (channels, *size) of the field, within ``lengths``.
    window
        Interval along each axis; may lie outside ``lengths``.
    lengths
        Places after which the field repeats itself.

    Examples
    --------
    >>> def places(origin, size):
    ...     return np.arange(origin[0], origin[0] + size[0])[None]
    >>> wrapped(places, [(-2, 5)], [4])
    array([[2, 3, 0, 1, 2, 3, 0]])
    """
    pieces = [
        list(_pieces(ends, min(length, _PLACES)))
        for ends, length in zip(window, lengths, strict=True)
    ]

    def joined(chosen: tuple[tuple[int, int], ...]) -> Array:
        axis = len(chosen)
        if axis == len(pieces):
            return draw([at for at, _ in chosen], [n for _, n in chosen])
        parts = [joined((*chosen, piece)) for piece in pieces[axis]]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1 + axis)

    return joined(())


def _pieces(ends: Ends, length: int) -> Iterator[tuple[int, int]]:
    """Give place and size of each part of an interval that lies within one repetition."""
    start, stop = ends
    cuts = range((start // length + 1) * length, stop, length)
    for here, there in itertools.pairwise([start, *cuts, stop]):
        yield here % length, there - here
