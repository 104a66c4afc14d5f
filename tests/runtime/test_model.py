"""Playing a loaded bundle, against closed forms and bit for bit."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import Card, CoopError, Model, load
from coop_runtime.philox import Purpose, Stream, normal

F = NDArray[np.float32]
Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]


@pytest.fixture
def model(tiny_bundle: Path) -> Model:
    return load(tiny_bundle, "cpu")


def signals(*shape: int, seed: int = 0) -> F:
    x = np.random.default_rng(seed).uniform(-1, 1, shape)
    return x.astype(np.float32)


def generator(z: NDArray[Any], weight: F) -> NDArray[np.float64]:
    """Compute tanh(ConvTranspose(z, W)), stride 4 = kernel 4, so that the cells do not overlap."""
    blocks = np.einsum("bihw,iokl->bohkwl", z.astype(np.float64), weight.astype(np.float64))
    b, o, h, _, w, _ = blocks.shape
    x: NDArray[np.float64] = np.tanh(blocks.reshape(b, o, 4 * h, 4 * w))
    return x


def test_generate_is_the_generator_of_the_documented_z(model: Model, weight: F) -> None:
    x = model.generate(3, seed=5, first=2)
    assert x.shape == (3, 3, 8, 8)
    assert x.dtype == np.float32
    for k in range(3):
        z = normal(Stream(5, 2 + k, Purpose.LATENT), (2, 2, 2))[None]
        np.testing.assert_allclose(x[k : k + 1], generator(z, weight), atol=1e-6)


def test_examples_do_not_depend_on_the_batch(model: Model) -> None:
    x = model.generate(64, seed=3, size=12)
    *_, refined = model.refine(x, 3, seed=3)
    energy, gradient = model.energy_and_gradient(x)
    for k in (0, 17, 63):
        alone = model.generate(1, seed=3, size=12, first=k)
        assert alone.tobytes() == x[k].tobytes()
        *_, state = model.refine(alone, 3, seed=3, first=k)
        assert state.x.tobytes() == refined.x[k].tobytes()
        assert state.energy.tobytes() == refined.energy[k].tobytes()
        e, g = model.energy_and_gradient(alone)
        assert (e.tobytes(), g.tobytes()) == (energy[k].tobytes(), gradient[k].tobytes())
    assert len({example.tobytes() for example in x}) == 64


def test_any_size_is_rounded_up_and_cropped(model: Model) -> None:
    whole = model.generate(1, seed=1, size=(8, 12))
    np.testing.assert_array_equal(model.generate(1, 1, (5, 9)), whole[..., :5, :9])
    np.testing.assert_array_equal(model.generate(1, 1, (8, 12)), whole)
    assert model.generate(1, 0, 1).shape == (1, 3, 1, 1)
    assert model.generate(1, 0, [4, 400]).shape == (1, 3, 4, 400)


def test_energy_of_the_signal_padded_at_its_edges(model: Model) -> None:
    x = signals(2, 3, 5, 8)
    padded = np.pad(x, [(0, 0), (0, 0), (0, 3), (0, 0)], "edge")
    energy, gradient = model.energy_and_gradient(x)
    np.testing.assert_allclose(energy, 0.5 * (padded**2).sum(axis=(1, 2, 3)), rtol=1e-6)
    np.testing.assert_array_equal(gradient, x)
    np.testing.assert_array_equal(model.energy(x), energy)
    assert energy.dtype == gradient.dtype == np.float32


def test_refine_is_the_closed_form_of_descent(model: Model) -> None:
    x = 2 * signals(2, 3, 6, 8)
    states = list(model.refine(x, 4, noise=False))
    assert [s.step for s in states] == [0, 1, 2, 3, 4]
    for s in states:
        expected = np.clip(x, -1, 1) * (1 - 0.1**2 / 2) ** s.step
        np.testing.assert_allclose(s.x, expected, rtol=1e-5)
        assert s.x.shape == s.gradient.shape == x.shape


def test_refine_takes_the_card_s_settings(model: Model) -> None:
    x = np.full((1, 3, 8, 8), 0.99, np.float32)
    states = list(model.refine(x, seed=4, first=9))
    assert len(states) == 1 + 5  # as the card says
    n = normal(Stream(4, 9, Purpose.NOISE), (3, 8, 8), step=1)
    expected = np.clip(x * (1 - 0.1**2 / 2) + 0.1 * n, -1, 1)
    np.testing.assert_allclose(states[1].x, expected, atol=1e-6)
    assert states[1].x.max() == 1.0
    assert not any(np.shares_memory(a.x, b.x) for a, b in pairwise(states))


def test_posterior_is_its_closed_form(model: Model, weight: F) -> None:
    z, x = signals(2, 2, 2, 3), signals(2, 3, 7, 10, seed=1)
    mask = (signals(2, 3, 7, 10, seed=2) > 0).astype(np.float32)

    def log_p(z: NDArray[np.float64]) -> NDArray[np.float64]:
        residual = mask * (x - generator(z, weight)[..., :7, :10])
        misfit = (residual**2).sum(axis=(1, 2, 3)) / 0.5**2
        value: NDArray[np.float64] = -(misfit + (z**2).sum(axis=(1, 2, 3))) / 2
        return value

    z64 = z.astype(np.float64)
    result = model.log_posterior(z, x, mask, sigma=0.5)
    np.testing.assert_allclose(result.log_p, log_p(z64), rtol=1e-5)
    np.testing.assert_allclose(result.reconstruction, generator(z, weight)[..., :7, :10], atol=1e-6)
    difference, h = np.zeros_like(z64), 1e-5
    for at in np.ndindex(*z.shape[1:]):
        step = np.zeros_like(z64)
        step[(slice(None), *at)] = h
        difference[(slice(None), *at)] = (log_p(z64 + step) - log_p(z64 - step)) / (2 * h)
    np.testing.assert_allclose(result.gradient, difference, rtol=1e-4, atol=1e-4)


def test_posterior_takes_the_card_s_sigma(model: Model) -> None:
    z, x = signals(1, 2, 2, 2), signals(1, 3, 8, 8)
    by_default, named = (model.log_posterior(z, x, np.ones_like(x), s) for s in (None, 0.3))
    np.testing.assert_array_equal(by_default.log_p, named.log_p)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.generate(0), "n: expected a whole number ≥ 1, found 0"),
        (lambda m: m.generate(1.5), "n: expected a whole number ≥ 1, found 1.5"),
        (lambda m: m.generate(1, -1), "seed: expected a whole number ≥ 0, found -1"),
        (lambda m: m.generate(first=-1), "first: expected a whole number ≥ 0, found -1"),
        (lambda m: m.generate(size=0), "size: expected a whole number ≥ 1, found 0"),
        (lambda m: m.generate(size=(8,)), "size: expected 2 numbers, found 1"),
        (lambda m: m.generate(size=10**10), "size: no memory for 1×3×10000000000×10000000000"),
        (lambda m: m.refine(signals(1, 3, 8, 8), -1), "steps: expected a whole number ≥ 0"),
        (lambda m: m.refine(signals(1, 3, 8, 8), True), "steps: expected a whole number ≥ 0"),
        (lambda m: m.refine(signals(1, 3, 8, 8), 1, -1), "seed: expected a whole number ≥ 0"),
        (lambda m: m.energy(np.zeros((1, 3, 8, 8))), "x: expected float32, found float64"),
        (lambda m: m.energy(signals(3, 8, 8)), r"x: expected the shape \(batch, 3, size, size\)"),
        (lambda m: m.energy(signals(1, 4, 8, 8)), r"found \(1, 4, 8, 8\)"),
        (lambda m: m.energy(signals(0, 3, 8, 8)), r"found \(0, 3, 8, 8\)"),
        (
            lambda m: m.energy(signals(1, 3, 8, 8) * np.float32(np.inf)),
            "x: expected finite numbers",
        ),
        (
            lambda m: m.log_posterior(
                signals(1, 2, 1, 2), signals(1, 3, 8, 8), signals(1, 3, 8, 8)
            ),
            r"z: expected the shape \(1, 2, 2, 2\), found \(1, 2, 1, 2\)",
        ),
        (
            lambda m: m.log_posterior(
                signals(1, 2, 2, 2), signals(1, 3, 8, 8), signals(1, 1, 8, 8)
            ),
            r"mask: expected the shape \(1, 3, 8, 8\)",
        ),
        (
            lambda m: m.log_posterior(
                signals(1, 2, 2, 2), signals(1, 3, 8, 8), signals(1, 3, 8, 8), 0.0
            ),
            "sigma: expected > 0, found 0.0",
        ),
    ],
)
def test_wrong_arguments(model: Model, call: Callable[[Model], object], message: str) -> None:
    with pytest.raises(CoopError, match=message) as caught:
        call(model)
    assert "\n" not in str(caught.value)


def test_a_graph_of_fixed_size(edit_bundle: Edit, energy_text: str) -> None:
    text = energy_text.replace("3, H, W", "3, 8, 8")
    x = ("batch", 3, 8, 8)

    def fixed(card: Card) -> Card:
        energy = replace(
            card.graphs["energy"], inputs={"x": x}, outputs={"energy": ("batch",), "gradient": x}
        )
        return replace(card, graphs=card.graphs | {"energy": energy})

    model = load(edit_bundle(fixed, {"energy.onnx": text}), "cpu")
    assert model.energy(signals(1, 3, 7, 8)).shape == (1,)
    with pytest.raises(CoopError, match=r"'x' takes only the shape \(batch, 3, 8, 8\), found"):
        model.energy(signals(1, 3, 9, 8))


def test_a_card_with_wrong_strides(edit_bundle: Edit) -> None:
    def halved(card: Card) -> Card:
        assert card.latent is not None
        graphs = {name: replace(graph, strides=(2, 4)) for name, graph in card.graphs.items()}
        return replace(card, latent=replace(card.latent, strides=(2, 4)), graphs=graphs)

    with pytest.raises(CoopError, match=r"generator.onnx: output 'x': expected the shape"):
        load(edit_bundle(halved, {}), "cpu").generate()
