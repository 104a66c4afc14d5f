import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import coop_runtime
from coop_trainer.langevin import energy_and_gradient, frozen, langevin, langevin_step


def gaussian(x: Tensor) -> Tensor:
    return 0.5 * x.flatten(1).square().sum(1)


@pytest.mark.parametrize("step_size", [0.3, 0.9, 1.4])
def test_stationary_variance_is_that_of_the_discretised_chain(step_size: float) -> None:
    rng = torch.Generator().manual_seed(1)
    chains = 200_000
    steps = math.ceil(8 / step_size**2) + 5
    x = langevin(gaussian, torch.zeros(chains, 1), rng, steps=steps, step_size=step_size).x
    variance = 1 / (1 - step_size**2 / 4)
    forgotten = (1 - step_size**2 / 2) ** (2 * steps) * variance
    error = 6 * variance * math.sqrt(2 / chains) + forgotten
    assert abs(x.var().item() - variance) < error


def test_metropolis_removes_the_bias_and_reports_its_acceptance() -> None:
    rng = torch.Generator().manual_seed(2)
    chains, step_size = 100_000, 1.4
    revision = langevin(
        gaussian, torch.zeros(chains, 1), rng, steps=30, step_size=step_size, metropolis=True
    )
    assert abs(revision.x.var().item() - 1) < 6 * math.sqrt(2 / chains)
    assert abs(revision.x.mean().item()) < 6 / math.sqrt(chains)
    assert 0.5 < revision.acceptance < 0.99


def test_metropolis_accepts_nearly_all_small_steps_and_keeps_the_clipped_drift_exact() -> None:
    rng = torch.Generator().manual_seed(3)
    start = torch.randn(100_000, 1, generator=rng)
    small = langevin(gaussian, start, rng, steps=5, step_size=0.05, metropolis=True)
    assert small.acceptance > 0.999
    clipped = langevin(
        gaussian, start, rng, steps=20, step_size=0.8, metropolis=True, max_drift=0.1
    )
    assert abs(clipped.x.var().item() - 1) < 6 * math.sqrt(2 / 100_000)


def test_metropolis_never_leaves_the_range() -> None:
    rng = torch.Generator().manual_seed(4)
    flat = langevin(
        lambda x: 0 * x.sum(1), torch.zeros(50_000, 1), rng,
        steps=60, step_size=0.7, metropolis=True, clamp=(-1.0, 1.0),
    )  # fmt: skip
    assert flat.x.abs().max() <= 1
    assert abs(flat.x.var().item() - 1 / 3) < 0.01  # uniform on [−1, 1]


def test_metropolis_needs_noise() -> None:
    with pytest.raises(ValueError, match="needs noise"):
        langevin(
            gaussian, torch.zeros(1, 1), torch.Generator(),
            steps=1, step_size=1, noise=False, metropolis=True,
        )  # fmt: skip


@pytest.mark.parametrize("max_drift", [None, 0.05])
@pytest.mark.parametrize("clamp", [None, (-1.0, 1.0)])
@pytest.mark.parametrize("noise", [True, False])
def test_the_numpy_twin_takes_the_same_step(
    max_drift: float | None, clamp: tuple[float, float] | None, noise: bool
) -> None:
    draw = np.random.default_rng(0)
    x, gradient, n = (draw.standard_normal((3, 2, 5, 4)).astype(np.float32) for _ in range(3))
    here = langevin_step(
        torch.from_numpy(x), torch.from_numpy(gradient), torch.from_numpy(n) if noise else None,
        step_size=0.4, max_drift=max_drift, clamp=clamp,
    )  # fmt: skip
    there = coop_runtime.langevin_step(
        x, gradient, n if noise else None, step_size=0.4, max_drift=max_drift, clamp=clamp
    )
    np.testing.assert_allclose(here.numpy(), there, rtol=2e-7, atol=2e-7)


def test_gradient_agrees_with_finite_differences() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 1)).double()

    def energy(x: Tensor) -> Tensor:
        e: Tensor = network(x)[:, 0]
        return e

    x = torch.randn(3, 4, dtype=torch.float64)
    with frozen(network):
        _, gradient = energy_and_gradient(energy, x)
    h = 1e-6
    for k in range(4):
        step = torch.zeros(4, dtype=torch.float64)
        step[k] = h
        difference = (energy(x + step) - energy(x - step)) / (2 * h)
        torch.testing.assert_close(gradient[:, k], difference, rtol=1e-6, atol=1e-8)


def test_frozen_gives_the_parameters_back_as_they_were() -> None:
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)
    with frozen(network):
        assert not any(p.requires_grad for p in network.parameters())
    assert network.weight.requires_grad
    assert not network.bias.requires_grad
