"""Alternating back-propagation against factor analysis, and by hand."""

import pytest
import torch
from torch import Tensor, nn

from coop_trainer.methods import abp

from .toys import Descent


class Loadings(nn.Module):
    """Factor analysis: x = Wz."""

    def __init__(self, observed: int, factors: int) -> None:
        super().__init__()
        self.w = nn.Parameter(0.1 * torch.randn(observed, factors))

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.w.T


def test_abp_on_a_linear_generator_is_factor_analysis() -> None:
    torch.manual_seed(1)
    truth, sigma, count = torch.randn(6, 2), 0.5, 500
    x = torch.randn(count, 2) @ truth.T + sigma * torch.randn(count, 6)
    # Tipping, Bishop 1999, (7), with σ given: W Wᵀ = U (Λ − σ² I) Uᵀ of the leading directions.
    values, directions = torch.linalg.eigh(x.T @ x / count)
    leading = directions[:, -2:]
    best = leading @ torch.diag(values[-2:] - sigma**2) @ leading.T + sigma**2 * torch.eye(6)

    config = abp.AbpConfig("langevin", steps=15, step_size=0.08, sigma=sigma)
    g, z = Loadings(6, 2), torch.zeros(count, 2)
    rng, learned = torch.Generator().manual_seed(0), torch.zeros(6, 6)
    for step in range(600):
        z, figures = abp.train_step(g, Descent(0.05, generator=g), z, x, config, rng)
        if step >= 300:
            learned += (g.w @ g.w.T).detach() / 300
    covariance = learned + sigma**2 * torch.eye(6)
    error = (torch.linalg.norm(covariance - best) / torch.linalg.norm(best)).item()
    assert error < 0.05
    assert z.std().item() == pytest.approx(1, abs=0.1)
    assert figures.reconstruction == pytest.approx(sigma, rel=0.05)


def test_abp_one_iteration_by_hand() -> None:
    torch.manual_seed(0)
    x, z = torch.randn(4, 3), torch.randn(4, 2)
    rng = torch.Generator().manual_seed(0)

    def residual(w: Tensor, z: Tensor) -> Tensor:
        return x - z @ w.T

    for kind in ("gradient", "joint"):
        g = Loadings(3, 2)
        w = g.w.detach().clone()
        config = abp.AbpConfig(kind, steps=1, step_size=0.4, sigma=0.5)
        moved, figures = abp.train_step(g, Descent(generator=g), z, x, config, rng)
        expected = z + 0.08 * (residual(w, z) @ w / 0.25 - z)  # (6)
        torch.testing.assert_close(moved, expected)
        at = z if kind == "joint" else moved
        gradient = residual(w, at).T @ at / 0.25 / 4  # (7), mean over the batch
        torch.testing.assert_close(g.w.detach(), w + 0.1 * gradient)
        rms = residual(w, at).square().mean().sqrt().item()
        assert figures.reconstruction == pytest.approx(rms, rel=1e-5)


def test_abp_never_looks_at_what_is_not_observed() -> None:
    torch.manual_seed(0)
    x, seen = torch.randn(4, 3), (torch.rand(4, 3) < 0.5).float()
    results = []
    for filling in (0.0, 7.0):
        g = Loadings(3, 2)
        g.w.data.fill_(0.3)
        config = abp.AbpConfig("langevin", steps=3, step_size=0.3, sigma=0.3)
        filled = torch.where(seen > 0, x, filling)
        rng = torch.Generator().manual_seed(0)
        z, figures = abp.train_step(
            g, Descent(generator=g), torch.zeros(4, 2), filled, config, rng, seen
        )
        results.append((z, g.w.detach(), figures))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)
