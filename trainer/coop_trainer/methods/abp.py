"""Alternating back-propagation: a generator alone, its latents inferred by gradients.

Algorithms 1 and 2 of Han, Lu, Zhu, Wu: "Alternating Back-Propagation for Generator Network",
AAAI 2017. The paper's Y is x here, its Z is z, its W the generator's parameters.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..figures import Figures, shape_of_samples
from ..optimise import Optimise
from ..posterior import infer_latents, root_mean_square, squared_error

__all__ = ["AbpConfig", "train_step"]


@dataclass(frozen=True)
class AbpConfig:
    """Settings of alternating back-propagation.

    Attributes
    ----------
    inference
        ``"gradient"``: Algorithm 1; ``"langevin"``: Algorithm 2; ``"joint"``: the variant of
        section 4.1, in which z and the parameters step on the same residual.
    steps, step_size
        L and Δ of equation (10); the joint variant takes one step whatever ``steps`` is.
    sigma
        σ of the generator's residual.
    """

    inference: Literal["gradient", "langevin", "joint"]
    steps: int
    step_size: float
    sigma: float

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise CoopError(f"abp.steps: expected ≥ 1, found {self.steps}")
        for name in ("step_size", "sigma"):
            if not 0 < getattr(self, name) < math.inf:
                raise CoopError(f"abp.{name}: expected > 0, found {getattr(self, name)}")


def train_step(
    g: nn.Module,
    optimise: Optimise,
    z: Tensor,
    x: Tensor,
    config: AbpConfig,
    rng: torch.Generator,
    seen: Tensor | None = None,
) -> tuple[Tensor, Figures]:
    """One iteration on a batch: inferential, then learning back-propagation.

    Parameters
    ----------
    g, optimise
        The generator, and how it takes a step on a loss.
    z
        Where the latents of these examples stood after their last turn (warm start), shape
        (batch, latent_channels, h, …); draws from N(0, I) at first.
    x
        The examples, shape (batch, channels, …).
    rng
        Source of the Langevin noise.
    seen
        1 where an entry of x is observed; see `negative_log_joint`.

    Returns
    -------
    The latents where they stand now, to be kept for the examples' next turn, and the figures.
    """
    # Inferential back-propagation: z moves by equation (10); without noise, by (6).
    inferred = infer_latents(
        g,
        z,
        x,
        config.sigma,
        rng,
        steps=1 if config.inference == "joint" else config.steps,
        step_size=config.step_size,
        noise=config.inference == "langevin",
        seen=seen,
    )

    # Learning back-propagation: W ← W + η mean ∂ log p(x, z), equations (7) and (11).
    at = z if config.inference == "joint" else inferred
    x_again = g(at)
    error = squared_error(x, x_again, seen)
    optimise(error.mean() / (2 * config.sigma**2), "generator")

    saturation, contrast = shape_of_samples(x_again, x_again, x, seen)
    return inferred, Figures(
        code_revision=(inferred - z).square().mean().sqrt().item(),
        reconstruction=root_mean_square(error, x, seen),
        saturation=saturation,
        contrast=contrast,
    )
