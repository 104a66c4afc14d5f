"""A call can be cancelled from outside, between the runs of its graphs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import coop_runtime
from coop_runtime import ArgumentError, CancelledError, CoopError


def test_a_call_ends_when_it_is_cancelled(tiny_bundle: Path) -> None:
    answers = iter([False, False, True])
    with coop_runtime.load(tiny_bundle, "cpu", interrupt=lambda: next(answers)) as model:
        with pytest.raises(CancelledError, match="cancelled") as found:
            model.generate(5)  # each example is a run of its own
        assert isinstance(found.value, CoopError)
        assert next(answers, None) is None


def test_between_calls_nothing_is_asked(tiny_bundle: Path) -> None:
    asked: list[None] = []

    def never() -> bool:
        asked.append(None)
        return False

    with coop_runtime.load(tiny_bundle, "cpu", interrupt=never) as model:
        states: Iterator[object] = model.refine(model.generate(1), 3)
        next(states)
        assert len(asked) == 2  # a draft and its energy
        list(states)
        assert len(asked) == 5


@pytest.mark.parametrize(
    "call",
    [
        lambda model, x: model.complete(x, x > 2, chains=100_000),
        lambda model, x: model.reconstruct(x, chains=2**40),
        lambda model, x: model.panel(0, 100_000, 9),
        lambda model, x: model.corners([1, 2, 3, 4], 2, 10**9),
        lambda model, x: model.interpolate(1, 2, 10**9),
        lambda model, x: model.vary(1, 0.5, 10**9),
    ],
)
def test_absurd_numbers_are_refused_at_once(tiny_bundle: Path, call: Any) -> None:
    with coop_runtime.load(tiny_bundle, "cpu") as model:
        x = model.generate(1)
        with pytest.raises(ArgumentError, match="expected a whole number ≤"):
            call(model, x)
