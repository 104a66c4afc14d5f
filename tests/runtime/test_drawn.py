"""Paths, panels, grids and neighbours in the latent space."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import ArgumentError, Card, MissingGraphError, Model, load
from coop_runtime.philox import Purpose, Stream, normal
from coop_runtime.tasks.drawn import mix

F = NDArray[np.float32]
Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]


@pytest.fixture
def model(tiny_bundle: Path) -> Model:
    return load(tiny_bundle, "cpu", 1)


def latent(seed: int, *cells: int) -> F:
    return normal(Stream(seed, 0, Purpose.LATENT), (2, *cells))


def test_a_line_between_two_seeds(model: Model) -> None:
    path = model.interpolate(3, 4, 5)
    a, b = latent(3, 2, 2), latent(4, 2, 2)
    for t, z in zip((0, 0.25, 0.5, 0.75, 1), path.z, strict=True):
        np.testing.assert_allclose(z, (1 - t) * a + t * b, atol=1e-6)
    assert path.x[0].tobytes() == model.generate(1, 3).tobytes()
    np.testing.assert_array_equal(path.x, model.decode(path.z))


def test_a_sphere_keeps_its_radius_and_speed() -> None:
    a, b = (v / np.linalg.norm(v) for v in np.random.default_rng(0).standard_normal((2, 50)))
    points = [mix(3 * a, 3 * b, t, "spherical") for t in np.linspace(0, 1, 7)]
    np.testing.assert_allclose([np.linalg.norm(z) for z in points], 3, rtol=1e-5)
    steps = [np.linalg.norm(q - p) for p, q in pairwise(points)]
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)
    np.testing.assert_allclose(points[0], 3 * a, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(points[-1], 3 * b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("end", [1.0, -1.0, 0.0])
def test_a_sphere_without_an_angle_is_a_line(end: float) -> None:
    a, b = np.ones(3, np.float32), np.full(3, end, np.float32)
    np.testing.assert_allclose(mix(a, b, 0.25, "spherical"), 0.75 * a + 0.25 * b, atol=1e-6)


def test_inputs_are_read_first(model: Model) -> None:
    x = model.generate(2, 5, (8, 12))
    path = model.interpolate(x[0], x[1:], 2)
    expected = model.reconstruct(x[:1], chains=4)
    assert path.x.shape == (2, 3, 8, 12)
    assert path.z[0].tobytes() == expected.z[0].tobytes()
    mixed = model.interpolate(7, x[1], 3)
    np.testing.assert_array_equal(mixed.z[0], latent(7, 2, 3))


def test_what_was_inferred_needs_no_inference(model: Model) -> None:
    x = model.generate(1, 5, (8, 12))
    read = model.reconstruct(x, chains=4)
    expected = model.interpolate(x[0], 7, 3, refine_steps=2)
    found = model.interpolate(read, 7, 3, refine_steps=2)
    assert (found.z.tobytes(), found.x.tobytes()) == (expected.z.tobytes(), expected.x.tobytes())
    assert model.vary(read, 2.0, 3).x.tobytes() == model.vary(x[0], 2.0, 3).x.tobytes()
    two = model.reconstruct(np.repeat(x, 2, 0), steps=0, settle=0)
    with pytest.raises(ArgumentError, match=r"^b: expected .*\(1, 3, "):
        model.interpolate(7, two)


def test_frames_are_refined_with_one_noise(model: Model) -> None:
    same = model.interpolate(3, 3, 4, refine_steps=3, seed=8)
    assert len({x.tobytes() for x in same.x}) == 1
    *_, expected = model.refine(model.generate(1, 3), 3, 8)
    assert same.x[0].tobytes() == expected.x.tobytes()
    still = model.interpolate(3, 4, 2, refine_steps=2, noise=False)
    plain = model.interpolate(3, 4, 2)
    np.testing.assert_allclose(still.x, plain.x * (1 - 0.1**2 / 2) ** 2, rtol=1e-5)


@pytest.mark.parametrize("how", ["linear", "spherical"])
def test_corners(model: Model, how: Any) -> None:
    grid = model.corners([1, 2, 3, 4], 3, 5, how)
    assert grid.z.shape == (3, 5, 2, 2, 2)
    assert grid.x.shape == (3, 5, 3, 8, 8)
    for z, seed in zip(
        (grid.z[0, 0], grid.z[0, -1], grid.z[-1, 0], grid.z[-1, -1]), (1, 2, 3, 4), strict=True
    ):
        np.testing.assert_allclose(z, latent(seed, 2, 2), atol=1e-6)
    np.testing.assert_allclose(grid.z[0], model.interpolate(1, 2, 5, how).z, atol=1e-6)
    if how == "linear":
        mean = np.mean([latent(seed, 2, 2) for seed in (1, 2, 3, 4)], axis=0)
        np.testing.assert_allclose(grid.z[1, 2], mean, atol=1e-6)


def test_the_panel_of_a_two_dimensional_latent(model: Model) -> None:
    grid = model.panel(size=4)  # one cell of two channels
    assert grid.x.shape == (9, 9, 3, 4, 4)
    np.testing.assert_array_equal(grid.z[4, 4].ravel(), [0, 0])
    np.testing.assert_array_equal(grid.z[0, 0].ravel(), [-2, 2])
    np.testing.assert_array_equal(grid.z[8, 0].ravel(), [-2, -2])
    np.testing.assert_array_equal(grid.z[4, 6].ravel(), [1, 0])


def test_the_panel_of_a_larger_latent(model: Model) -> None:
    grid = model.panel(7, 5, 3, extent=1.5, size=(8, 12))
    d = 2 * 2 * 3
    right, up = (grid.z[2, 2] / 1.5).ravel(), (grid.z[0, 1] / 1.5).ravel()
    gram = np.array([[a @ b for a in (right, up)] for b in (right, up)])
    np.testing.assert_allclose(gram, d / 2 * np.eye(2), atol=1e-4)
    np.testing.assert_allclose(grid.z[0, 2].ravel(), 1.5 * (right + up), atol=1e-5)
    drawn = latent(7, 2, 3).ravel()
    assert right @ drawn == pytest.approx(np.linalg.norm(right) * np.linalg.norm(drawn), rel=1e-5)


def test_neighbours_are_at_their_distance_in_all_directions(model: Model) -> None:
    near = model.vary(3, 0.5, 400, seed=1)
    away = (near.z - latent(3, 2, 2)).reshape(400, -1)
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), 0.5, rtol=1e-5)
    # Coordinates of a random direction in d dimensions have variance r²/d.
    assert np.abs(away.mean(0)).max() < 5 * 0.5 / np.sqrt(8 * 400)
    assert model.vary(3, 0.5, 3, seed=1).x.tobytes() == near.x[:3].tobytes()
    assert model.vary(3, 0.0, 1).x.tobytes() == model.generate(1, 3).tobytes()


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("frames", lambda m: m.interpolate(1, 2, 1)),
        ("how", lambda m: m.interpolate(1, 2, how="round")),
        ("a", lambda m: m.interpolate(-1, 2)),
        ("b", lambda m: m.interpolate(1, 2.5)),
        ("b", lambda m: m.interpolate(1, np.zeros((2, 3, 8, 8), np.float32))),
        ("b", lambda m: m.interpolate(1, np.zeros((3, 8, 8)))),
        ("b", lambda m: m.interpolate(m.generate(1)[0], m.generate(1, 0, 12)[0])),
        ("a", lambda m: m.interpolate(m.generate(1)[0], 1, size=12)),
        ("size", lambda m: m.interpolate(1, 2, size=0)),
        ("refine_steps", lambda m: m.interpolate(1, 2, refine_steps=-1)),
        ("seed", lambda m: m.interpolate(1, 2, refine_steps=1, seed=-1)),
        ("ends", lambda m: m.corners([1, 2, 3])),
        ("ends[2]", lambda m: m.corners([1, 2, None, 3])),
        ("rows", lambda m: m.corners([1, 2, 3, 4], 1)),
        ("columns", lambda m: m.panel(columns=0)),
        ("extent", lambda m: m.panel(extent=0)),
        ("seed", lambda m: m.panel(seed=-1)),
        ("distance", lambda m: m.vary(1, -0.1)),
        ("distance", lambda m: m.vary(1, float("nan"))),
        ("n", lambda m: m.vary(1, 1.0, 0)),
        ("x", lambda m: m.vary("1", 1.0)),
        ("z", lambda m: m.decode(np.zeros((1, 3, 2, 2), np.float32))),
        ("z", lambda m: m.decode(np.zeros((1, 2, 2, 2), np.float32), 16)),
    ],
)
def test_wrong_arguments(model: Model, argument: str, call: Callable[[Model], Any]) -> None:
    with pytest.raises(ArgumentError) as caught:
        call(model)
    assert caught.value.argument == argument


def test_decode_is_generate_of_its_latents(model: Model) -> None:
    z = latent(6, 3, 2)[None]
    assert model.decode(z).tobytes() == model.generate(1, 6, (12, 8)).tobytes()
    assert model.decode(z, (9, 7)).tobytes() == model.generate(1, 6, (9, 7)).tobytes()


def test_a_model_without_latents_is_refused(edit_bundle: Edit) -> None:
    def judging(card: Card) -> Card:
        graphs = {"energy": card.graphs["energy"]}
        return replace(card, graphs=graphs, latent=None, sigma=None)

    model = load(edit_bundle(judging, {}), "cpu", 1)
    calls: list[Callable[[], object]] = [
        lambda: model.interpolate(1, 2),
        model.panel,
        lambda: model.vary(1, 1.0),
    ]
    for call in calls:
        with pytest.raises(MissingGraphError, match="'tiny' has no generator"):
            call()
