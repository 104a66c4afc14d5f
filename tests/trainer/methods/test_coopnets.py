"""Algorithm 1 against closed forms: linear networks make every step computable by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coop_runtime import CoopError
from coop_trainer.chains import ChainPool
from coop_trainer.config import Config
from coop_trainer.contrast import ContrastConfig
from coop_trainer.figures import Figures
from coop_trainer.langevin import revise
from coop_trainer.methods.coopnets import CoopNetsConfig, infer, train_step
from coop_trainer.optimise import Network
from coop_trainer.posterior import negative_log_joint

TinyConfig = Callable[..., Config]


class LinearDescriptor(nn.Module):
    """f(x) = Σ w·x, so that ∂f/∂x = w and ∂f/∂w = x."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[[0.5, -1.0], [0.25, 2.0]]]))

    def forward(self, x: Tensor) -> Tensor:
        return (self.w * x).flatten(1).sum(1)

    def density(self, x: Tensor) -> Tensor:
        return self(x) / 4  # type: ignore[no-any-return]

    def energy(self, x: Tensor, s: float | None) -> Tensor:
        e: Tensor = -self(x)
        return e if s is None else e + x.flatten(1).square().sum(1) / (2 * s**2)


class LinearGenerator(nn.Module):
    """g(z) = a·z, entry by entry."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.5))

    def forward(self, z: Tensor) -> Tensor:
        return self.a * z


@pytest.fixture
def config(tiny_config: TinyConfig) -> CoopNetsConfig:
    settings = tiny_config().coopnets
    return replace(
        settings,
        chains=64,
        langevin=replace(
            settings.langevin, steps=2, step_size=0.4, noise=False, max_drift=None, clamp=False
        ),
        persistent_chains=0,
        restart=0.0,
        descriptor_updates=1,
        generator_updates=1,
        contrast=ContrastConfig(l2=0.0, gradient_penalty=0.0, penalty_every=1),
    )


def still(config: CoopNetsConfig, **changes: Any) -> CoopNetsConfig:
    return replace(config, langevin=replace(config.langevin, steps=0), **changes)


class Both:
    """The two networks, plain gradient descent on each, and a pool of chains."""

    def __init__(self, rate: float = 0.1) -> None:
        self.f, self.g, self.chains = LinearDescriptor(), LinearGenerator(), ChainPool(8)
        self.networks = {"descriptor": self.f, "generator": self.g}
        self.rate = rate

    def optimise(self, loss: Tensor, *networks: Network) -> None:
        parameters = [p for name in networks for p in self.networks[name].parameters()]
        for p, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.data -= self.rate * slope

    def step(self, examples: Callable[[], Tensor], config: CoopNetsConfig, seed: int) -> Figures:
        rng = torch.Generator().manual_seed(seed)
        f: Any = self.f
        return train_step(f, self.g, self.optimise, self.chains, examples, (1, 2, 2), config, rng)


def test_one_iteration_is_algorithm_1(config: CoopNetsConfig) -> None:
    both = Both()
    f, g = both.f, both.g
    w, a = f.w.detach().clone(), g.a.item()
    x = torch.randn(5, 1, 2, 2)
    figures = both.step(lambda: x, config, 7)
    z = torch.randn((64, 1, 2, 2), generator=torch.Generator().manual_seed(7))
    draft = a * z
    revised = draft + 2 * (0.4**2 / 2) * w  # D1: two steps of δ²/2 ∂f/∂x
    torch.testing.assert_close(f.w.detach(), w + 0.1 * (x.mean(0) - revised.mean(0)))  # (5)
    slope = ((revised - draft) * z).sum((1, 2, 3)).mean() / config.sigma**2  # (10)
    assert g.a.item() == pytest.approx(a + 0.1 * slope.item(), rel=1e-5)
    assert figures.f_data == pytest.approx((w * x).mean().item(), rel=1e-5)
    assert figures.f_model == pytest.approx((w * revised).mean().item(), rel=1e-5)
    rms = (revised - draft).square().mean().sqrt().item()
    assert figures.revision == pytest.approx(rms, rel=1e-5)
    assert figures.reconstruction == pytest.approx(rms, rel=1e-5)
    assert figures.drift == pytest.approx(0.08 * w.abs().mean().item(), rel=1e-5)
    assert figures.contrast == pytest.approx((revised.std() / x.std()).item(), rel=1e-5)


def test_several_updates_see_fresh_examples_and_go_on(config: CoopNetsConfig) -> None:
    both = Both(rate=0.01)
    g = both.g
    asked: list[Tensor] = []

    def examples() -> Tensor:
        asked.append(torch.randn(5, 1, 2, 2))
        return asked[-1]

    more = replace(config, descriptor_updates=3, generator_updates=200)
    figures = both.step(examples, more, 0)
    assert len(asked) == 3
    z = torch.randn((64, 1, 2, 2), generator=torch.Generator().manual_seed(0))
    revised = 0.5 * z + 0.16 * LinearDescriptor().w.detach()
    best = (revised * z).mean() / z.square().mean()  # the regression that G2 iterates towards
    assert g.a.item() == pytest.approx(best.item(), abs=1e-3)
    assert figures.reconstruction == pytest.approx(figures.revision, rel=1e-5)  # before G2


def test_persistent_chains_go_on_and_teach_the_descriptor_only(config: CoopNetsConfig) -> None:
    both = Both()
    f, g = both.f, both.g
    w, a = f.w.detach().clone(), g.a.item()
    x, pool = torch.zeros(1, 1, 2, 2), torch.full((8, 1, 2, 2), 3.0)
    both.chains.states = pool.clone()
    more = replace(config, chains=8, persistent_chains=8, pool=8)
    both.step(lambda: x, more, 7)
    z = torch.randn((8, 1, 2, 2), generator=torch.Generator().manual_seed(7))
    revised, chains = a * z + 0.16 * w, pool + 0.16 * w
    torch.testing.assert_close(f.w.detach(), w - 0.1 * torch.cat([revised, chains]).mean(0))
    slope = (0.16 * w * z).sum((1, 2, 3)).mean() / config.sigma**2
    assert g.a.item() == pytest.approx(a + 0.1 * slope.item(), rel=1e-4)
    torch.testing.assert_close(both.chains.states, chains)


def test_a_pool_fills_up_goes_on_and_restarts() -> None:
    rng, pool = torch.Generator().manual_seed(0), ChainPool(5)
    assert pool.draw(1, rng) is None
    pool.fill(torch.arange(3.0)[:, None])
    assert pool.draw(4, rng) is None
    pool.fill(torch.arange(10.0, 13)[:, None])
    pool.fill(torch.ones(3, 1))
    assert pool.states is not None
    assert pool.states.flatten().tolist() == [0, 1, 2, 10, 11]
    picked = pool.draw(5, rng)
    assert picked is not None
    places, states = picked
    assert sorted(places.tolist()) == [0, 1, 2, 3, 4]
    pool.put_back(places, states + 100, states - 100, 0.0, rng)
    assert pool.states.flatten().tolist() == [100, 101, 102, 110, 111]
    pool.put_back(places, states + 100, states - 100, 1.0, rng)
    assert pool.states.flatten().tolist() == [-100, -99, -98, -90, -89]
    big = ChainPool(10_000)
    big.fill(torch.zeros(10_000, 1))
    big.put_back(torch.arange(10_000), torch.zeros(10_000, 1), torch.ones(10_000, 1), 0.1, rng)
    assert big.states is not None
    assert big.states.mean().item() == pytest.approx(0.1, abs=0.02)


def test_draft_noise_is_the_epsilon_of_step_g0(config: CoopNetsConfig) -> None:
    noisy = still(config, chains=4096, draft_noise=0.3)
    figures = Both().step(lambda: torch.randn(5, 1, 2, 2), noisy, 0)
    assert figures.revision == 0
    assert figures.reconstruction == pytest.approx(0.3, rel=0.03)


def test_l2_keeps_f_near_zero(config: CoopNetsConfig) -> None:
    both = Both(rate=1e-3)
    w, x = both.f.w.detach().clone(), torch.zeros(1, 1, 2, 2)
    both.step(lambda: x, still(config, contrast=replace(config.contrast, l2=200.0)), 0)
    assert both.f.w.norm() < w.norm()


def test_reference_distribution_has_its_stationary_variance(config: CoopNetsConfig) -> None:
    f = LinearDescriptor()
    nn.init.zeros_(f.w)
    s, step_size = 0.2, 0.05
    sampler = replace(config.langevin, noise=True, step_size=step_size, reference_sd=s, steps=300)
    start = torch.zeros(20_000, 1, 2, 2)
    x = revise(f, start, sampler, torch.Generator().manual_seed(0)).x  # type: ignore[arg-type]
    variance = s**2 / (1 - step_size**2 / (4 * s**2))
    assert x.var().item() == pytest.approx(variance, rel=0.03)


def test_latent_steps_sample_the_posterior_of_a_linear_generator(config: CoopNetsConfig) -> None:
    g = LinearGenerator()
    steps = replace(config, latent_steps=400, latent_step_size=0.2, sigma=0.5)
    x = torch.full((20_000, 1, 2, 2), 0.8)
    z = infer(g, torch.zeros_like(x), x, steps, torch.Generator().manual_seed(0))
    precision = 1 + 0.5**2 / 0.5**2  # 1 + a²/σ²
    assert z.mean().item() == pytest.approx((0.5 * 0.8 / 0.5**2) / precision, abs=0.01)
    assert z.var().item() == pytest.approx(1 / (precision * (1 - 0.2**2 * precision / 4)), rel=0.03)


def test_left_diagram_keeps_the_drafts_latents(config: CoopNetsConfig) -> None:
    g, z = LinearGenerator(), torch.randn(3, 1, 2, 2)
    assert infer(g, z, torch.zeros_like(z), config, torch.Generator()) is z


def test_negative_log_joint_gradient_is_equation_9() -> None:
    g = LinearGenerator()
    x, z = torch.randn(4, 1, 2, 2), torch.randn(4, 1, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(negative_log_joint(g, x, 0.3)(z).sum(), z)
    expected = -(x - 0.5 * z) * 0.5 / 0.3**2 + z
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize(
    "pair",
    [
        "coopnets.chains=0", "coopnets.langevin.steps=-1", "coopnets.langevin.step_size=0.0",
        "coopnets.latent_steps=-1", "coopnets.sigma=-0.3", "coopnets.sigma=nan",
        "coopnets.generator_updates=0", "coopnets.langevin.reference_sd=0.0",
        "coopnets.langevin.steps=2.5", "coopnets.langevin.clamp=1",
        "coopnets.contrast.l2=-1.0", "coopnets.contrast.penalty_every=0",
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(tiny_config: TinyConfig, pair: str) -> None:
    with pytest.raises(CoopError, match=r"\.".join(pair.split("=")[0].split(".")[-2:])):
        tiny_config(pair)


def test_metropolis_without_noise_is_refused(tiny_config: TinyConfig) -> None:
    with pytest.raises(CoopError, match=r"langevin\.noise"):
        tiny_config("coopnets.langevin.metropolis=true", "coopnets.langevin.noise=false")
