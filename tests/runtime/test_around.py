"""Completion of a window around what is missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import Card, CoopError, Model, load, read_card
from coop_runtime.tasks.around import window


@pytest.fixture
def model(tiny_bundle: Path) -> Model:
    return load(tiny_bundle, "cpu", 1)


def hole(size: tuple[int, int], *places: tuple[slice, slice]) -> NDArray[np.bool_]:
    missing = np.zeros((1, 1, *size), bool)
    for place in places:
        missing[(..., *place)] = True
    return missing


@pytest.mark.parametrize(
    ("place", "around", "expected"),
    [
        ((slice(20, 24), slice(10, 30)), 5, (slice(15, 29), slice(5, 35))),
        ((slice(0, 2), slice(38, 40)), 3, (slice(0, 8), slice(32, 40))),  # no less than trained
        ((slice(20, 21), slice(20, 22)), 0, (slice(17, 25), slice(17, 25))),
        ((slice(1, 39), slice(0, 40)), 50, (slice(0, 40), slice(0, 40))),
    ],
)
def test_a_window_holds_the_hole_and_what_is_around_it(
    tiny_bundle: Path,
    place: tuple[slice, slice],
    around: int,
    expected: tuple[slice, slice],
) -> None:
    assert window(hole((40, 40), place), read_card(tiny_bundle), around) == expected


def test_axes_that_cannot_be_extended_stay_whole(tiny_bundle: Path) -> None:
    card: Card = read_card(tiny_bundle)
    card = replace(card, signal=replace(card.signal, extendable=(False, True)))
    found = window(hole((40, 40), (slice(20, 24), slice(20, 24))), card, 4)
    assert found == (slice(0, 40), slice(16, 28))


def test_it_is_the_completion_of_the_window(model: Model) -> None:
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 3, 40, 40)).astype(np.float32)
    missing = hole((40, 40), (slice(16, 22), slice(20, 28)))
    settings = {"steps": 4, "settle": 2, "refine_steps": 2, "chains": 3, "seed": 1}
    found = model.complete(x, missing, around=4, **settings)  # type: ignore[arg-type]
    here = (..., slice(12, 26), slice(16, 32))
    alone = model.complete(x[here], missing[here], **settings)  # type: ignore[arg-type]
    assert found.suggestions[here].tobytes() == alone.suggestions.tobytes()
    assert found.error.tobytes() == alone.error.tobytes()
    outside = np.broadcast_to(~missing[:, None], found.suggestions.shape)
    expected = np.broadcast_to(x[:, None], found.suggestions.shape)
    assert found.suggestions[outside].tobytes() == expected[outside].tobytes()


def test_a_negative_distance_is_refused(model: Model) -> None:
    x = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(CoopError, match="around: expected a whole number ≥ 0"):
        model.completing(x, hole((8, 8), (slice(1, 2), slice(1, 2))), around=-1)
