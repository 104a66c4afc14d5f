"""Settings that belong to no network and to no method: data, optimisers, length of the run."""

import math
from dataclasses import dataclass
from typing import Literal

from coop_runtime.errors import CoopError

__all__ = ["DataConfig", "LoopConfig", "OptimiserConfig"]


@dataclass(frozen=True)
class DataConfig:
    """What the networks see.

    Attributes
    ----------
    size
        Shorter side in pixels to which a picture or a frame is scaled, and both sides of the
        pictures of a set; None keeps the size.
    rate
        Samples per second to which a sound is resampled; other signals ignore it.
    crop
        Spatial shape of the training crops, drawn at random; one number stands for every axis.
        None: examples are whole, and each is known by its number, which persistent latents and
        incomplete data need.
    batch
        Examples per update, at most.
    noise
        Standard deviation of the noise added to examples.
    relative
        Whether ``noise``, Langevin steps and drifts, and σ are in units of the training data's
        standard deviation, instead of the range [−1, 1]; see `relative.resolved`.
    whitening
        Number of samples from which a sound's next is foretold, so that the networks see what is
        left, of a nearly flat spectrum (`data.prediction`); 0 for the sound itself.
    decorrelate
        Whether the networks see pictures and clips in their principal colours, each in units of
        its own spread (`data.colours`); false for red, green and blue.
    """

    size: int | None
    rate: int
    crop: int | tuple[int, ...] | None
    batch: int
    noise: float
    relative: bool
    whitening: int = 0
    decorrelate: bool = False

    def __post_init__(self) -> None:
        for name in ("size", "rate", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise CoopError(f"data.{name}: expected ≥ 1, found {value}")
        if self.crop is not None and min(self._crop(1), default=0) < 1:
            raise CoopError(f"data.crop: expected numbers ≥ 1, found {self.crop}")
        if not 0 <= self.whitening <= 256:
            raise CoopError(f"data.whitening: expected 0 to 256, found {self.whitening}")
        if not 0 <= self.noise < 1:
            raise CoopError(f"data.noise: expected a number in [0, 1), found {self.noise}")

    def crop_shape(self, dims: int) -> tuple[int, ...] | None:
        """Give ``crop`` with one number per axis.

        Raises
        ------
        CoopError
            ``crop`` has another number of axes.
        """
        if self.crop is None:
            return None
        shape = self._crop(dims)
        if len(shape) != dims:
            raise CoopError(f"data.crop: expected one number or {dims}, found {self.crop}")
        return shape

    def _crop(self, dims: int) -> tuple[int, ...]:
        return (self.crop,) * dims if isinstance(self.crop, int) else self.crop or ()


@dataclass(frozen=True)
class OptimiserConfig:
    """How one network takes its steps.

    Attributes
    ----------
    kind
        ``"adam"`` or, as in the paper, ``"sgd"``.
    rate
        Learning rate γ before decay.
    betas
        Adam's moment decays; of SGD, the first is the momentum.
    clip
        Largest gradient norm; None for no limit.
    ema
        Decay per update of the averaged weights that are exported; 0 for none.
    """

    kind: Literal["adam", "sgd"]
    rate: float
    betas: tuple[float, float]
    clip: float | None
    ema: float

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise CoopError(f"rate: expected > 0, found {self.rate}")
        if self.clip is not None and not self.clip > 0:
            raise CoopError(f"clip: expected > 0, found {self.clip}")
        if not (0 <= self.ema < 1 and all(0 <= b < 1 for b in self.betas)):
            raise CoopError("ema and betas: expected numbers in [0, 1)")


@dataclass(frozen=True)
class LoopConfig:
    """How long a run goes on, and how its learning rates fall.

    Attributes
    ----------
    steps
        Number of iterations.
    minutes
        Time limit; the run ends, and the rates fall, by whichever of the two is nearer to its
        end. A run that the clock ends is not reproducible; one that ``steps`` ends is.
    hold
        Share of the run at the full learning rate; then it falls linearly.
    final_rate
        Learning rate at the end, as a share of the first one.
    checkpoint_minutes
        Time between checkpoints.
    clock
        What ``minutes`` counts: ``wall``, time that passed, or ``cpu``, the time that processors
        spent on the process, which compares methods fairly on a machine that does other work too.
    """

    steps: int
    minutes: float | None
    hold: float
    final_rate: float
    checkpoint_minutes: float
    clock: Literal["wall", "cpu"] = "wall"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise CoopError(f"loop.steps: expected ≥ 1, found {self.steps}")
        if self.minutes is not None and not self.minutes > 0:
            raise CoopError(f"loop.minutes: expected > 0, found {self.minutes}")
        if not (0 <= self.hold <= 1 and 0 <= self.final_rate <= 1):
            raise CoopError("loop.hold and loop.final_rate: expected numbers in [0, 1]")
        if not self.checkpoint_minutes > 0:
            raise CoopError("loop.checkpoint_minutes: expected > 0")
