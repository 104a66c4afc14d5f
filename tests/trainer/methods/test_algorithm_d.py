"""A descriptor that learns alone finds the distribution."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from coop_trainer.chains import ChainPool
from coop_trainer.methods import descriptor
from coop_trainer.nets import Descriptor
from coop_trainer.optimise import Network

from .toys import ALGORITHM_D, LANGEVIN, POINTS, mlp_descriptor


class Precision(Descriptor):
    """f(x) = −½ w ‖x‖²: a normal distribution of variance 1/w."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.w = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return -0.5 * self.w * x.square().flatten(1).sum(1)

    def density(self, x: Tensor) -> Tensor:
        f: Tensor = self(x)
        return f / x.shape[2]


@pytest.mark.parametrize("start", ["persistent", "data", "noise"])
def test_algorithm_d_finds_the_variance(start: str) -> None:
    rng = torch.Generator().manual_seed(0)
    x = 0.3 * torch.randn(512, POINTS, 1, generator=rng)
    config = replace(ALGORITHM_D, start=start)  # type: ignore[arg-type]
    f, chains = Precision(), ChainPool(config.pool)
    adam = torch.optim.Adam(f.parameters(), 0.1)

    def step(loss: Tensor, *networks: Network) -> None:
        assert networks == ("descriptor",)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()

    found = []
    for k in range(600):
        descriptor.train_step(f, step, chains, x, config, rng)
        if k >= 300:
            found.append(f.w.item())
    variance = len(found) / sum(found)
    truth = x.var().item() * (1 - 0.15**2 / 0.36)  # a finite step's chains are wider: δ²/4 · w
    # Chains that restart in noise every time never get far enough in five steps: too narrow.
    assert variance == pytest.approx(truth, rel=0.5 if start == "noise" else 0.1)
    assert (chains.states is not None) == (start == "persistent")


def test_algorithm_d_learns_three_gaussians_in_the_plane() -> None:
    """A fast version of benchmarks/densities.py."""
    torch.manual_seed(0)
    rng, sd = torch.Generator().manual_seed(0), 0.15
    centres = torch.tensor([[0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])
    parts = centres[torch.randint(3, (3000,), generator=rng)]
    data = (parts + sd * torch.randn(3000, POINTS, generator=rng))[..., None]
    sampler = replace(LANGEVIN, steps=10, step_size=0.1, noise=True, reference_sd=1.0)
    config = replace(ALGORITHM_D, chains=200, pool=200, langevin=sampler)
    f, chains = mlp_descriptor(64), ChainPool(200)
    adam = torch.optim.Adam(f.parameters(), 5e-3)

    def step(loss: Tensor, *_: Network) -> None:
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()

    for k in range(300):
        adam.param_groups[0]["lr"] = 5e-3 * min(1, 2 - 2 * k / 300)
        x = data[torch.randint(3000, (200,), generator=rng)]
        descriptor.train_step(f, step, chains, x, config, rng)

    line = torch.linspace(-1.5, 1.5, 60)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).reshape(-1, POINTS)
    bumps = torch.exp(-(grid[:, None] - centres).square().sum(2) / (2 * sd**2))
    truth = bumps.sum(1) / bumps.sum()
    with torch.no_grad():
        learned = torch.log_softmax(-f.energy(grid[..., None], 1.0), 0)
    kl = (truth * (truth.clamp_min(1e-30).log() - learned)).sum().item()
    assert kl < 0.2
    whose = bumps / bumps.sum(1, keepdim=True).clamp_min(1e-30)
    shares = (learned.exp()[:, None] * whose).sum(0)
    assert shares.min() > 0.2
