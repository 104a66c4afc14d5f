"""Algorithm D: a descriptor alone, learned by maximum likelihood with Langevin sampling.

Xie, Lu, Gao, Wu: "Cooperative Training of Descriptor and Generator Networks", 2016, section 3.1,
after Xie, Lu, Zhu, Wu: "A Theory of Generative ConvNet", ICML 2016.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from coop_runtime.errors import CoopError

from ..chains import ChainPool
from ..chance import normal, uniform
from ..contrast import ContrastConfig, contrast
from ..figures import Figures, shape_of_samples
from ..langevin import VALUE_RANGE, LangevinConfig, frozen, revise
from ..nets import Descriptor
from ..optimise import Optimise

__all__ = ["AlgorithmDConfig", "first_states", "train_step"]


@dataclass(frozen=True)
class AlgorithmDConfig:
    """Settings of Algorithm D.

    Attributes
    ----------
    start
        Where chains start: ``"noise"``: N(0, ``noise_sd``² I), or else the reference
        distribution, uniform noise or, with ``reference_sd``, N(0, s²I);
        ``"persistent"``: where they ended an iteration ago, some of them in new noise;
        ``"data"``: the examples themselves (contrastive divergence, Hinton 2002).
    chains
        ñ, number of chains per iteration; from the data: as many as there are examples.
    langevin
        Step D1.
    pool, restart
        Number of persistent chains kept, of which ``chains`` go on in each iteration, and the
        probability that one starts anew. The paper goes on with all, and restarts none.
    contrast
        Regularisers of step D2.
    noise_sd
        Standard deviation of the noise that chains start from; None: that of the reference.
    """

    start: Literal["noise", "persistent", "data"]
    chains: int
    langevin: LangevinConfig
    pool: int
    restart: float
    contrast: ContrastConfig
    noise_sd: float | None = None

    def __post_init__(self) -> None:
        if self.noise_sd is not None and not 0 < self.noise_sd < math.inf:
            raise CoopError(f"algorithm_d.noise_sd: expected > 0, found {self.noise_sd}")
        if self.chains < 1:
            raise CoopError(f"algorithm_d.chains: expected ≥ 1, found {self.chains}")
        if self.start == "persistent" and self.pool < self.chains:
            raise CoopError("algorithm_d.pool: expected ≥ algorithm_d.chains")
        if not 0 <= self.restart <= 1:
            raise CoopError(f"algorithm_d.restart: expected in [0, 1], found {self.restart}")

    @property
    def start_sd(self) -> float | None:
        """Standard deviation of the noise that chains start from; None: it is uniform."""
        return self.langevin.reference_sd if self.noise_sd is None else self.noise_sd


def train_step(
    f: Descriptor,
    optimise: Optimise,
    chains: ChainPool,
    x: Tensor,
    config: AlgorithmDConfig,
    rng: torch.Generator,
    step: int = 0,
) -> Figures:
    """One iteration of Algorithm D.

    Parameters
    ----------
    chains
        The persistent chains; untouched by other starts.
    x
        The examples, shape (batch, channels, …).
    step
        Number of the iteration; only the gradient penalty's turn depends on it.
    """
    # Step D1: l_D Langevin steps by equation (4).
    start, places = _start(chains, x, config, rng)
    with frozen(f):
        revision = revise(f, start, config.langevin, rng)
    if places is not None:
        fresh = first_states(x, len(places), config, rng)
        chains.put_back(places, revision.x, fresh, config.restart, rng)

    # Step D2: θ ← θ + γ (mean ∂f(x) − mean ∂f(x̃)), equation (5).
    learned = contrast(f, x, revision.x, config.contrast, step)
    optimise(learned.loss, "descriptor")

    saturation, relative_contrast = shape_of_samples(revision.x, revision.x, x)
    return Figures(
        f_data=learned.f_data.mean().item(),
        f_model=learned.f_model.mean().item(),
        revision=(revision.x - start).square().mean().sqrt().item(),
        drift=revision.drift,
        acceptance=revision.acceptance,
        saturation=saturation,
        contrast=relative_contrast,
    )


def _start(
    chains: ChainPool, x: Tensor, config: AlgorithmDConfig, rng: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Give the chains' first states and, of persistent ones, their places in the pool."""
    if config.start == "data":
        return x, None
    if config.start == "noise":
        return first_states(x, config.chains, config, rng), None
    if chains.states is None:
        chains.fill(first_states(x, config.pool, config, rng))
    drawn = chains.draw(config.chains, rng)
    assert drawn is not None  # noqa: S101  the pool was filled
    return drawn[1], drawn[0]


def first_states(
    like: Tensor, count: int, config: AlgorithmDConfig, rng: torch.Generator
) -> Tensor:
    """Draw ``count`` states of noise, each of the shape of an example; see ``start``."""
    shape = (count, *like.shape[1:])
    if config.start_sd is not None:
        return config.start_sd * normal(shape, rng)
    low, high = VALUE_RANGE
    return low + (high - low) * uniform(shape, rng)
