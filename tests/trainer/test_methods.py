"""The other methods against closed forms."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from coop_runtime import CoopError
from coop_trainer.chains import ChainPool
from coop_trainer.contrast import ContrastConfig
from coop_trainer.figures import Figures
from coop_trainer.langevin import LangevinConfig
from coop_trainer.methods import abp, descriptor, gan, mcmc_triangle, triangle, vae
from coop_trainer.nets import (
    Branch,
    Code,
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


DUAL = mcmc_triangle.McmcTriangleConfig(
    samples=7,
    langevin=LANGEVIN,
    latent_steps=2,
    latent_step_size=0.1,
    sigma=0.4,
    revision_weight=60.0,
    contrast=NO_PENALTY,
)


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


ALGORITHM_D = descriptor.AlgorithmDConfig(
    start="persistent",
    chains=256,
    langevin=replace(LANGEVIN, steps=5, step_size=0.15, noise=True),
    pool=256,
    restart=0.01,
    contrast=NO_PENALTY,
)


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: abp.AbpConfig("langevin", 0, 0.1, 0.3), "abp.steps"),
        (lambda: abp.AbpConfig("langevin", 1, -0.1, 0.3), "abp.step_size"),
        (lambda: replace(TRIANGLE, samples=0), "triangle.samples"),
        (lambda: replace(TRIANGLE, sigma=math.nan), "triangle.sigma"),
        (lambda: replace(TRIANGLE, dream=-1.0), "triangle.dream"),
        (lambda: replace(ALGORITHM_D, chains=0), "algorithm_d.chains"),
        (lambda: replace(ALGORITHM_D, pool=3), "algorithm_d.pool"),
        (lambda: replace(ALGORITHM_D, restart=2.0), "algorithm_d.restart"),
        (lambda: replace(LANGEVIN, step_size=0.0), "langevin.step_size"),
        (lambda: replace(NO_PENALTY, l2=-1.0), "contrast.l2"),
        (lambda: replace(DUAL, samples=0), "mcmc_triangle"),
        (lambda: replace(DUAL, sigma=-1.0), "mcmc_triangle.sigma"),
        (lambda: replace(DUAL, revision_weight=math.inf), "mcmc_triangle.revision_weight"),
        (lambda: gan.GanConfig(0, 1, 0.0), "gan.samples"),
        (lambda: vae.VaeConfig(0.0), "vae.sigma"),
        (lambda: EncoderConfig((Layer(4, 0),), Draw(1), "relu", False, None), "encoder.layers"),
    ],
)
def test_settings_out_of_range(make: Callable[[], object], message: str) -> None:
    with pytest.raises(CoopError, match=message):
        make()
