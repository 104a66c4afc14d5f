"""The audio callback: what it plays is the stream, block after block; late ones are silence."""

import importlib.util
import math
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from coop_runtime import Array, Block, to_samples
from coop_runtime.card import Signal

FILE = Path(__file__).resolve().parents[2] / "examples" / "endless_rain.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("endless_rain", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Card:
    signal = Signal("sound", 1, 2, (-1.0, 1.0), (-0.5, 0.5), (8,), (True,), 8000.0, (0.9,))


class Endless:
    """What the example needs of a model: a sound in blocks of 64 samples."""

    card = Card

    def __init__(self, blocks: float) -> None:
        self._blocks = blocks

    def block(self, k: int) -> Array:
        return np.random.default_rng(k).uniform(-1, 1, (1, 2, 64)).astype(np.float32)

    def stream(self, seed: int, size: float) -> Iterator[Block]:
        assert (seed, size) == (3, math.inf)
        k = 0
        while k < self._blocks:
            yield Block(64 * k, self.block(k))
            k += 1


def test_it_plays_the_stream(example: ModuleType) -> None:
    model = Endless(math.inf)
    rain = example.Rain(model, seed=3)
    parts: list[Array] = []
    out = np.empty((50, 2), np.float32)
    for _ in range(20):
        while not rain._blocks.full():  # a loudspeaker takes its time
            time.sleep(0.001)
        rain(out, 50)
        parts.append(out.copy())
    rain.stop()
    assert rain.late == 0
    whole = to_samples(np.concatenate([model.block(k) for k in range(20)], axis=2), Card.signal)
    np.testing.assert_allclose(np.concatenate(parts), whole[0, :1000], atol=1e-5)


def test_without_samples_it_is_silent(example: ModuleType) -> None:
    rain = example.Rain(Endless(0), seed=3)
    out = np.ones((50, 2), np.float32)
    rain(out, 50)
    rain.stop()
    assert not out.any()
    assert rain.late == 1
