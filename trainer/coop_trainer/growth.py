"""When pictures and networks grow: settings and schedule.

Han, Nijkamp, Fang, Hill, Zhu, Wu: "Divergence Triangle …", 2018, section 4.1.3, after Karras et
al., ICLR 2018.
"""

import itertools
import math
from dataclasses import dataclass

from coop_runtime.errors import CoopError

from .nets import Stage

__all__ = ["GrowthConfig", "stage_at"]


@dataclass(frozen=True)
class GrowthConfig:
    """When the networks grow, and how much they see at each size.

    Sizes double up to that of the pictures; how many there are follows from the networks.

    Attributes
    ----------
    shares
        Length of each stage, smallest size first, relative to each other: they share the run,
        whether iterations or the clock end it.
    fade
        Share of a stage in which its new level is blended in.
    batches
        At each size, the largest number of examples, of samples and of chains per update.
    """

    shares: tuple[float, ...]
    fade: float
    batches: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.shares or not all(0 < share < math.inf for share in self.shares):
            raise CoopError("growth.shares: expected numbers > 0, one for each size")
        if len(self.batches) != len(self.shares) or min(self.batches) < 1:
            raise CoopError("growth.batches: expected numbers ≥ 1, as many as growth.shares")
        if not 0 <= self.fade < 1:
            raise CoopError(f"growth.fade: expected a number in [0, 1), found {self.fade}")


def stage_at(growth: GrowthConfig, done: float) -> Stage:
    """Give the stage that is due when ``done`` in [0, 1] of the run is over.

    Examples
    --------
    >>> growth = GrowthConfig(shares=(1, 2, 1), fade=0.5, batches=(8, 8, 4))
    >>> [tuple(stage_at(growth, done)) for done in (0, 0.25, 0.375, 0.5, 0.75, 1)]
    [(0, 1.0), (1, 0.0), (1, 0.5), (1, 1.0), (2, 0.0), (2, 1.0)]
    """
    ends = [end / sum(growth.shares) for end in itertools.accumulate(growth.shares)]
    level = next((k for k, end in enumerate(ends[:-1]) if done < end), len(ends) - 1)
    if level == 0:
        return Stage(0)
    begun, fade = done - ends[level - 1], growth.fade * (ends[level] - ends[level - 1])
    return Stage(level, min(1.0, begun / fade) if fade else 1.0)
