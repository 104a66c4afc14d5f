"""One iteration of the configured method: its networks, its batch, its settings."""

import torch

from .figures import Figures
from .learner import Learner
from .methods import abp, coopnets, descriptor, gan, mcmc_triangle, triangle, vae

__all__ = ["iterate"]


def iterate(t: Learner) -> Figures:
    """Take one training step of the method that ``t.config`` names.

    What belongs to single examples (ABP's latents, the hidden entries of incomplete data) is
    fetched before, and kept after it.
    """
    c, z, rng, step = t.share, t.latent_shape, t.rng, t.step
    match c.method:
        case "coopnets":
            f, g = t.descriptor, t.generator
            return coopnets.train_step(
                f, g, t.optimise, t.chains, lambda: t.batch().x, z, c.coopnets, rng, step
            )
        case "descriptor":
            f, x = t.descriptor, t.batch().x
            return descriptor.train_step(f, t.optimise, t.chains, x, c.algorithm_d, rng, step)
        case "gan":
            f, g, x = t.descriptor, t.generator, t.batch().x
            return gan.train_step(f, g, t.optimise, x, z, c.gan, rng)
        case "abp":
            return _abp(t)
    x, places, seen = t.batch()
    g, q = t.generator, t.encoder
    if c.method == "vae":
        figures = vae.train_step(g, q, t.optimise, x, c.vae, rng, seen)
    elif c.method == "triangle":
        figures = triangle.train_step(
            t.descriptor, g, q, t.optimise, x, z, c.triangle, rng, step, seen
        )
    else:
        figures = mcmc_triangle.train_step(
            t.descriptor, g, q, t.optimise, x, z, c.mcmc_triangle, rng, step, seen
        )
    if t.filled is not None and places is not None:
        g.eval()
        q.eval()
        with torch.no_grad():
            t.filled[t.shard.whole(places)] = t.shard.whole(g(q(x).mean))
    return figures


def _abp(t: Learner) -> Figures:
    """Alternating back-propagation from where the examples' latents stand."""
    x, places, seen = t.batch()
    assert t.latents is not None and places is not None  # noqa: S101, PT018  ABP has them
    z, figures = abp.train_step(
        t.generator, t.optimise, t.latents[places], x, t.config.abp, t.rng, seen
    )
    t.latents[t.shard.whole(places)] = t.shard.whole(z)
    return figures
