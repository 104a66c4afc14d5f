"""The papers' experiments, a file each; ``benchmarks/results.py`` runs them row by row."""
