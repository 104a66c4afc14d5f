"""The states that training can go back to: the last good one and, if that was bad too, older ones.

An energy grows steep for hundreds of iterations before the guard's limits are passed, so that the
newest state may be sick as well: training from it fails again at once, whatever its rates are.
"""

from collections.abc import Sequence
from typing import Any

__all__ = ["GoodStates"]

State = dict[str, Any]

#: States that are kept, the snapshots that the last but one may be old, and those within which a
#: failure counts as that of before.
_KEPT, _OLD, _SOON = 4, 15, 5


class GoodStates:
    """Good states of a training, the further apart the older they are.

    Parameters
    ----------
    states
        As `Training.state` gave them, newest first; at least one.
    every
        Iterations between states that are kept, ≥ 1.

    Examples
    --------
    >>> good = GoodStates([{"step": 0}], every=20)
    >>> for step in range(20, 361, 20):
    ...     good.keep({"step": step})
    >>> [state["step"] for state in good.states]
    [360, 340, 180, 0]
    >>> good.after_failure(367, None)["step"], good.after_failure(372, (367, 360))["step"]
    (360, 340)
    """

    def __init__(self, states: Sequence[State], every: int) -> None:
        self.states = list(states)
        self.every = every

    @property
    def newest(self) -> State:
        """The newest state."""
        return self.states[0]

    def keep(self, state: State) -> None:
        """Take a new state in, and forget one of those that lie close together for their age."""
        self.states.insert(0, state)
        if len(self.states) > _KEPT:
            del self.states[self._spare()]

    def _spare(self) -> int:
        steps = [state["step"] for state in self.states]
        if steps[0] - steps[-2] >= _OLD * self.every:
            return -1
        between = range(1, len(steps) - 1)
        return min(between, key=lambda i: (steps[i - 1] - steps[i + 1]) / (steps[0] - steps[i + 1]))

    def after_failure(self, step: int, before: tuple[int, int] | None) -> State:
        """Give the state to go back to after a failure, and forget those that led to failures.

        Parameters
        ----------
        step
            Iteration that failed.
        before
            The one that failed last, and that of the state it went back to; None if none has. If
            training has not come clearly further now, no state since then counts as good: one that
            is older is given, if there is any.
        """
        if before is not None and step <= before[0] + _SOON * self.every:
            older = [state for state in self.states if state["step"] < before[1]]
            self.states = older or self.states[-1:]
        return self.newest

    def note(self, **values: object) -> None:
        """Set values in all states, so that going back does not undo them."""
        for state in self.states:
            state.update(values)
