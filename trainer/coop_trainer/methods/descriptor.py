"""Algorithm D: a descriptor alone, learned by maximum likelihood with Langevin sampling.

Xie, Lu, Gao, Wu: "Cooperative Training of Descriptor and Generator Networks", 2016, section 3.1,
after Xie, Lu, Zhu, Wu: "A Theory of Generative ConvNet", ICML 2016.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from coop_runtime.errors import CoopError

from ..chains import ChainPool
from ..contrast import contrast
from ..langevin import frozen, langevin
from ..nets import Descriptor

__all__ = ["DescriptorFigures", "DescriptorLearningConfig", "train_step"]

VALUE_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class DescriptorLearningConfig:
    """Settings of Algorithm D.

    Attributes
    ----------
    start
        Where chains start: ``"noise"``: uniform noise or, with ``reference_sd``, N(0, s²I);
        ``"persistent"``: where they ended an iteration ago, some of them in new noise;
        ``"data"``: the examples themselves (contrastive divergence, Hinton 2002).
    chains
        ñ, number of chains per iteration; from the data: as many as there are examples.
    langevin_steps, step_size, langevin_noise, max_drift, clamp, metropolis, reference_sd
        As in `CoopNetsConfig`.
    pool, restart
        Number of persistent chains kept, and the probability that one starts anew.
    l2, gradient_penalty
        As in `contrast`.
    """

    start: Literal["noise", "persistent", "data"]
    chains: int
    langevin_steps: int
    step_size: float
    langevin_noise: bool
    max_drift: float | None
    clamp: bool
    metropolis: bool
    reference_sd: float | None
    pool: int
    restart: float
    l2: float
    gradient_penalty: float

    def __post_init__(self) -> None:
        if min(self.chains, self.langevin_steps) < 1:
            raise CoopError("descriptor_learning.chains and .langevin_steps: expected ≥ 1")
        if self.start == "persistent" and self.pool < self.chains:
            raise CoopError("descriptor_learning.pool: expected ≥ chains")
        for name in ("step_size", "max_drift", "reference_sd"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise CoopError(f"descriptor_learning.{name}: expected > 0, found {value}")
        if not (0 <= self.restart <= 1 and self.l2 >= 0 and self.gradient_penalty >= 0):
            raise CoopError(
                "descriptor_learning: expected restart in [0, 1], l2 and gradient_penalty ≥ 0"
            )


class DescriptorFigures(NamedTuple):
    """What one iteration was like; f is per sample and unit gain.

    Attributes
    ----------
    f_data, f_model
        Mean f of the examples and of the chains; their difference is the energy gap.
    drift, acceptance
        As in `Revision`.
    saturation
        Share of the chains' entries with |x| > 0.99.
    contrast
        Standard deviation of the chains' states over that of the examples.
    """

    f_data: float
    f_model: float
    drift: float
    acceptance: float
    saturation: float
    contrast: float


def train_step(
    f: Descriptor,
    optimise: Callable[[Tensor], None],
    chains: ChainPool,
    x: Tensor,
    config: DescriptorLearningConfig,
    rng: torch.Generator,
) -> DescriptorFigures:
    """One iteration of Algorithm D.

    Parameters
    ----------
    chains
        The persistent chains; untouched by other starts.
    x
        The examples, shape (batch, channels, …).
    """
    # Step D1: l_D Langevin steps by equation (4).
    start, places = _start(chains, x, config, rng)
    with frozen(f):
        revision = langevin(
            lambda state: f.energy(state, config.reference_sd),
            start,
            rng,
            steps=config.langevin_steps,
            step_size=config.step_size,
            noise=config.langevin_noise,
            max_drift=config.max_drift,
            clamp=VALUE_RANGE if config.clamp else None,
            metropolis=config.metropolis,
        )
    if places is not None:
        fresh = _noise(x, len(places), config, rng)
        chains.put_back(places, revision.x, fresh, config.restart, rng)

    # Step D2: θ ← θ + γ (mean ∂f(x) − mean ∂f(x̃)), equation (5).
    learned = contrast(f, x, revision.x, l2=config.l2, gradient_penalty=config.gradient_penalty)
    optimise(learned.loss)

    return DescriptorFigures(
        f_data=learned.f_data.mean().item(),
        f_model=learned.f_model.mean().item(),
        drift=revision.drift,
        acceptance=revision.acceptance,
        saturation=(revision.x.abs() > 0.99).float().mean().item(),
        contrast=(revision.x.std() / x.std()).item(),
    )


def _start(
    chains: ChainPool, x: Tensor, config: DescriptorLearningConfig, rng: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Give the chains' first states and, of persistent ones, their places in the pool."""
    if config.start == "data":
        return x, None
    if config.start == "noise":
        return _noise(x, config.chains, config, rng), None
    if chains.states is None:
        chains.fill(_noise(x, config.pool, config, rng))
    drawn = chains.draw(config.chains, rng)
    assert drawn is not None  # noqa: S101  the pool was filled
    return drawn[1], drawn[0]


def _noise(x: Tensor, count: int, config: DescriptorLearningConfig, rng: torch.Generator) -> Tensor:
    """Draw from the reference distribution, in the shape of ``count`` examples."""
    shape = (count, *x.shape[1:])
    if config.reference_sd is not None:
        return config.reference_sd * torch.randn(shape, generator=rng, device=rng.device)
    low, high = VALUE_RANGE
    return low + (high - low) * torch.rand(shape, generator=rng, device=rng.device)
