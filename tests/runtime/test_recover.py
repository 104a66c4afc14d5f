"""Damage, and its recovery by a descriptor with a closed form."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import ArgumentError, Card, MissingGraphError, Model, load
from coop_runtime.tasks.damage import salt_and_pepper

F = NDArray[np.float32]
Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]
KINDS: list[Any] = ["salt-and-pepper", "scribble", "block"]


@pytest.fixture
def model(tiny_bundle: Path) -> Model:
    return load(tiny_bundle, "cpu", 1)


def signals(*shape: int, seed: int = 0) -> F:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_damage(model: Model, kind: Any) -> None:
    x = signals(6, 3, 60, 80)
    damaged, mask = model.damage(x, kind, 0.3, seed=4)
    every = np.broadcast_to(mask, x.shape)
    assert mask.shape == (6, 1, 60, 80)
    assert damaged.dtype == np.float32
    assert damaged[~every].tobytes() == x[~every].tobytes()
    assert np.abs(mask.mean((1, 2, 3)) - 0.3).max() < 0.03
    values = set(np.unique(damaged[every]).tolist())
    assert values == {"salt-and-pepper": {-1, 1}, "scribble": {1}, "block": {0}}[kind]
    assert len({m.tobytes() for m in mask}) == 6
    alone = model.damage(x[2:3], kind, 0.3, seed=4, first=2)
    assert alone.x.tobytes() == damaged[2:3].tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "share"), [((4, 4), 0.01), ((9, 1), 0.97), ((4, 30), 0.9)])
def test_some_is_damaged_and_some_is_left(model: Model, kind: Any, size: Any, share: float) -> None:
    _, mask = model.damage(signals(20, 3, *size), kind, share)
    assert mask.any(axis=(1, 2, 3)).all()
    assert not mask.all(axis=(1, 2, 3)).any()


def test_a_block_is_a_box(model: Model) -> None:
    for mask in model.damage(signals(5, 3, 40, 60), "block", 0.25).mask:
        down, across = np.nonzero(mask[0])
        assert np.ptp(down) + 1 == 20
        assert np.ptp(across) + 1 == 30
        assert mask.sum() == 600


def test_salt_and_pepper_is_found_and_black_surfaces_are_not() -> None:
    x = signals(2, 3, 40, 40, seed=1)
    x[..., :20] = -1
    clean = x.copy()
    hit = np.random.default_rng(2).random((2, 1, 40, 40)) < 0.1
    x = np.where(hit, np.float32(1), x)
    found = salt_and_pepper(x, (-1, 1))
    assert (found & ~hit).sum() < 0.005 * hit.size  # at the edge of the black
    assert (found & hit).sum() > 0.98 * hit.sum()
    assert not salt_and_pepper(clean, (-1, 1)).any()


def test_without_salt_and_pepper_a_mask_is_asked_for(model: Model) -> None:
    x = np.concatenate([model.damage(signals(1, 3, 9, 9), share=0.1).x, signals(1, 3, 9, 9)])
    with pytest.raises(ArgumentError, match="no salt and pepper is found in example 1; other"):
        model.recovering(x)


def test_damaged_entries_alone_are_revised(model: Model) -> None:
    x, mask = 3 * signals(2, 3, 6, 8), np.random.default_rng(3).random((1, 3, 6, 8)) < 0.3
    every = np.broadcast_to(mask, x.shape)
    states = list(model.recovering(x, mask, steps=4, noise=False, start="given"))
    assert [s.step for s in states] == [0, 1, 2, 3, 4]
    for s in states:  # the closed form of descent on ½‖x‖², δ = 0.1
        assert s.x[~every].tobytes() == x[~every].tobytes()
        expected = np.clip(x, -1, 1) * (1 - 0.1**2 / 2) ** s.step
        np.testing.assert_allclose(s.x[every], expected[every], rtol=1e-5)
    done = model.recover(x, mask, steps=4, noise=False, start="given")
    assert done.x.tobytes() == states[-1].x.tobytes()


def test_it_starts_from_a_smooth_fill(model: Model) -> None:
    x = np.full((1, 3, 12, 12), 0.25, np.float32)
    damaged, mask = model.damage(x, "scribble", 0.4)
    start = next(iter(model.recovering(damaged, mask)))
    np.testing.assert_allclose(start.x, x, atol=1e-6)
    hidden = np.where(mask, np.float32(np.nan), x)
    assert next(iter(model.recovering(hidden, mask))).x.tobytes() == start.x.tobytes()
    found = next(iter(model.recovering(model.damage(x, share=0.1).x)))
    np.testing.assert_allclose(found.x, x, atol=1e-6)


def test_examples_do_not_depend_on_their_batch(model: Model) -> None:
    x, mask = model.damage(signals(4, 3, 10, 9), "block", 0.2)
    together, alone = (model.recover(x[k:], mask[k:], steps=3, seed=2, first=k) for k in (0, 3))
    assert together.x[3:].tobytes() == alone.x.tobytes()
    assert together.energy[3:].tobytes() == alone.energy.tobytes()


X, M = signals(1, 3, 8, 8), np.eye(8, dtype=bool)[None, None]


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x", lambda m: m.damage(X[0])),
        ("kind", lambda m: m.damage(X, "rain")),
        ("share", lambda m: m.damage(X, share=0.0)),
        ("share", lambda m: m.damage(X, share=1.0)),
        ("seed", lambda m: m.damage(X, seed=-1)),
        ("mask", lambda m: m.recovering(X, "scribble")),
        ("mask", lambda m: m.recovering(X)),  # nothing of it is salt and pepper
        ("mask", lambda m: m.recovering(X, M[..., 1:])),
        ("x", lambda m: m.recovering(np.where(M, np.float32(np.nan), X), M, start="given")),
        ("start", lambda m: m.recovering(X, M, start="taken")),
        ("steps", lambda m: m.recovering(X, M, steps=-1)),
        ("seed", lambda m: m.recovering(X, M, seed=-1)),
    ],
)
def test_wrong_arguments(model: Model, argument: str, call: Callable[[Model], Any]) -> None:
    with pytest.raises(ArgumentError) as caught:
        call(model)
    assert caught.value.argument == argument


def test_without_an_energy_nothing_is_recovered(edit_bundle: Edit) -> None:
    def drawing(card: Card) -> Card:
        graphs = {name: graph for name, graph in card.graphs.items() if name != "energy"}
        return replace(card, graphs=graphs, langevin=None)

    with pytest.raises(MissingGraphError, match="'tiny' has no energy"):
        load(edit_bundle(drawing, {}), "cpu", 1).recovering(X, M)
