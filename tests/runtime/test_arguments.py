"""Whatever is given for a number, a choice or a switch: one line that names the argument."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coop_runtime import ArgumentError, Model, from_samples, from_uint8, load
from coop_runtime.langevin import langevin
from coop_runtime.latent import latent_langevin

NO_NUMBERS = ("a", True, [1] * 99, np.ones(3), 1j, math.nan, -math.inf, -1, np.float32(-1))
TOO_LARGE = (math.inf, 1e30, 10**99)
TOO_SMALL = (1e-30,)

X = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 3, 8, 8)).astype(np.float32)
Z = np.zeros((2, 2, 2, 2), np.float32)
M = np.random.default_rng(9).random((1, 1, 8, 8)) < 0.4


@pytest.fixture
def model(tiny_bundle: Path) -> Model:
    return load(tiny_bundle, "cpu", 1)


def refused(argument: str, call: Callable[[], object]) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert caught.value.argument == argument
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, *TOO_LARGE, *TOO_SMALL], ids=str)
@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("sigma", lambda m, v: m.completing(X, M, sigma=v)),
        ("sigma", lambda m, v: m.reconstructing(X, sigma=v)),
        ("sigma", lambda m, v: m.log_posterior(Z, X, np.ones_like(X), v)),
        ("step_size", lambda m, v: m.completing(X, M, step_size=v)),
        ("step_size", lambda m, v: langevin(m.energy_and_gradient, X, [], steps=1, step_size=v)),
        ("step_size", lambda m, v: latent_langevin(m.decode, Z, [], steps=1, step_size=v)),
        ("extent", lambda m, v: m.panel(extent=v)),
        ("share", lambda m, v: m.damage(X, share=v)),
    ],
)
def test_numbers_that_must_be_positive(
    model: Model, argument: str, call: Callable[[Model, Any], object], value: Any
) -> None:
    refused(argument, lambda: call(model, value))


@pytest.mark.parametrize("value", [*NO_NUMBERS, None, *TOO_LARGE, *TOO_SMALL], ids=str)
def test_a_distance(model: Model, value: Any) -> None:
    refused("distance", lambda: model.vary(0, value))


def test_no_distance_is_none(model: Model) -> None:
    assert (model.vary(0, 0, n=1).z == model.vary(0, 0.0, n=1).z).all()


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0], ids=str)
def test_a_time_limit(tiny_bundle: Path, value: Any) -> None:
    refused("time_limit", lambda: load(tiny_bundle, "cpu", time_limit=value))


@pytest.mark.parametrize("value", [1e10, math.inf])
def test_a_time_limit_may_be_long(tiny_bundle: Path, value: float) -> None:
    load(tiny_bundle, "cpu", 1, time_limit=value).generate()


@pytest.mark.parametrize("value", ["a", 1, M], ids=["text", "number", "mask"])
@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("how", lambda m, v: m.reconstruct(X, v)),
        ("how", lambda m, v: m.interpolate(0, 1, how=v)),
        ("start", lambda m, v: m.completing(X, M, start=v)),
        ("start", lambda m, v: m.recovering(X, M, start=v)),
        ("kind", lambda m, v: m.damage(X, v)),
        ("ends", lambda m, v: m.corners(v)),
        ("noise", lambda m, v: m.refine(X, 1, noise=v)),
        ("noise", lambda m, v: m.completing(X, M, steps=0, settle=0, refine_steps=1, noise=v)),
    ],
)
def test_choices_and_switches(
    model: Model, argument: str, call: Callable[[Model, Any], Any], value: Any
) -> None:
    refused(argument, lambda: list(call(model, value)))


@pytest.mark.parametrize("argument", ["backend", "options", "interrupt"])
@pytest.mark.parametrize("value", ["a", 1, {}], ids=repr)
def test_how_a_bundle_is_loaded(tiny_bundle: Path, argument: str, value: Any) -> None:
    refused(argument, lambda: load(tiny_bundle, "cpu", **{argument: value}))


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_how_well_entries_are_observed(model: Model, value: float) -> None:
    mask = np.ones_like(X)
    mask[1, 2, 3, 4] = value
    refused("mask", lambda: model.log_posterior(Z, X, mask))


@pytest.mark.parametrize("value", ["a", None, X, np.zeros((1, 8, 8, 2), np.uint8)])
def test_pixels(model: Model, value: Any) -> None:
    refused("pixels", lambda: from_uint8(value, model.card.signal))
    refused("samples", lambda: from_samples(value, model.card.signal))
