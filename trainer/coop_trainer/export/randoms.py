"""The runtime's random numbers (`coop_runtime.philox`) as nodes of a graph: Philox4x32-10.

Integers are the same exactly, normal numbers to rounding. Words are int64, of which the lower 32
bits are used: ONNX Runtime multiplies int64, where a product wraps but keeps its bits, and shifts
only unsigned numbers. Its CUDA provider has no kernels for BitShift, BitwiseAnd and BitwiseXor.
"""

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from .nodes import Nodes

__all__ = ["Block", "block", "keys", "normal"]

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
GROWTH = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
MASK = 0xFFFFFFFF


class Block(NamedTuple):
    """Names of what the numbers of a block of the signal are made of, the same at every step.

    Attributes
    ----------
    even, odd
        Words 0 and 2, and 1 and 3, of the counters, (2, channels, *sizes / 4).
    start
        How many numbers of the first counter lie before the block, (1,).
    shape
        (channels, *sizes), of the numbers.
    """

    even: str
    odd: str
    start: str
    shape: str


def keys(nodes: Nodes, stream: str, steps: str, first_step: str) -> str:
    """Give the keys of every round of steps first_step, first_step + 1, …, (steps, 10, 2).

    Parameters
    ----------
    nodes
        Where to.
    stream
        Name of the words (5,) int64: lower and upper half of the seed, example, purpose, chain.
    steps, first_step
        Names of scalars, int64.
    """
    ends = nodes.add("Add", first_step, steps)
    step = nodes.add("Range", first_step, ends, nodes.scalar(1))
    # Philox itself makes a step's key: counter (example, purpose, step, chain), key the seed.
    seed, example, purpose, chain = (
        nodes.add("Slice", stream, nodes.whole(a), nodes.whole(b), nodes.whole(0))
        for a, b in ((0, 2), (2, 3), (3, 4), (4, 5))
    )
    steps_1 = nodes.add("Unsqueeze", step, nodes.whole(0))
    example = nodes.add("Add", nodes.add("Mul", steps_1, nodes.whole(0)), example)
    zeros = nodes.add("Mul", steps_1, nodes.whole(0))
    even = nodes.add("Concat", example, steps_1, axis=0)
    odd = nodes.add(
        "Concat",
        nodes.add("Add", zeros, purpose),
        nodes.add("Add", zeros, chain),
        axis=0,
    )
    words = [nodes.add("Unsqueeze", key, nodes.whole(1)) for key in _schedule(nodes, seed)]
    even, odd = _philox(nodes, even, odd, words, [2, 1])
    first = [nodes.add("Gather", word, nodes.scalar(0), axis=0) for word in (even, odd)]
    pair = nodes.add(
        "Concat", *(nodes.add("Unsqueeze", word, nodes.whole(1)) for word in first), axis=1
    )
    rounds = [nodes.add("Unsqueeze", k, nodes.whole(1)) for k in _schedule(nodes, pair)]
    return nodes.add("Concat", *rounds, axis=1)


def block(nodes: Nodes, x: str, origin: str, dims: int) -> Block:
    """Give the counters of the numbers of a block of the signal.

    Parameters
    ----------
    nodes
        Where to.
    x
        Name of an array (1, channels, *sizes), for its shape.
    origin
        Name of the block's first place along each axis, (dims,) int64, ≥ 0.
    dims
        Number of spatial axes.
    """
    shape = nodes.add("Slice", nodes.add("Shape", x), nodes.whole(1), nodes.whole(2 + dims))
    axes = []
    for k in range(1 + dims):
        size = nodes.add("Gather", shape, nodes.scalar(k), axis=0)
        at = nodes.scalar(0) if k == 0 else nodes.add("Gather", origin, nodes.scalar(k - 1), axis=0)
        end = nodes.add("Add", at, size)
        if k == dims:
            start = nodes.add("Mod", at, nodes.scalar(4))
            at = nodes.add("Div", at, nodes.scalar(4))
            end = nodes.add("Div", nodes.add("Add", end, nodes.scalar(3)), nodes.scalar(4))
        places = nodes.add("Range", at, end, nodes.scalar(1))
        form = [1] * (1 + dims)
        form[k] = -1
        axes.append(nodes.add("Reshape", places, nodes.whole(*form)))
    zeros = nodes.scalar(0)
    for axis in axes:
        zeros = nodes.add("Add", nodes.add("Mul", axis, nodes.scalar(0)), zeros)
    channel, *spatial = axes
    counter = [*reversed(spatial), *[None] * (3 - dims), channel]
    words = [
        nodes.add(
            "Unsqueeze",
            zeros if word is None else nodes.add("Add", word, zeros),
            nodes.whole(0),
        )
        for word in counter
    ]
    even = nodes.add("Concat", words[0], words[2], axis=0)
    odd = nodes.add("Concat", words[1], words[3], axis=0)
    return Block(even, odd, nodes.add("Unsqueeze", start, nodes.whole(0)), shape)


def normal(nodes: Nodes, place: Block, key: str, dims: int) -> str:
    """Give normal numbers (1, channels, *sizes) by Box and Muller's method.

    Parameters
    ----------
    nodes
        Where to.
    place
        Of `block`.
    key
        Name of the keys of the rounds of one step, (10, 2).
    dims
        Number of spatial axes.
    """
    rounds = [f"{nodes.prefix}key_{k}" for k in range(ROUNDS)]
    nodes.add("Split", key, outputs=rounds, axis=0, num_outputs=ROUNDS)
    form = [2, *[1] * (1 + dims)]
    words = [nodes.add("Reshape", name, nodes.whole(*form)) for name in rounds]
    even, odd = _philox(nodes, place.even, place.odd, words, form)
    logarithm = nodes.add("Log", _unit(nodes, even))
    radius = nodes.add("Sqrt", nodes.add("Mul", nodes.constant(np.float32(-2)), logarithm))
    turn = nodes.add("Mul", nodes.constant(np.float32(2 * np.pi)), _unit(nodes, odd))
    pairs = [
        nodes.add("Unsqueeze", nodes.add("Mul", radius, nodes.add(way, turn)), nodes.whole(-1))
        for way in ("Cos", "Sin")
    ]
    # (pair, channels, …, sine or cosine): the four numbers of a counter side by side.
    wide = nodes.add("Concat", *pairs, axis=-1)
    order = [*range(1, 2 + dims), 0, 2 + dims]
    wide = nodes.add("Transpose", wide, perm=order)
    lengths = nodes.add("Slice", place.shape, nodes.whole(0), nodes.whole(dims))
    rows = nodes.add("Concat", nodes.whole(1), lengths, nodes.whole(-1), axis=0)
    row = nodes.add("Reshape", wide, rows)
    size = nodes.add("Slice", place.shape, nodes.whole(dims), nodes.whole(dims + 1))
    end = nodes.add("Add", place.start, size)
    return nodes.add("Slice", row, place.start, end, nodes.whole(1 + dims))


def _schedule(nodes: Nodes, key: str) -> list[str]:
    """Give the key of every round: it grows by constants."""
    grown = []
    for k in range(ROUNDS):
        total = nodes.add("Add", key, nodes.words(*((k * word) & MASK for word in GROWTH)))
        grown.append(nodes.add("BitwiseAnd", total, nodes.words(MASK)))
    return grown


def _philox(
    nodes: Nodes, even: str, odd: str, rounds: list[str], form: list[int]
) -> tuple[str, str]:
    """Ten rounds on words 0 and 2, and 1 and 3, each (2, …); a pair has the shape ``form``."""
    multipliers = nodes.add("Reshape", nodes.words(*MULTIPLIERS), nodes.whole(*form))
    for key in rounds:
        product = nodes.add("Mul", even, multipliers)
        crossed = nodes.add("Gather", product, nodes.whole(1, 0), axis=0)
        upper = _upper(nodes, crossed, 32)
        even = nodes.add("BitwiseXor", nodes.add("BitwiseXor", upper, odd), key)
        odd = nodes.add("BitwiseAnd", crossed, nodes.words(MASK))
    return even, odd


def _upper(nodes: Nodes, words: str, bits: int) -> str:
    unsigned = nodes.cast(words, TensorProto.UINT64)
    shift = nodes.constant(np.array(bits, np.uint64))
    return nodes.cast(nodes.add("BitShift", unsigned, shift, direction="RIGHT"), TensorProto.INT64)


def _unit(nodes: Nodes, words: str) -> str:
    """Map 32-bit words to (0, 1): the upper 23 bits, and a half."""
    upper = nodes.cast(_upper(nodes, words, 9), TensorProto.FLOAT)
    half = nodes.add("Add", upper, nodes.constant(np.float32(0.5)))
    return nodes.add("Mul", half, nodes.constant(np.float32(2.0**-23)))
