"""The variational auto-encoder, a peer that the papers compare with.

Kingma, Welling: "Auto-Encoding Variational Bayes", ICLR 2014: the evidence lower bound with a
normal q(z|x) and one reparametrised draw. The same networks as the other methods'.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from ..figures import Figures
from ..nets import Encoder
from ..optimise import Optimise
from ..posterior import squared_error

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
) -> Figures:
    """One step on the negative evidence lower bound (up to a constant) of a batch.

    Parameters
    ----------
    x
        The examples, shape (batch, channels, …).
    """
    code = q(x)
    error = squared_error(x, g(code.draw(rng)))
    divergence = code.divergence()
    optimise((error / (2 * config.sigma**2) + divergence).mean(), "generator", "encoder")
    return Figures(
        reconstruction=math.sqrt(error.mean().item() / x[0].numel()),
        divergence=divergence.mean().item(),
    )
