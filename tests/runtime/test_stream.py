"""Streamed signals, against whole ones: networks in numpy that reach beyond a tile."""

import math
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import Block, Card, CoopError, Model, load
from coop_runtime.arrays import latent_shape
from coop_runtime.card import FORMAT, Entry, Graph, Langevin, Latent, Signal
from coop_runtime.graphs import LoadedGraph
from coop_runtime.langevin import langevin
from coop_runtime.philox import Purpose, Stream, normal
from coop_runtime.tasks.stream import streams_in_tiles

F = NDArray[np.float32]

CELL, POOL = 6, 4  # strides of generator and energy
REACH = 2
KERNEL = np.array([0.5, -0.8, 1.0, 0.6, -0.4])
FREE = {1: (True,), 2: (True, True), 3: (True, False, False)}
FIXED = (2, 3)  # height and width of clips


def correlate(x: NDArray[Any], kernel: NDArray[Any], axis: int, wrap: bool) -> NDArray[Any]:
    """Correlate along an axis, with zeros beyond the ends or the other end's entries."""
    side = len(kernel) // 2
    pad = [(side, side) if a == axis else (0, 0) for a in range(x.ndim)]
    padded = np.pad(x, pad, "wrap" if wrap else "constant")
    n = x.shape[axis]
    total: NDArray[Any] = np.add.reduce(
        [w * padded.take(range(k, k + n), axis) for k, w in enumerate(kernel)]
    )
    return total


@dataclass
class Generator:
    """x = tanh of two correlated maps of z: cells are repeated, and told apart by their place."""

    free: tuple[bool, ...]
    wrap: bool

    def run(self, names: Sequence[str], feed: dict[str, F]) -> list[F]:
        h = feed["z"].astype(np.float64)
        for axis, free in enumerate(self.free, start=2):
            if free:
                h = correlate(h, KERNEL, axis, self.wrap)
                h = np.repeat(h, CELL, axis)
                ramp = np.resize(np.linspace(0.5, 1.0, CELL), h.shape[axis])
                h = h * ramp.reshape([-1 if a == axis else 1 for a in range(h.ndim)])
        return [np.tanh(h[:, :2] - h[:, 2:]).astype(np.float32)]


@dataclass
class Energy:
    """E = Σ log cosh(k ∗ (x averaged in blocks)), with its gradient written out."""

    free: tuple[bool, ...]
    wrap: bool = False

    def run(self, names: Sequence[str], feed: dict[str, F]) -> list[F]:
        x = feed["x"].astype(np.float64)
        axes = [axis for axis, free in enumerate(self.free, start=2) if free]
        for axis in axes:
            shape = [*x.shape[:axis], x.shape[axis] // POOL, POOL, *x.shape[axis + 1 :]]
            x = correlate(x.reshape(shape).mean(axis + 1), KERNEL, axis, self.wrap)
        slope = np.tanh(x)
        for axis in axes:
            slope = correlate(slope, KERNEL[::-1], axis, self.wrap)
            slope = np.repeat(slope, POOL, axis) / POOL
        energy = np.log(np.cosh(x)).sum(axis=tuple(range(1, x.ndim)))
        return [energy.astype(np.float32), slope.astype(np.float32)]


def card(dims: int, wraps: bool = False, generator: bool = True) -> Card:
    free = FREE[dims]
    trained = tuple(24 if f else n for f, n in zip(free, (24, *FIXED), strict=False))
    cells, blocks = (tuple(n if f else 1 for f in free) for n in (CELL, POOL))
    x, z = ("batch", 2, *"thw"[:dims]), ("batch", 4, *"thw"[:dims])
    reach = tuple(REACH if f else 0 for f in free)
    beyond = tuple(5 * POOL - 1 if f else 0 for f in free)
    graphs = {
        "generator": Graph("g", cells, {"z": z}, {"x": x}),
        "posterior": Graph("g", cells, {}, {}),
        "energy": Graph("g", blocks, {"x": x}, {"energy": ("batch",), "gradient": x}),
    }
    return Card(
        format=FORMAT,
        name="fake",
        signal=Signal("clips", dims, 2, (-1.0, 1.0), (0.0, 255.0), trained, free),
        latent=Latent(4, cells, reach, wraps) if generator else None,
        langevin=Langevin(steps=5, step_size=0.5, max_drift=0.2, clamp=True, reach=beyond),
        sigma=0.3 if generator else None,
        graphs=graphs if generator else {"energy": graphs["energy"]},
        files={"g": Entry("0" * 64, 0)},
    )


def fake(dims: int, wraps: bool = False, generator: bool = True) -> Model:
    described, free = card(dims, wraps, generator), FREE[dims]
    sessions: dict[str, Any] = {"generator": Generator(free, wraps), "energy": Energy(free)}
    loaded = {
        name: LoadedGraph(spec, sessions.get(name)) for name, spec in described.graphs.items()
    }
    return Model(described, loaded, "cpu")


def size(dims: int, length: int, *others: int) -> tuple[int, ...]:
    return {1: (length,), 2: (length, *others), 3: (length, *FIXED)}[dims]


def joined(blocks: Sequence[Block]) -> F:
    start = 0
    for block in blocks:
        assert block.start == start
        start += block.x.shape[2]
    return np.concatenate([block.x for block in blocks], axis=2)


def whole(model: Model, sides: tuple[int, ...], steps: int, seed: int, first: int) -> F:
    draw = model.generate if model.card.latent else model.noise
    x = draw(1, seed, sides, first=first)
    *_, last = model.refine(x, steps, seed, first=first)
    return last.x


@pytest.mark.parametrize("chunk", [1, 13, 50, 1000])
@pytest.mark.parametrize("steps", [0, 1, 6])
@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_stream_is_the_whole(dims: int, wraps: bool, steps: int, chunk: int) -> None:
    model = fake(dims, wraps)
    sides = size(dims, 151, 61)
    streamed = joined([*model.stream(7, sides, refine_steps=steps, chunk=chunk, first=3)])
    assert streamed.dtype == np.float32
    np.testing.assert_allclose(streamed, whole(model, sides, steps, 7, 3), atol=1e-6)


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("noise", [None, False])
def test_default_tiles_and_the_card_s_steps(dims: int, noise: bool | None) -> None:
    model = fake(dims)
    sides = size(dims, 40, 70)
    blocks = [*model.stream(1, sides, refine_steps=None, noise=noise)]
    *_, last = model.refine(model.generate(1, 1, sides), 5, 1, noise=noise)
    np.testing.assert_allclose(joined(blocks), last.x, atol=1e-6)
    by_default = joined([*model.stream(1)])
    np.testing.assert_allclose(by_default, model.generate(1, 1), atol=1e-6)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_without_a_generator_noise_is_streamed(dims: int) -> None:
    model = fake(dims, generator=False)
    sides = size(dims, 91, 30)
    for steps in (0, 4):
        streamed = joined([*model.stream(2, sides, refine_steps=steps, chunk=20)])
        np.testing.assert_allclose(streamed, whole(model, sides, steps, 2, 0), atol=1e-6)


@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("steps", [0, 4])
def test_an_endless_stream_begins_as_every_finite_one(wraps: bool, steps: int) -> None:
    """Up to where that one's end is felt; a generator that wraps feels it at the start too."""
    model = fake(1, wraps)
    endless = model.stream(5, math.inf, refine_steps=steps, chunk=30)
    x = joined([*islice(endless, 20)])
    finite = whole(model, (400,), steps, 5, 0)
    felt = CELL * REACH + steps * 20
    inside = slice(felt if wraps else 0, 400 - felt - CELL)
    np.testing.assert_allclose(x[..., inside], finite[..., inside], atol=1e-6)


def test_endless_pictures_and_clips() -> None:
    rows = next(fake(2).stream(0, (math.inf, 33), chunk=12))
    assert rows.x.shape == (1, 2, 12, 33)
    assert next(fake(3).stream(0, math.inf, chunk=12)).x.shape == (1, 2, 12, *FIXED)


@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("chunk", [10, 1000])
def test_a_loop_is_a_ring_s(dims: int, wraps: bool, chunk: int) -> None:
    """Drafts and revision are those of networks that take the ends for neighbours."""
    model, free = fake(dims, wraps), FREE[dims]
    sides = size(dims, 48, 36)
    drafts = joined([*model.stream(3, sides, loop=True, chunk=chunk)])
    latent = model.card.latent
    assert latent is not None
    z = normal(Stream(3, 0, Purpose.LATENT), latent_shape(latent, sides))[None]
    (ring,) = Generator(free, wrap=True).run(["x"], {"z": z})
    np.testing.assert_allclose(drafts, ring, atol=1e-6)

    def energy(x: F) -> tuple[F, F]:
        e, g = Energy(free, wrap=True).run([], {"x": x})
        return e, g

    streams = [Stream(3, 0, Purpose.NOISE)]
    settings: dict[str, Any] = {"step_size": 0.5, "max_drift": 0.2, "clamp": (-1.0, 1.0)}
    *_, last = langevin(energy, ring, streams, steps=4, **settings)
    refined = joined([*model.stream(3, sides, refine_steps=4, loop=True, chunk=chunk)])
    np.testing.assert_allclose(refined, last.x, atol=1e-6)


@pytest.mark.parametrize("steps", [0, 5])
def test_memory_does_not_grow_with_the_length(steps: int) -> None:
    model = fake(2)

    def peak(length: int) -> int:
        tracemalloc.start()
        for _ in model.stream(0, (length, 100), refine_steps=steps, chunk=60):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    rows = 9600 - 600
    assert peak(9600) - peak(600) < 0.1 * rows * 100 * 2 * 4  # a list of tiles, but no signal


def test_blocks_come_as_soon_as_they_can() -> None:
    drawn = []

    class Counting(Generator):
        def run(self, names: Sequence[str], feed: dict[str, F]) -> list[F]:
            drawn.append(1)
            return super().run(names, feed)

    model = fake(1)
    model.graphs["generator"] = LoadedGraph(  # type: ignore[index]
        model.card.graphs["generator"], Counting((True,), wrap=False)
    )
    blocks = model.stream(0, 6000, chunk=60)
    assert not drawn
    next(blocks)
    assert len(drawn) == 1


Call = Callable[[Model], object]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.stream(-1), "seed: expected a whole number ≥ 0"),
        (lambda m: m.stream(0, 0), "size: expected a whole number ≥ 1"),
        (lambda m: m.stream(0, 2.5), "size: expected a whole number ≥ 1, found 2.5"),
        (lambda m: m.stream(0, ()), "size: expected 2 numbers, found 0"),
        (lambda m: m.stream(0, (5,)), "size: expected 2 numbers, found 1"),
        (lambda m: m.stream(0, math.inf), "size: only the first axis can be infinite; give the"),
        (lambda m: m.stream(0, (9, math.inf)), "size: expected a whole number"),
        (lambda m: m.stream(0, refine_steps=-1), "refine_steps: expected a whole number ≥ 0"),
        (lambda m: m.stream(0, chunk=0), "chunk: expected a whole number ≥ 1"),
        (lambda m: m.stream(0, first=-1), "first: expected a whole number ≥ 0"),
        (lambda m: m.stream(0, noise=2), "noise: expected True or False, found 2"),
        (lambda m: m.stream(0, loop="x"), "loop: expected True or False, found 'x'"),
        (lambda m: m.stream(0, (math.inf, 9), loop=True), "size: a loop has an end"),
        (lambda m: m.stream(0, (24, 30), loop=True), "size: a loop needs multiples of 12x12, foun"),
        (
            lambda m: m.stream(0, (12 * 10**7,) * 2, refine_steps=1, loop=True),
            "size: no memory for 1×2×120000000×120000000 numbers",
        ),
    ],
)
def test_wrong_calls(call: Call, message: str) -> None:
    with pytest.raises(CoopError, match=message) as caught:
        call(fake(2))
    assert "\n" not in str(caught.value)


def test_bundles_that_cannot_be_streamed(tiny_bundle: Path) -> None:
    model = load(tiny_bundle, "cpu")
    assert not streams_in_tiles(model.card)
    with pytest.raises(CoopError, match="does not say how far its graphs reach"):
        model.stream()
    described = fake(3).card
    fixed = replace(described, signal=replace(described.signal, extendable=(False,) * 3))
    assert not streams_in_tiles(fixed)
    with pytest.raises(CoopError, match="'fake' draws one size only, which generate"):
        Model(fixed, {}, "cpu").stream()
    assert streams_in_tiles(described)
