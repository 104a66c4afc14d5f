"""The counter-based generator against its authors' vectors, and its statistics."""

import numpy as np
import pytest
from scipy import stats

from coop_runtime import CoopError, philox
from coop_runtime.philox import Purpose, Stream, normal, uniform

# Random123's kat_vectors, philox4x32, 10 rounds: counter, key, result.
VECTORS = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
STREAM = Stream(seed=3, example=1, purpose=Purpose.NOISE)


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_known_answers(counter: str, key: str, expected: str) -> None:
    first, second = words(key)
    found = philox.philox([np.uint64(word) for word in words(counter)], (first, second))
    assert [int(word) for word in found] == words(expected)


def test_normal_and_uniform_are_what_they_are_called() -> None:
    x = normal(STREAM, (3, 150, 151)).astype(np.float64)
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-3
    assert stats.kstest(uniform(STREAM, (3, 150, 151)).ravel(), "uniform").pvalue > 1e-3
    # Correlations of N pairs of independent normals deviate by 1/sqrt(N).
    for a, b in ((x[:, :, 1:], x[:, :, :-1]), (x[:, 1:], x[:, :-1]), (x[1:], x[:-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)


@pytest.mark.parametrize(
    "other",
    [
        Stream(4, 1, Purpose.NOISE),
        Stream(3, 2, Purpose.NOISE),
        Stream(3, 1, Purpose.LATENT),
        Stream(3 + 2**32, 1, Purpose.NOISE),
    ],
)
def test_streams_differ(other: Stream) -> None:
    a, b = normal(STREAM, (1, 4000)), normal(other, (1, 4000))
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(4000)
    c = normal(STREAM, (1, 4000), step=1)
    assert abs(np.corrcoef(a.ravel(), c.ravel())[0, 1]) < 5 / np.sqrt(4000)


@pytest.mark.parametrize("shape", [(2, 50), (2, 9, 50), (2, 3, 9, 50)])
def test_a_block_has_the_numbers_of_its_place(shape: tuple[int, ...]) -> None:
    field = normal(STREAM, shape)
    origin = [1] * (len(shape) - 2) + [13]
    block = normal(STREAM, (2, *(2,) * (len(shape) - 2), 30), origin=origin)
    keep = tuple(slice(at, at + size) for at, size in zip(origin, block.shape[1:], strict=True))
    assert block.tobytes() == np.ascontiguousarray(field[(slice(None), *keep)]).tobytes()


def test_too_large_numbers_are_refused() -> None:
    with pytest.raises(CoopError, match="seed: expected a whole number ≤"):
        philox.streams(2**64, 0, 1, Purpose.LATENT)
    with pytest.raises(CoopError, match="first: expected a whole number ≤"):
        philox.streams(0, 2**32, 1, Purpose.LATENT)
