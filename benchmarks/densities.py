"""Two-dimensional densities with known answers: what does each method learn? Prints a table.

    python benchmarks/densities.py                         # every method, three densities
    python benchmarks/densities.py --methods descriptor --densities gaussians

KL(truth ‖ model) in nats. Of a descriptor: its energy, normalised on a grid. Of a generator: a
kernel density estimate of 20,000 samples; the same estimate of 20,000 samples of the truth itself
is the smallest that can be hoped for ("null"). Modes: how many of the truth's parts (Gaussians,
moons, squares) got at least a quarter of their share of the generator's samples.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coop_trainer.chains import ChainPool
from coop_trainer.contrast import ContrastConfig
from coop_trainer.langevin import LangevinConfig
from coop_trainer.methods import abp, coopnets, descriptor, gan, mcmc_triangle, triangle, vae
from coop_trainer.nets import (
    Branch,
    Descriptor,
    DescriptorConfig,
    Draw,
    Encoder,
    EncoderConfig,
    Layer,
)
from coop_trainer.optimise import Network, Optimise
from tables import markdown

Floats = NDArray[np.float64]
Labels = NDArray[np.signedinteger]

SIDE = 1.5  # the plane's part that counts: [−1.5, 1.5]²
CELLS = 150
LATENT = 2
BATCH = 500
KERNEL_SD = 0.04
DRAWN = 20_000
REFERENCE_SD = 1.0
RATE = 1e-3
LANGEVIN = LangevinConfig(
    steps=30,
    refine_steps=30,
    step_size=0.05,
    noise=True,
    max_drift=None,
    clamp=False,
    metropolis=False,
    reference_sd=REFERENCE_SD,
)
CONTRAST = ContrastConfig(l2=0.0, gradient_penalty=0.0, penalty_every=1)
GENTLE = ContrastConfig(l2=0.01, gradient_penalty=0.0, penalty_every=1)


@dataclass(frozen=True)
class Density:
    """A density on the plane, by its parts: draw(n) and p(points) of each part, equally likely."""

    name: str
    draw: Callable[[int, np.random.Generator], tuple[Floats, Labels]]
    p: Callable[[Floats], Floats]
    parts: Callable[[Floats], Labels]
    count: int


def _mixture(name: str, centres: Floats, sd: float, parts: Labels, count: int) -> Density:
    """Equal mixture of round Gaussians; ``parts`` gives the part of each centre."""
    labels = np.asarray(parts, np.int64)

    def draw(n: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
        chosen = rng.integers(len(centres), size=n)
        return centres[chosen] + sd * rng.standard_normal((n, 2)), labels[chosen]

    def p(x: Floats) -> Floats:
        density = np.zeros(len(x))
        for centre in centres:
            density += np.exp(-((x - centre) ** 2).sum(1) / (2 * sd**2))
        return density / (len(centres) * 2 * np.pi * sd**2)

    def nearest(x: Floats) -> Labels:
        distances = ((x[:, None] - centres) ** 2).sum(2)
        return np.asarray(labels[distances.argmin(1)])

    return Density(name, draw, p, nearest, count)


def gaussians() -> Density:
    """Give eight Gaussians on a circle."""
    angles = np.arange(8) * np.pi / 4
    centres = 0.8 * np.stack([np.cos(angles), np.sin(angles)], 1)
    return _mixture("gaussians", centres, 0.08, np.arange(8), 8)


def moons() -> Density:
    """Give two half circles, each a row of 60 Gaussians."""
    angles = np.linspace(0, np.pi, 60)
    upper = np.stack([np.cos(angles), np.sin(angles)], 1) - (0.5, 0.25)
    centres = 0.8 * np.concatenate([upper, -upper])
    return _mixture("moons", centres, 0.07, np.repeat([0, 1], 60), 2)


def checkerboard() -> Density:
    """Give the eight black squares of a 4×4 board over [−1, 1]²."""
    corners = [(r, c) for r in range(4) for c in range(4) if (r + c) % 2 == 0]
    lower = np.array(corners, float) / 2 - 1

    def place(x: Floats) -> Labels:
        cell = np.floor((x + 1) * 2).astype(np.int64)
        number = {corner: k for k, corner in enumerate(corners)}
        return np.array([number.get((r, c), -1) for r, c in cell])

    def draw(n: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
        chosen = rng.integers(8, size=n)
        return lower[chosen] + 0.5 * rng.random((n, 2)), chosen

    def p(x: Floats) -> Floats:
        return (place(x) >= 0) / 2.0

    return Density("checkerboard", draw, p, place, 8)


def grid() -> Floats:
    """Give the centres of the cells, (CELLS², 2)."""
    line = (np.arange(CELLS) + 0.5) / CELLS * 2 * SIDE - SIDE
    return np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)


def divergence(truth: Floats, model: Floats) -> float:
    """Give KL(truth ‖ model) in nats of two tables of non-negative numbers."""
    p, q = truth / truth.sum(), np.maximum(model / model.sum(), 1e-12)
    on = p > 0
    return float((p[on] * np.log(p[on] / q[on])).sum())


def energy_table(f: Descriptor, reference_sd: float | None) -> Floats:
    """Give exp(−E) on the grid, up to a factor."""
    with torch.no_grad():
        energy = f.energy(torch.from_numpy(grid()).float()[..., None], reference_sd).double()
    return np.asarray(np.exp(float(energy.min()) - energy.numpy()))


def sample_table(x: Floats) -> Floats:
    """Give a kernel density estimate on the grid: a histogram, blurred."""
    edges = np.linspace(-SIDE, SIDE, CELLS + 1)
    counts, *_ = np.histogram2d(x[:, 0], x[:, 1], bins=[edges, edges])
    offsets = np.arange(-CELLS, CELLS + 1) * 2 * SIDE / CELLS
    kernel = np.exp(-(offsets**2) / (2 * KERNEL_SD**2))
    blur = np.stack([kernel[CELLS - k : 2 * CELLS - k] for k in range(CELLS)])
    return np.asarray((blur @ counts @ blur.T).ravel())


def modes(density: Density, x: Floats) -> int:
    """Count the parts that got at least a quarter of their share."""
    found = density.parts(x)
    return sum(int((found == k).mean() > 0.25 / density.count) for k in range(density.count))


class Plane:
    """Networks, optimisers and data for one density."""

    def __init__(self, density: Density, seed: int, steps: int) -> None:
        torch.manual_seed(seed)
        points, _ = density.draw(20_000, np.random.default_rng(seed))
        self.data = torch.from_numpy(points).float()[..., None]
        self.rng = torch.Generator().manual_seed(seed)
        self.steps, self.step = steps, 0
        wide = (Layer(128, 1),) * 3
        self.f = Descriptor(
            DescriptorConfig(
                branches=(Branch(1, wide),),
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
            ),
            channels=2,
            dims=1,
        )
        hidden = [nn.Conv1d(LATENT, 128, 1), nn.SiLU()]
        hidden += [nn.Conv1d(128, 128, 1), nn.SiLU(), nn.Conv1d(128, 128, 1), nn.SiLU()]
        self.g = nn.Sequential(*hidden, nn.Conv1d(128, 2, 1))
        encoder = EncoderConfig((Layer(128, 1),) * 2, Draw(1), "silu", norm=False, init_sd=None)
        self.q = Encoder(encoder, channels=2, latent_channels=LATENT, dims=1)

    def batch(self) -> Tensor:
        """Draw examples."""
        chosen = torch.randint(len(self.data), (BATCH,), generator=self.rng)
        return self.data[chosen]

    def adam(self, beta: float = 0.9) -> Optimise:
        """Give Adam on each network, rates falling to zero over the second half."""
        networks = {"descriptor": self.f, "generator": self.g, "encoder": self.q}
        adams = {
            name: torch.optim.Adam(network.parameters(), RATE, betas=(beta, 0.99))
            for name, network in networks.items()
        }

        def optimise(loss: Tensor, *names: Network) -> None:
            for name in names:
                adams[name].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for name in names:
                adams[name].param_groups[0]["lr"] = RATE * min(1, 2 - 2 * self.step / self.steps)
                adams[name].step()

        return optimise

    def iterations(self) -> Iterator[int]:
        """Count the iterations; the learning rates follow."""
        for step in range(self.steps):
            self.step = step
            yield step

    def samples(self) -> Floats:
        """Draw from the generator."""
        z = torch.randn((DRAWN, LATENT, 1), generator=self.rng)
        with torch.no_grad():
            return np.asarray(self.g(z)[..., 0].double().numpy())


def learn_descriptor(plane: Plane) -> None:
    """Algorithm D with persistent chains."""
    config = descriptor.AlgorithmDConfig(
        start="persistent",
        chains=BATCH,
        langevin=LANGEVIN,
        pool=BATCH,
        restart=0.01,
        contrast=CONTRAST,
    )
    chains, optimise = ChainPool(BATCH), plane.adam()
    for k in plane.iterations():
        descriptor.train_step(plane.f, optimise, chains, plane.batch(), config, plane.rng, k)


def learn_coopnets(plane: Plane) -> None:
    """CoopNets by the right diagram of equation (11): z is inferred from the revised draft.

    Where single steps can reach no other mode, nothing corrects the modes' shares, and the
    generator ends up in one of them; long steps, corrected by Metropolis-Hastings, can.
    """
    config = coopnets.CoopNetsConfig(
        chains=BATCH,
        langevin=dataclasses.replace(
            LANGEVIN, steps=50, step_size=0.3, max_drift=0.05, metropolis=True
        ),
        latent_steps=20,
        latent_step_size=0.1,
        sigma=0.1,
        draft_noise=0.0,
        persistent_chains=0,
        pool=0,
        restart=0.0,
        descriptor_updates=1,
        generator_updates=2,
        contrast=CONTRAST,
    )
    optimise, chains, z = plane.adam(), ChainPool(0), (LATENT, 1)
    for k in plane.iterations():
        coopnets.train_step(
            plane.f, plane.g, optimise, chains, plane.batch, z, config, plane.rng, k
        )


def learn_abp(plane: Plane) -> None:
    """Algorithm 2, latents kept for each of 2,000 examples."""
    config = abp.AbpConfig("langevin", steps=10, step_size=0.1, sigma=0.1)
    optimise, x = plane.adam(), plane.data[:2000]
    latents = torch.zeros(len(x), LATENT, 1)
    for _ in plane.iterations():
        chosen = torch.randint(len(x), (BATCH,), generator=plane.rng)
        latents[chosen], _ = abp.train_step(
            plane.g, optimise, latents[chosen], x[chosen], config, plane.rng
        )


def learn_triangle(plane: Plane) -> None:
    """Learn by the divergence triangle."""
    config = triangle.TriangleConfig(
        samples=BATCH,
        sigma=0.1,
        generator_updates=1,
        energy=1.0,
        dream=1.0,
        contrast=GENTLE,
        langevin=dataclasses.replace(LANGEVIN, reference_sd=None),
    )
    optimise, f, g, q = plane.adam(beta=0.5), plane.f, plane.g, plane.q
    for _ in plane.iterations():
        triangle.train_step(f, g, q, optimise, plane.batch(), (LATENT, 1), config, plane.rng)


def learn_mcmc_triangle(plane: Plane) -> None:
    """Dual MCMC teaching."""
    config = mcmc_triangle.McmcTriangleConfig(
        samples=BATCH,
        langevin=LANGEVIN,
        latent_steps=10,
        latent_step_size=0.1,
        sigma=0.1,
        revision_weight=1.0,
        contrast=CONTRAST,
    )
    optimise, f, g, q = plane.adam(), plane.f, plane.g, plane.q
    for k in plane.iterations():
        x = plane.batch()
        mcmc_triangle.train_step(f, g, q, optimise, x, (LATENT, 1), config, plane.rng, k)


def learn_vae(plane: Plane) -> None:
    """Learn a variational auto-encoder."""
    optimise, config = plane.adam(), vae.VaeConfig(0.1)
    for _ in plane.iterations():
        vae.train_step(plane.g, plane.q, optimise, plane.batch(), config, plane.rng)


def learn_gan(plane: Plane) -> None:
    """Learn a generative adversarial network, with the penalty that makes it converge."""
    optimise = plane.adam(beta=0.5)
    config = gan.GanConfig(samples=BATCH, generator_updates=1, gradient_penalty=0.1)
    for _ in plane.iterations():
        gan.train_step(plane.f, plane.g, optimise, plane.batch(), (LATENT, 1), config, plane.rng)


METHODS: dict[str, Callable[[Plane], None]] = {
    "descriptor": learn_descriptor,
    "abp": learn_abp,
    "coopnets": learn_coopnets,
    "triangle": learn_triangle,
    "mcmc-triangle": learn_mcmc_triangle,
    "vae": learn_vae,
    "gan": learn_gan,
}
#: Methods that learn an energy, and the s of the reference distribution that they learn it with.
REFERENCES = {
    "descriptor": REFERENCE_SD,
    "coopnets": REFERENCE_SD,
    "triangle": None,
    "mcmc-triangle": REFERENCE_SD,
}
DENSITIES = {"gaussians": gaussians, "moons": moons, "checkerboard": checkerboard}


def row(density: Density, method: str, seed: int, steps: int) -> list[str]:
    """Train one method on one density; give the row of the table."""
    plane, truth = Plane(density, seed, steps), density.p(grid())
    started = time.process_time()
    METHODS[method](plane)
    seconds = time.process_time() - started
    energy = drawn = found = ""
    if method in REFERENCES:
        energy = f"{divergence(truth, energy_table(plane.f, REFERENCES[method])):.3f}"
    if method != "descriptor":
        x = plane.samples()
        drawn = f"{divergence(truth, sample_table(x)):.3f}"
        found = f"{modes(density, x)} of {density.count}"
    return [density.name, method, str(seed), energy, drawn, found, f"{seconds:.0f}"]


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--densities", nargs="+", default=list(DENSITIES), choices=DENSITIES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows: list[Sequence[str]] = [
        ("density", "method", "seed", "KL of energy", "KL of samples", "modes", "CPU s")
    ]
    for name in options.densities:
        density = DENSITIES[name]()
        x, _ = density.draw(DRAWN, np.random.default_rng(1))
        null = divergence(density.p(grid()), sample_table(x))
        rows.append((name, "null", "", "", f"{null:.3f}", f"{modes(density, x)}", ""))
        for method in options.methods:
            for seed in options.seeds:
                rows.append(row(density, method, seed, options.steps))
                print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(markdown(rows))


if __name__ == "__main__":
    main()
