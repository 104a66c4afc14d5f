"""The divergence triangle, with and without energy, and dual teaching."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from coop_trainer.figures import Figures
from coop_trainer.methods import mcmc_triangle, triangle, vae
from coop_trainer.nets import Code, Descriptor, Encoder

from .toys import (
    DUAL,
    POINTS,
    TRIANGLE,
    Descent,
    log_density,
    mlp_descriptor,
    mlp_encoder,
    mlp_generator,
)


def test_codes_are_normal_distributions() -> None:
    torch.manual_seed(0)
    code, z = Code(torch.randn(5, 3, 2), torch.randn(5, 3, 2)), torch.randn(5, 3, 2)
    normal = torch.distributions.Normal(code.mean, (code.log_variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    kl = torch.distributions.kl_divergence(normal, standard).flatten(1).sum(1)
    torch.testing.assert_close(code.log_density(z), log_density(normal, z))
    torch.testing.assert_close(code.divergence(), kl)
    many = Code(torch.full((20_000, 1), 0.5), torch.full((20_000, 1), math.log(0.04)))
    drawn = many.draw(torch.Generator().manual_seed(0))
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.01)
    assert drawn.std().item() == pytest.approx(0.2, abs=0.01)


def captured_triangle(
    config: triangle.TriangleConfig, x: Tensor
) -> tuple[dict[str, Tensor], tuple[Descriptor, nn.Module, Encoder], Figures]:
    """One iteration whose losses are kept and whose networks stay as they are."""
    torch.manual_seed(0)
    networks = mlp_descriptor(), mlp_generator(), mlp_encoder()
    kept = Descent()
    rng = torch.Generator().manual_seed(5)
    figures = triangle.train_step(*networks, kept, x, (3, 1), config, rng)
    return kept.losses, networks, figures


def test_triangle_steps_are_its_divergences() -> None:
    x = torch.randn(4, POINTS, 1)
    losses, (f, g, q), figures = captured_triangle(TRIANGLE, x)
    rng = torch.Generator().manual_seed(5)
    z = torch.randn(7, 3, 1, generator=rng)
    n = torch.randn(4, 3, 1, generator=rng)
    code, dreamt = q(x), q(g(z))
    z_code = code.mean + (code.log_variance / 2).exp() * n
    posterior = torch.distributions.Normal(dreamt.mean, (dreamt.log_variance / 2).exp())
    dream = -log_density(posterior, z).mean()
    error = (x - g(z_code)).square().flatten(1).sum(1).mean() / (2 * 0.4**2)
    torch.testing.assert_close(losses["descriptor"], f(g(z)).mean() - f(x).mean())  # (17)
    torch.testing.assert_close(losses["encoder"], error + code.divergence().mean() + dream)
    torch.testing.assert_close(losses["generator"], error - f(g(z)).mean() + dream)  # (18)
    assert figures.f_data == pytest.approx(f(x).mean().item(), rel=1e-5)


def test_each_triangle_step_moves_its_own_network_only() -> None:
    losses, (f, g, q), _ = captured_triangle(TRIANGLE, torch.randn(4, POINTS, 1))
    networks = {"descriptor": f, "generator": g, "encoder": q}
    for name, loss in losses.items():
        for network in networks.values():
            network.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        moved = [k for k, n in networks.items() if any(p.grad is not None for p in n.parameters())]
        assert moved == [name]


def test_triangle_without_energy_is_the_vae() -> None:
    x = torch.randn(4, POINTS, 1)
    config = replace(TRIANGLE, energy=0.0, dream=0.0)
    losses, (_, g, q), figures = captured_triangle(config, x)
    assert "descriptor" not in losses
    rng = torch.Generator().manual_seed(5)
    torch.randn(7, 3, 1, generator=rng)  # the triangle's z, which here has no use
    kept = Descent()
    same = vae.train_step(g, q, kept, x, vae.VaeConfig(0.4), rng)
    bound = kept.losses["encoder"]
    torch.testing.assert_close(losses["encoder"], bound)
    # The generator's step leaves out the term that does not depend on it.
    divergence = q(x).divergence().mean()
    torch.testing.assert_close(losses["generator"] + divergence, bound)
    assert same.reconstruction == pytest.approx(figures.reconstruction)
    assert same.divergence == pytest.approx(figures.divergence)


def test_dual_teaching_learns_from_both_revisions() -> None:
    torch.manual_seed(0)
    f, g, q, x = mlp_descriptor(), mlp_generator(), mlp_encoder(), torch.randn(4, POINTS, 1)
    kept, config = Descent(), replace(DUAL, latent_steps=0)
    rng = torch.Generator().manual_seed(5)
    figures = mcmc_triangle.train_step(f, g, q, kept, x, (3, 1), config, rng)
    losses = kept.losses

    rng = torch.Generator().manual_seed(5)
    z = torch.randn(7, 3, 1, generator=rng)
    code = q(x).draw(rng).detach()
    draft = revised = g(z).detach()
    for _ in range(3):
        revised = revised.requires_grad_()
        (slope,) = torch.autograd.grad(f(revised).sum(), revised)
        revised = (revised + 0.02 * slope).detach()
    error = (x - g(code)).square().flatten(1).sum(1).mean()
    absorbed = (revised - g(z)).square().flatten(1).sum(1).mean()
    said = q(x).log_density(code).mean() + q(revised).log_density(z).mean()
    torch.testing.assert_close(losses["descriptor"], f(revised).mean() - f(x).mean())
    torch.testing.assert_close(losses["generator"], (error + 60 * absorbed) / (2 * 0.4**2))
    torch.testing.assert_close(losses["encoder"], -said)
    assert figures.code_revision == 0
    assert figures.revision == pytest.approx((revised - draft).square().mean().sqrt().item())
    rng = torch.Generator().manual_seed(5)
    moved = mcmc_triangle.train_step(f, g, q, Descent(), x, (3, 1), DUAL, rng)
    assert moved.code_revision is not None
    assert moved.code_revision > 0
