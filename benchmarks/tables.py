"""The tables that benchmarks print."""

from collections.abc import Sequence

__all__ = ["markdown"]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows, of which the first is the head, as a Markdown table."""
    head, *body = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])
