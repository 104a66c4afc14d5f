"""The variational auto-encoder, a peer that the papers compare with.

Kingma, Welling: "Auto-Encoding Variational Bayes", ICLR 2014: the evidence lower bound with a
normal q(z|x) and one reparametrised draw. The same networks as the other methods'.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..figures import Figures, shape_of_samples
from ..nets import Encoder
from ..optimise import Optimise
from ..posterior import root_mean_square, squared_error

__all__ = ["VaeConfig", "train_step"]


@dataclass(frozen=True)
class VaeConfig:
    """Settings: σ of the generator's residual, x = g(z) + ε, ε ~ N(0, σ²I)."""

    sigma: float

    def __post_init__(self) -> None:
        if not 0 < self.sigma < math.inf:
            raise CoopError(f"vae.sigma: expected > 0, found {self.sigma}")


def train_step(
    g: nn.Module,
    q: Encoder,
    optimise: Optimise,
    x: Tensor,
    config: VaeConfig,
    rng: torch.Generator,
    seen: Tensor | None = None,
) -> Figures:
    """One step on the negative evidence lower bound (up to a constant) of a batch.

    Parameters
    ----------
    x
        The examples, shape (batch, channels, …).
    seen
        1 where an entry of x is observed, elsewhere x is filled in; only observed entries have
        to be reconstructed.
    """
    code = q(x)
    x_again = g(code.draw(rng))
    error = squared_error(x, x_again, seen)
    divergence = code.divergence()
    optimise((error / (2 * config.sigma**2) + divergence).mean(), "generator", "encoder")
    saturation, contrast = shape_of_samples(x_again, x_again, x, seen)
    return Figures(
        reconstruction=root_mean_square(error, x, seen),
        divergence=divergence.mean().item(),
        saturation=saturation,
        contrast=contrast,
    )
