"""Cells of tables: a figure over several seeds."""

from collections.abc import Mapping, Sequence

import numpy as np

from .rows import Values

__all__ = ["over_seeds"]


def over_seeds(
    rows: Mapping[str, Values],
    names: Sequence[str],
    figure: str,
    digits: int = 4,
    factor: float = 1,
) -> str:
    """Give mean ± standard deviation of a figure over the rows of these names that were measured.

    What is printed is ``factor`` times what was measured: 100 for percent.

    Examples
    --------
    >>> over_seeds({"a": {"x": 1.0}, "b": {"x": 2.0}}, ["a", "b", "c"], "x", 2)
    '1.50 ± 0.71'
    >>> over_seeds({"a": {"x": 1.0}}, ["a"], "x", 2), over_seeds({}, ["a"], "x")
    ('1.00', 'not run')
    """
    found = [factor * float(rows[name][figure]) for name in names if figure in rows.get(name, {})]
    if not found:
        return "not run"
    spread = f" ± {np.std(found, ddof=1):.{digits}f}" if len(found) > 1 else ""
    return f"{np.mean(found):.{digits}f}{spread}"
