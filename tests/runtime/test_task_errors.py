"""Wrong calls of completion and reconstruction: one typed error each, naming the argument."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coop_runtime import ArgumentError, Card, MissingGraphError, Model, load

Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]


def without_energy(card: Card) -> Card:
    graphs = {name: graph for name, graph in card.graphs.items() if name != "energy"}
    return replace(card, graphs=graphs, langevin=None)


@pytest.fixture
def plain(tiny_bundle: Path) -> Model:
    return load(tiny_bundle, "cpu", 1)


X = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 3, 8, 8)).astype(np.float32)
M = np.random.default_rng(9).random((1, 1, 8, 8)) < 0.4


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("folder", lambda _: load(None)),  # type: ignore[arg-type]
        ("device", lambda folder: load(folder, "gpu")),
        ("device", lambda folder: load(folder, None)),  # type: ignore[arg-type]
        ("size", lambda folder: load(folder, "cpu", 1).generate(1, size="64")),  # type: ignore[arg-type]
    ],
)
def test_wrong_loading_names_the_argument(
    tiny_bundle: Path, argument: str, call: Callable[[Path], object]
) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument}: ") as caught:
        call(tiny_bundle)
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x", lambda m: m.complete(X.astype(np.float64), M)),
        ("x", lambda m: m.complete(X[:, :2], M)),
        ("x", lambda m: m.complete(X[:0], M)),
        ("x", lambda m: m.complete(X[0], M)),
        ("x", lambda m: m.complete(np.where(M, X, np.float32(np.nan)), M)),
        ("mask", lambda m: m.complete(X, M.astype(int))),
        ("mask", lambda m: m.complete(X, 0.5 * M.astype(np.float32))),
        ("mask", lambda m: m.complete(X, np.float32(np.nan) * M.astype(np.float32))),
        ("mask", lambda m: m.complete(X, M[..., 1:])),
        ("mask", lambda m: m.complete(X, M[0])),
        ("mask", lambda m: m.complete(X, np.repeat(M, 3, 0))),
        ("mask", lambda m: m.complete(X, np.zeros_like(M))),
        ("mask", lambda m: m.complete(X, np.ones_like(M))),
        ("chains", lambda m: m.complete(X, M, chains=0)),
        ("steps", lambda m: m.completing(X, M, steps=-1)),
        ("steps", lambda m: m.completing(X, M, steps=1.5)),
        ("settle", lambda m: m.completing(X, M, settle=-1)),
        ("step_size", lambda m: m.completing(X, M, step_size=0.0)),
        ("step_size", lambda m: m.complete(X, M, step_size=1e9)),
        ("sigma", lambda m: m.completing(X, M, sigma=-1.0)),
        ("start", lambda m: m.completing(X, M, start="nose")),
        ("refine_steps", lambda m: m.completing(X, M, refine_steps=-1)),
        ("every", lambda m: m.completing(X, M, every=0)),
        ("seed", lambda m: m.completing(X, M, seed=-1)),
        ("first", lambda m: m.completing(X, M, first=-1)),
        ("x", lambda m: m.reconstruct(X * np.float32(np.nan))),
        ("how", lambda m: m.reconstruct(X, "decoder")),
    ],
)
def test_wrong_arguments(plain: Model, argument: str, call: Callable[[Model], Any]) -> None:
    with pytest.raises(ArgumentError) as caught:
        call(plain)
    assert caught.value.argument == argument
    assert "\n" not in str(caught.value)


def test_missing_graphs(plain: Model, edit_bundle: Edit) -> None:
    for call in (
        lambda: plain.completing(X, M, start="encoder"),
        lambda: plain.reconstructing(X, "encoder"),
        lambda: plain.reconstructing(X, "both"),
    ):
        with pytest.raises(MissingGraphError, match="'tiny' has no encoder"):
            call()
    generator = load(edit_bundle(without_energy, {}), "cpu", 1)
    with pytest.raises(MissingGraphError, match="'tiny' has no energy"):
        generator.completing(X, M, refine_steps=1)
    assert generator.complete(X, M, steps=1, settle=0).energy is None
