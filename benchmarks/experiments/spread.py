"""Cells of tables: a figure over several seeds."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan

import numpy as np

from .rows import Values

__all__ = ["by_seed", "over_seeds"]


def by_seed(names: Iterable[str]) -> dict[str, list[str]]:
    """Gather names of rows that differ in their seed alone, by what they share.

    Examples
    --------
    >>> by_seed(["rain signal", "rain abp seed 0", "rain abp seed 1"])
    {'rain signal': ['rain signal'], 'rain abp': ['rain abp seed 0', 'rain abp seed 1']}
    """
    gathered: dict[str, list[str]] = {}
    for name in names:
        gathered.setdefault(name.partition(" seed ")[0], []).append(name)
    return gathered


def over_seeds(
    rows: Mapping[str, Values],
    names: Sequence[str],
    figure: str,
    digits: int = 4,
    factor: float = 1,
) -> str:
    """Give mean ± standard deviation of a figure over the rows of these names that were measured.

    Rows whose figure is NaN, as it has no value, do not count. Of one row alone, the deviation is
    that of its own samples, if it has that as ``FIGURE sd``. What is printed is ``factor`` times
    what was measured: 100 for percent.

    Examples
    --------
    >>> over_seeds({"a": {"x": 1.0}, "b": {"x": 2.0}}, ["a", "b", "c"], "x", 2)
    '1.50 ± 0.71'
    >>> over_seeds({"a": {"x": 1.0, "x sd": 0.2}}, ["a"], "x", 1)
    '1.0 ± 0.2'
    >>> over_seeds({"a": {"x": float("nan")}}, ["a"], "x"), over_seeds({}, ["a"], "x")
    ('–', 'not run')
    """
    measured = [rows[name] for name in names if figure in rows.get(name, {})]
    if not measured:
        return "not run"
    found = [factor * float(row[figure]) for row in measured if not isnan(float(row[figure]))]
    if not found:
        return "–"
    if len(found) > 1:
        return f"{np.mean(found):.{digits}f} ± {np.std(found, ddof=1):.{digits}f}"
    own = measured[0].get(f"{figure} sd") if len(measured) == 1 else None
    spread = "" if own is None else f" ± {factor * float(own):.{digits}f}"
    return f"{found[0]:.{digits}f}{spread}"
