"""How far a run has come, and how its learning rates fall."""

from .sections import LoopConfig

__all__ = ["progress", "rate_factor"]


def progress(loop: LoopConfig, step: int, seconds: float) -> float:
    """Share of the run that is over, in [0, 1]: by steps or by time, whichever is further."""
    by_time = seconds / (60 * loop.minutes) if loop.minutes else 0.0
    return min(1.0, max(step / loop.steps, by_time))


def rate_factor(loop: LoopConfig, done: float) -> float:
    """Share of the learning rate when ``done`` in [0, 1] of the run is over.

    Examples
    --------
    >>> loop = LoopConfig(steps=10, minutes=None, hold=0.5, final_rate=0.2, checkpoint_minutes=1)
    >>> [round(rate_factor(loop, done), 2) for done in (0, 0.5, 0.75, 1)]
    [1.0, 1.0, 0.6, 0.2]
    """
    if done <= loop.hold:
        return 1.0
    return 1 - (1 - loop.final_rate) * (done - loop.hold) / (1 - loop.hold)
