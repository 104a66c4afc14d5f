"""The papers' experiments, a file each; ``benchmarks/results.py`` runs them row by row.

A module has a ``TITLE``, ``cases(scale)``: its rows, and ``table(rows, scale)``: Markdown.
"""

__all__ = ["EXPERIMENTS"]

#: In the order of docs/results.md.
EXPERIMENTS = (
    "generation",
    "completion",
    "reconstruction",
    "incomplete",
    "reduction",
    "textures",
    "sounds",
    "clips",
    "landscape",
    "features",
)
