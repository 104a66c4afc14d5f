"""The guard: training that goes wrong is seen within a step or two, and named.

The two failures that users of such models meet are saturated salt-and-pepper samples (the energy
exploded) and one flat tile (the descriptor is dead). Both show in an iteration's figures.
"""

import math
from dataclasses import dataclass

from coop_runtime.errors import CoopError

from .figures import Figures

__all__ = ["Guard", "GuardConfig"]

FLAT_STEPS = 50


@dataclass(frozen=True)
class GuardConfig:
    """Limits beyond which an iteration counts as failed; None for no limit.

    Attributes
    ----------
    largest_gap
        Of |mean f(x) − mean f(x̃)| per sample and unit gain; healthy runs stay far below 1.
    largest_saturation
        Of the share of revised entries with |x| > 0.99, above that of the examples.
    smallest_contrast
        Of the standard deviation of revised drafts relative to that of the examples.
    patience
        Number of failed iterations in a row before the roll-back; NaN needs one only.
    grace
        Number of first iterations in which flat samples and a steep energy are no failure: those
        of new networks are.
    flat_drift
        Mean Langevin drift per entry and step below which, for 50 iterations on end, the
        descriptor is called flat: it no longer tells drafts from examples. That is no failure,
        but refinement and further training then change little.
    snapshot_steps
        Iterations between the good states that are kept to roll back to.
    shrink
        Factor on both learning rates at each roll-back.
    rollbacks
        Number of roll-backs after which training gives up.
    largest_code_revision
        Of the RMS change of inferred latents in one iteration, in deviations of their prior:
        Langevin steps that are too long for a steep posterior throw them ever further.
    largest_clipping
        Of the mean Langevin drift relative to ``max_drift``: an energy that is steeper than that
        almost everywhere tells the chains a direction only, and samples drift into patterns.
    """

    largest_gap: float | None
    largest_saturation: float | None
    smallest_contrast: float | None
    patience: int
    grace: int
    flat_drift: float | None
    snapshot_steps: int
    shrink: float
    rollbacks: int
    largest_code_revision: float | None = 3.0
    largest_clipping: float | None = 0.6

    def __post_init__(self) -> None:
        if min(self.patience, self.snapshot_steps) < 1 or min(self.grace, self.rollbacks) < 0:
            raise CoopError("guard: expected patience, snapshot_steps ≥ 1 and grace, rollbacks ≥ 0")
        for name in (
            *("largest_gap", "largest_saturation", "smallest_contrast", "flat_drift"),
            *("largest_code_revision", "largest_clipping"),
        ):
            limit = getattr(self, name)
            if limit is not None and not 0 <= limit < math.inf:
                raise CoopError(f"guard.{name}: expected ≥ 0, found {limit}")
        if not 0 < self.shrink < 1:
            raise CoopError(f"guard.shrink: expected a number in (0, 1), found {self.shrink}")


class Guard:
    """Judge one iteration after the other.

    Parameters
    ----------
    config
        The limits.
    max_drift
        Of the Langevin dynamics; None for no limit, or where there are none.

    Examples
    --------
    >>> config = GuardConfig(largest_gap=1, largest_saturation=0.5, smallest_contrast=0.1,
    ...     patience=2, grace=0, flat_drift=0, snapshot_steps=10, shrink=0.5, rollbacks=3)
    >>> good = Figures(f_data=0.1, f_model=0.0, contrast=1.0)
    >>> guard = Guard(config)
    >>> guard.judge(0, good, 0.0), guard.judge(1, good._replace(f_data=9), 0.0)
    (None, None)
    >>> guard.judge(2, good._replace(f_data=9), 0.0)
    'exploding energy: |f(x) − f(x̃)| = 9 > 1'
    """

    def __init__(self, config: GuardConfig, max_drift: float | None = None) -> None:
        self.config = config
        self.max_drift = max_drift
        self.failed = 0
        self.flat = 0

    @property
    def clear(self) -> bool:
        """Whether the last iteration was good, so that its state may be kept."""
        return self.failed == 0

    def judge(self, step: int, figures: Figures, saturation_of_data: float) -> str | None:
        """Say why training must roll back now, or None.

        Parameters
        ----------
        step
            Number of the iteration, from 0.
        figures
            What it was like.
        saturation_of_data
            Share of |x| > 0.99 in the training pictures themselves.
        """
        if names := figures.not_numbers():
            self.failed = 0
            return f"not a number: {', '.join(names)}"
        reason = self._reason(step, figures, saturation_of_data)
        self.failed = self.failed + 1 if reason else 0
        if self.failed < self.config.patience:
            return None
        self.failed = 0
        return reason

    def went_flat(self, figures: Figures) -> bool:
        """Say, once, that the descriptor has gone flat."""
        if figures.drift is None:
            return False
        self.flat = self.flat + 1 if figures.drift < (self.config.flat_drift or 0.0) else 0
        return self.flat == FLAT_STEPS

    def _reason(self, step: int, figures: Figures, saturation_of_data: float) -> str | None:
        c, gap = self.config, abs(figures.gap or 0.0)
        thrown = figures.code_revision or 0.0
        saturation, contrast = figures.saturation, figures.contrast
        largest = saturation_of_data + (1 - saturation_of_data) * _limit(c.largest_saturation)
        if gap > _limit(c.largest_gap):
            return f"exploding energy: |f(x) − f(x̃)| = {gap:.3g} > {c.largest_gap:g}"
        clipping = (figures.drift or 0.0) / (self.max_drift or math.inf)
        if step >= c.grace and clipping > _limit(c.largest_clipping):
            return (
                f"energy steeper than the sampler: the mean drift is {clipping:.0%} of max_drift, "
                f"more than {c.largest_clipping:.0%}"
            )
        if thrown > _limit(c.largest_code_revision):
            return (
                f"latents thrown {thrown:.3g} deviations far: the latent step size "
                "is too long for this σ"
            )
        if saturation is not None and saturation > largest:
            return f"saturated samples: {saturation:.0%} of the entries at ±1"
        if contrast is not None and step >= c.grace and contrast < (c.smallest_contrast or 0.0):
            return f"flat samples: {contrast:.2g} of the contrast of the examples"
        return None


def _limit(largest: float | None) -> float:
    return math.inf if largest is None else largest
