"""Random numbers by place: a counter-based generator, the same on every device and in every batch.

Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011: Philox4x32-10.
A number depends on its seed, on what it is drawn for (example, purpose, step, chain) and on where
in the signal it stands; not on the size of the signal, nor on what is drawn beside it. So a texture
of another size, or a sound that goes on, starts with the same numbers, and a tile has those of its
place. The exported graphs compute the same (integers exactly, normal numbers to rounding).
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import check_whole

__all__ = ["Purpose", "Stream", "normal", "normals", "philox", "streams", "uniform", "uniforms"]

Words = NDArray[np.uint64]  # 32-bit words, kept in 64 bits: a product of two fits

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # multipliers
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)  # what the key grows by each round
_ROUNDS = 10
_AT_ONCE = 2**16  # numbers; more would take memory, fewer time
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


class Purpose(IntEnum):
    """What a stream is drawn for."""

    LATENT = 0
    NOISE = 1
    START = 2
    POSTERIOR = 3
    DAMAGE = 4
    ACCEPT = 5
    VARIATION = 6


class Stream(NamedTuple):
    """Names one example's random numbers.

    Attributes
    ----------
    seed
        0 ≤ seed < 2⁶⁴.
    example
        Its number, 0 ≤ example < 2³².
    purpose
        What they are drawn for.
    chain
        Which of the chains that run side by side for this example, 0 ≤ chain < 2³².
    """

    seed: int
    example: int
    purpose: Purpose
    chain: int = 0

    def key(self, step: int = 0) -> tuple[int, int]:
        """Give the two words that key the numbers of one step, 0 ≤ step < 2³²."""
        first, second = _keys([self], step)
        return int(first[0]), int(second[0])


def streams(seed: int, first: int, n: int, purpose: Purpose, chains: int = 1) -> list[Stream]:
    """Name the numbers of examples first … first + n − 1 of a seed, the chains of each together.

    Raises
    ------
    CoopError
        ``seed`` or ``first`` is no whole number ≥ 0, or too large.
    """
    seed = check_whole("seed", seed, 0, 2**64 - 1)
    first = check_whole("first", first, 0, 2**32 - n)
    return [Stream(seed, first + k, purpose, chain) for k in range(n) for chain in range(chains)]


def philox(
    counter: Sequence[Words | np.uint64], key: tuple[int, int] | tuple[Words, Words]
) -> tuple[Words, ...]:
    """Give four random words for each counter.

    Parameters
    ----------
    counter
        Four arrays (or numbers) of 32-bit words that broadcast to one shape.
    key
        Two words, or two arrays of them that broadcast with the counters.

    Examples
    --------
    The first test vector of the authors' library:

    >>> [hex(int(word)) for word in philox([np.uint64(0)] * 4, (0, 0))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = (np.asarray(word, np.uint64) for word in key)
    for _ in range(_ROUNDS):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c2 = (p1 >> _HALF) ^ c1 ^ k0, (p0 >> _HALF) ^ c3 ^ k1
        c1, c3 = p1 & _LOW, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


def normal(
    stream: Stream, shape: Sequence[int], step: int = 0, origin: Sequence[int] | None = None
) -> NDArray[np.float32]:
    """Draw from N(0, I) by Box and Muller's method.

    Parameters
    ----------
    stream, step
        Whose numbers, and for which step.
    shape
        (channels, *spatial), one to three spatial axes.
    origin
        Where in the signal the block stands: its first place along each spatial axis, ≥ 0;
        zeros if None.

    Examples
    --------
    A block of a larger field has the field's numbers:

    >>> stream = Stream(seed=7, example=0, purpose=Purpose.LATENT)
    >>> field = normal(stream, (2, 9, 9))
    >>> bool((normal(stream, (2, 4, 5), origin=(3, 2)) == field[:, 3:7, 2:7]).all())
    True
    """
    block: NDArray[np.float32] = _normal([stream], shape, step, origin)[0]
    return block


def normals(of_each: Sequence[Stream], shape: Sequence[int], step: int = 0) -> NDArray[np.float32]:
    """Draw the `normal` numbers of several streams, (streams, *shape); small ones together."""
    together = max(1, _AT_ONCE // math.prod(shape))
    groups = [of_each[k : k + together] for k in range(0, len(of_each), together)]
    return np.concatenate([_normal(group, shape, step, None) for group in groups])


def uniform(
    stream: Stream, shape: Sequence[int], step: int = 0, origin: Sequence[int] | None = None
) -> NDArray[np.float32]:
    """Draw uniformly from (0, 1); parameters as for `normal`."""
    block: NDArray[np.float32] = _uniform([stream], shape, step, origin)[0]
    return block


def uniforms(of_each: Sequence[Stream], shape: Sequence[int], step: int = 0) -> NDArray[np.float32]:
    """Draw the `uniform` numbers of several streams together, (streams, *shape); for small ones."""
    return _uniform(of_each, shape, step, None)


def _uniform(
    of_each: Sequence[Stream], shape: Sequence[int], step: int, origin: Sequence[int] | None
) -> NDArray[np.float32]:
    return _kept([_unit(word) for word in _words(of_each, shape, step, origin)], shape, origin)


def _normal(
    of_each: Sequence[Stream], shape: Sequence[int], step: int, origin: Sequence[int] | None
) -> NDArray[np.float32]:
    a, b, c, d = (_unit(word) for word in _words(of_each, shape, step, origin))
    return _kept([*_box_muller(a, b), *_box_muller(c, d)], shape, origin)


def _keys(of_each: Sequence[Stream], step: int) -> tuple[Words, Words]:
    """Give the two words that key the numbers of one step, of every stream."""
    words = [(s.example, s.purpose, step, s.chain) for s in of_each]
    seeds = [(s.seed & 0xFFFFFFFF, s.seed >> 32) for s in of_each]
    low, high = np.array(seeds, np.uint64).T
    first, second, *_ = philox([*np.array(words, np.uint64).T], (low, high))
    return first, second


def _words(
    of_each: Sequence[Stream], shape: Sequence[int], step: int, origin: Sequence[int] | None
) -> tuple[Words, ...]:
    """Give the words of a block: counter (last axis / 4, the axis before, the first, channel).

    Each counter serves four neighbours along the last axis. A missing axis counts as 0.
    """
    channels, *spatial = shape
    first = [*(origin or [0] * len(spatial))]
    last = first[-1] + spatial[-1] - 1
    ranges = [range(at, at + size) for at, size in zip(first, spatial, strict=True)]
    ranges[-1] = range(first[-1] // 4, last // 4 + 1)
    axes = np.ix_(
        np.arange(channels, dtype=np.uint64),
        *(np.arange(places.start, places.stop, dtype=np.uint64) for places in ranges),
    )
    channel, *places = (axis.astype(np.uint64) & _LOW for axis in axes)
    none = [np.uint64(0)] * (3 - len(places))
    one, two = (word.reshape(-1, *[1] * len(shape)) for word in _keys(of_each, step))
    return philox([*reversed(places), *none, channel], (one, two))


def _kept(
    blocks: Sequence[NDArray[np.float32]], shape: Sequence[int], origin: Sequence[int] | None
) -> NDArray[np.float32]:
    """Lay the four numbers of each counter side by side and cut out the block of each stream."""
    start = origin[-1] % 4 if origin else 0
    joined = np.stack(blocks, axis=-1).reshape(-1, *shape[:-1], 4 * blocks[0].shape[-1])
    return np.ascontiguousarray(joined[..., start : start + shape[-1]])


def _unit(words: Words) -> NDArray[np.float32]:
    """Map 32-bit words to (0, 1): the upper 23 bits, and a half."""
    upper = (words >> np.uint64(9)).astype(np.float32)
    return (upper + np.float32(0.5)) * np.float32(2.0**-23)


def _box_muller(
    a: NDArray[np.float32], b: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn two uniform numbers into two independent normal ones."""
    radius = np.sqrt(np.float32(-2) * np.log(a))
    angle = np.float32(2 * np.pi) * b
    return radius * np.cos(angle), radius * np.sin(angle)
