"""The number of Langevin steps of a run, chosen by the other seeds: not by what is to be told."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from .rows import Values

__all__ = ["with_chosen"]

_STATE = re.compile(r"(\d+(?: quiet)?) kernel")


def with_chosen(
    rows: Mapping[str, Values], runs: Sequence[str], figures: Sequence[str]
) -> dict[str, Values]:
    """Add to the row of each run these figures after the steps that are best for the other runs.

    Best is the smallest mean of kernel distances, of all states that every run has, drafts among
    them. A run that is alone has but its own to go by. ``chosen steps`` and ``chosen FIGURE`` are
    added; runs that were not measured are left out.

    Examples
    --------
    >>> rows = {"a": {"0 kernel": 3.0, "9 kernel": 1.0}, "b": {"0 kernel": 1.5, "9 kernel": 2.0}}
    >>> found = with_chosen(rows, ["a", "b", "c"], ["kernel"])
    >>> [(row["chosen steps"], row["chosen kernel"]) for row in found.values()]
    [('0', 3.0), ('9', 2.0)]
    """
    measured = {run: rows[run] for run in runs if run in rows}
    chosen = {}
    for run, row in measured.items():
        others = [other for name, other in measured.items() if name != run] or [row]
        steps = min(_states([row, *others]), key=lambda state: _kernel(others, state))
        after = {f"chosen {figure}": row[f"{steps} {figure}"] for figure in figures}
        chosen[run] = row | {"chosen steps": steps} | after
    return chosen


def _states(rows: Sequence[Values]) -> list[str]:
    """List the states, as ``10 quiet``, that all rows have figures of."""
    found = (_STATE.fullmatch(key) for key in rows[0] if all(key in row for row in rows))
    return [state[1] for state in found if state]


def _kernel(rows: Sequence[Values], state: str) -> float:
    return float(np.mean([float(row[f"{state} kernel"]) for row in rows]))
