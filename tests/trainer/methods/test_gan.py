"""The losses of a GAN, and its penalty."""

import math

import pytest
import torch
from torch import Tensor, nn

from coop_trainer.methods import gan

from .toys import POINTS, Descent, mlp_descriptor, mlp_generator


def test_gan_losses_and_their_directions() -> None:
    torch.manual_seed(0)
    d, g = mlp_descriptor(), mlp_generator()
    nn.init.zeros_(d.columns[0][-1].weight)  # type: ignore[index]
    x, rng = torch.randn(64, POINTS, 1) + 3, torch.Generator().manual_seed(0)
    config = gan.GanConfig(samples=64, generator_updates=1, gradient_penalty=0.0)
    only_d, only_g = Descent(0.5, descriptor=d), Descent(0.1, generator=g)
    first = gan.train_step(d, g, only_d, x, (3, 1), config, rng)
    assert first.discriminator_loss == pytest.approx(2 * math.log(2), rel=1e-5)
    for _ in range(30):
        later = gan.train_step(d, g, only_d, x, (3, 1), config, rng)
    assert later.discriminator_loss is not None
    assert later.generator_loss is not None
    assert later.discriminator_loss < 0.7 < later.generator_loss
    for _ in range(50):
        last = gan.train_step(d, g, only_g, x, (3, 1), config, rng)
    assert last.generator_loss is not None
    assert last.generator_loss < later.generator_loss


def test_gan_penalty_is_half_gamma_times_the_squared_slope() -> None:
    torch.manual_seed(0)
    d, g, x = mlp_descriptor(), mlp_generator(), torch.randn(64, POINTS, 1)
    losses = []

    def keep(loss: Tensor, *networks: str) -> None:
        if networks == ("descriptor",):
            losses.append(loss.item())

    for gamma in (0.0, 3.0):
        rng = torch.Generator().manual_seed(0)
        gan.train_step(d, g, keep, x, (3, 1), gan.GanConfig(64, 1, gamma), rng)
    y = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad((d(y) / d.config.gain).sum(), y)
    expected = 1.5 * slope.square().flatten(1).sum(1).mean().item()
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-4)
