"""Networks of two points, so small that every step can be computed by hand, and their settings."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from coop_trainer.contrast import ContrastConfig
from coop_trainer.langevin import LangevinConfig
from coop_trainer.methods import descriptor, mcmc_triangle, triangle
from coop_trainer.nets import (
    Branch,
    Descriptor,
    DescriptorConfig,
    Draw,
    Encoder,
    EncoderConfig,
    Layer,
)
from coop_trainer.optimise import Network

POINTS = 2


def mlp_descriptor(width: int = 16) -> Descriptor:
    config = DescriptorConfig(
        branches=(Branch(1, (Layer(width, 1), Layer(width, 1))),),
        activation="silu",
        last_activation=True,
        norm=False,
        head="linear",
        weighting="one",
        standardise="off",
        band=0,
        gain=1.0,
        init_gain=1.0,
        head_init=1.0,
        init_sd=None,
    )
    return Descriptor(config, channels=POINTS, dims=1)


def mlp_encoder() -> Encoder:
    config = EncoderConfig((Layer(16, 1),), Draw(1), "tanh", norm=False, init_sd=None)
    return Encoder(config, channels=POINTS, latent_channels=3, dims=1)


def mlp_generator() -> nn.Module:
    return nn.Sequential(nn.Conv1d(3, 16, 1), nn.Tanh(), nn.Conv1d(16, POINTS, 1))


class Descent:
    """Plain gradient descent of the networks given; the losses are kept."""

    def __init__(self, rate: float = 0.1, **networks: nn.Module) -> None:
        self.rate, self.networks = rate, networks
        self.losses: dict[str, Tensor] = {}

    def __call__(self, loss: Tensor, *networks: Network) -> None:
        self.losses.update(dict.fromkeys(networks, loss))
        parameters = [p for k in networks if k in self.networks for p in _of(self.networks[k])]
        if parameters:
            for p, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                p.data -= self.rate * slope


def _of(network: nn.Module) -> list[nn.Parameter]:
    return list(network.parameters())


def log_density(normal: torch.distributions.Normal, z: Tensor) -> Tensor:
    density: Tensor = normal.log_prob(z)  # type: ignore[no-untyped-call]
    return density.flatten(1).sum(1)


LANGEVIN = LangevinConfig(
    steps=3,
    refine_steps=3,
    step_size=0.2,
    noise=False,
    max_drift=None,
    clamp=False,
    metropolis=False,
    reference_sd=None,
)
NO_PENALTY = ContrastConfig(l2=0.0, gradient_penalty=0.0, penalty_every=1)
TRIANGLE = triangle.TriangleConfig(
    samples=7,
    sigma=0.4,
    generator_updates=1,
    energy=1.0,
    dream=1.0,
    contrast=NO_PENALTY,
    langevin=replace(LANGEVIN, reference_sd=None),
)

DUAL = mcmc_triangle.McmcTriangleConfig(
    samples=7,
    langevin=LANGEVIN,
    latent_steps=2,
    latent_step_size=0.1,
    sigma=0.4,
    revision_weight=60.0,
    contrast=NO_PENALTY,
)

ALGORITHM_D = descriptor.AlgorithmDConfig(
    start="persistent",
    chains=256,
    langevin=replace(LANGEVIN, steps=5, step_size=0.15, noise=True),
    pool=256,
    restart=0.01,
    contrast=NO_PENALTY,
)
