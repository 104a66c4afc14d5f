"""Minima, barriers, basins and their graph, against energies of which all is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import coop_runtime
from coop_eval.energy import landscape, manifold, purity
from coop_eval.energy.graph import disconnectivity_graph
from coop_runtime import CoopError

#: Centres of a mixture of Gaussians: two pairs, 2 apart within, 8 apart between.
CENTRES: Any = np.array([[-5.0, 0.0], [-3.0, 0.0], [3.0, 0.0], [5.0, 0.0]])
SD = 0.6


def mixture(x: Any) -> Any:
    """E = −log Σ exp(−‖x − μ‖²/2s²), and its gradient."""
    away = x[:, None] - CENTRES
    exponent = -np.square(away).sum(2) / (2 * SD**2)
    top = exponent.max(1, keepdims=True)
    share = np.exp(exponent - top)
    energy = -(top[:, 0] + np.log(share.sum(1)))
    share /= share.sum(1, keepdims=True)
    return energy, (share[..., None] * away).sum(1) / SD**2


def test_descents_reach_the_minima_of_a_mixture() -> None:
    starts: Any = np.random.default_rng(0).uniform(-7, 7, (60, 2))
    found = landscape.descend(mixture, starts, steps=2000, tolerance=1e-5)
    assert found.converged.all()
    minima = [minimize(lambda p: mixture(p[None])[0][0], c, tol=1e-10).x for c in CENTRES]
    nearest = np.linalg.norm(found.x[:, None] - np.array(minima), axis=2).min(1)
    assert nearest.max() < 1e-4
    np.testing.assert_allclose(found.energy, mixture(found.x)[0])


def test_bounds_are_kept_and_minima_may_lie_on_them() -> None:
    found = landscape.descend(
        lambda x: (x.sum(1), np.ones_like(x)), np.full((3, 4), 0.5, np.float32), bounds=(-1, 1)
    )
    np.testing.assert_array_equal(found.x, -1)
    assert found.x.dtype == np.float32
    np.testing.assert_array_equal(found.slope, 0)
    assert found.converged.all()


def test_steep_narrow_valleys_need_no_tuning() -> None:
    scales: Any = np.array([1e4, 1.0])  # steps above 2e-4 explode along the first
    found = landscape.descend(
        lambda x: ((scales * x**2).sum(1) / 2, scales * x),
        0 * scales + np.ones((5, 1)),
        steps=20000,
        tolerance=1e-6,
        first_step=10.0,
    )
    np.testing.assert_allclose(found.x, 0, atol=0.05)


def test_barriers_of_a_mixture() -> None:
    found = landscape.barriers(lambda x: mixture(x)[0], CENTRES, points=199, batch=64)
    top = minimize(lambda p: -mixture(np.array([[p[0], 0.0]]))[0][0], [-4.0], tol=1e-10)
    np.testing.assert_allclose(found[0, 1], -top.fun, rtol=1e-3)
    np.testing.assert_allclose(found[1, 2], mixture(np.zeros((1, 2)))[0][0], rtol=1e-3)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(np.diagonal(found), mixture(CENTRES)[0])
    # The way from the first to the third centre leads over the highest pass.
    np.testing.assert_allclose(found[0, 2], found[1, 2], rtol=1e-3)


def test_pairs_join_first_and_basins_follow_the_threshold() -> None:
    tree = landscape.joined(landscape.barriers(lambda x: mixture(x)[0], CENTRES, points=99))
    low, lower, high = np.sort(tree.merges[:, 2])
    np.testing.assert_allclose(low, lower, rtol=1e-6)
    np.testing.assert_allclose(high, (9 - 1) / (2 * SD**2) + low, atol=1.0)
    assert landscape.basins(tree, low / 2).tolist() == [0, 1, 2, 3]
    pairs = landscape.basins(tree, (low + high) / 2)
    assert pairs[0] == pairs[1] != pairs[2] == pairs[3]
    assert len(set(landscape.basins(tree, high + 1).tolist())) == 1
    assert landscape.best_threshold(tree, smallest=2) == high


def test_purity_of_random_groups_is_chance() -> None:
    rng = np.random.default_rng(0)
    group, label = rng.integers(0, 20, 400), rng.integers(0, 10, 400)
    found = purity.purity(group, label, rng)
    np.testing.assert_allclose(found.purity, found.chance, atol=0.04)
    perfect = purity.purity(label, label, rng)
    assert (perfect.purity, perfect.kept, perfect.groups) == (1.0, 1.0, 10)
    alone = purity.purity(np.arange(5), np.zeros(5, int), rng)
    assert np.isnan(alone.purity)
    assert alone.kept == 0
    with pytest.raises(CoopError, match="a label for each"):
        purity.purity(group, label[:-1], rng)


def test_the_graph_is_drawn() -> None:
    rng = np.random.default_rng(0)
    minima: Any = np.repeat(CENTRES, 3, 0) + 0.01 * rng.standard_normal((12, 2))
    tree = landscape.joined(landscape.barriers(lambda x: mixture(x)[0], minima))
    threshold = landscape.best_threshold(tree, smallest=3)
    pictures = rng.random((12, 1, 8, 8), np.float32)
    labels = np.repeat(np.arange(4), 3)
    drawn = disconnectivity_graph(
        tree, threshold, pictures, labels, names=["a", "b", "c", "d"], smallest=3, title="Four"
    )
    assert drawn.startswith(b"\x89PNG")
    assert disconnectivity_graph(tree, threshold, pictures, smallest=3).startswith(b"\x89PNG")
    with pytest.raises(CoopError, match="fewer than two basins"):
        disconnectivity_graph(tree, threshold, pictures, smallest=13)


def test_wrong_starts_are_refused() -> None:
    with pytest.raises(CoopError, match="expected starts"):
        landscape.descend(mixture, CENTRES[:0])
    with pytest.raises(CoopError, match="not finite"):
        landscape.descend(lambda x: (x[:, 0] + np.nan, x), CENTRES)
    with pytest.raises(CoopError, match="at least two minima"):
        landscape.barriers(lambda x: mixture(x)[0], CENTRES[:1])


def test_the_gradient_in_latents_is_that_of_the_energy() -> None:
    bundle = Path(__file__).parents[2] / "exported" / "fashion"
    with coop_runtime.load(bundle, device="cpu", threads=1) as model:
        energy_gradient = manifold.energy_of_latents(model)
        rng = np.random.default_rng(0)
        z = rng.standard_normal((3, 64, 1, 1)).astype(np.float32)
        direction = rng.standard_normal(z.shape).astype(np.float32)
        energy, gradient = energy_gradient(z)
        np.testing.assert_allclose(energy, model.energy(model.decode(z)), rtol=1e-5)
        step = 1e-2
        up, down = (energy_gradient(z + s * direction)[0] for s in (step, -step))
        slope = (gradient * direction).sum((1, 2, 3))
        np.testing.assert_allclose((up - down) / (2 * step), slope, rtol=0.03, atol=20)
        assert manifold.latents_of(model, model.decode(z)).shape == z.shape
