"""Learning from incomplete pictures: divergence triangle, section 4.4 and Table 3.

The first 1,000 training faces, of which 50 % or 70 % of the pixels (P.5, P.7), ten blocks of
10×10 (MB10), or one of 20×20 or 30×30 (B20, B30) are hidden, as in the paper, which has 10,000
faces. Each method learns 3 minutes of one processor, then fills the holes of its training faces;
the originals were never seen. *Recovered* is what ``coop-train --recover`` writes, as in the paper;
*inferred* are the first 100 faces completed by the learned generator from latents inferred anew, by
the same chains for all methods.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from coop_eval.completion import Inferring, hidden_error, suggest
from coop_eval.recovery import recovered_pictures
from coop_runtime import load
from tables import markdown

from .arrays import unit_pictures
from .rows import Case, Scale, Values
from .sources import split
from .spread import over_seeds

TITLE = "Learning from incomplete faces"

METHODS = ("vae", "abp", "triangle")
MASKS = ("P.5", "P.7", "MB10", "B20", "B30")
FACES = 1000
MINUTES = 3.0
INFERRED = 100
HOW = Inferring(chains=2, steps=40, settle=40)
PAPER = {
    "paper: VAE": (0.0446, 0.0498, 0.1169, 0.0666, 0.0800),
    "paper: ABP": (0.0379, 0.0428, 0.1070, 0.0633, 0.0757),
    "paper: triangle": (0.0380, 0.0430, 0.1060, 0.0621, 0.0733),
}


def cases(scale: Scale) -> list[Case]:
    """List masks and methods, a training each."""
    return [
        Case(
            f"{mask} {method}",
            (
                scale.training(
                    "images",
                    "faces64",
                    method,
                    MINUTES,
                    options=("--mask", mask, "--limit", str(FACES)),
                    label=mask,
                ),
            ),
            partial(measure, min(INFERRED, scale.examples)),
        )
        for mask in MASKS
        for method in METHODS
    ]


def measure(count: int, bundle: Path) -> Values:
    """Compare what a run recovered with the originals; infer the first ``count`` anew."""
    run = bundle.parent.parent / "trainings" / bundle.name
    found = recovered_pictures(run)
    original = unit_pictures(split("faces64").train[: len(found.pictures)])
    part = slice(count)
    done = suggest(load(bundle, "cpu", 1), found.pictures[part], found.missing[part], HOW)
    return {
        "recovered": float(hidden_error(original, found.pictures, found.missing).mean()),
        "inferred": float(hidden_error(original[part], done.best, found.missing[part]).mean()),
    }


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the errors by mask."""
    lines = [["", *MASKS]]
    lines += [[name, *(f"{error:.4f}" for error in errors)] for name, errors in PAPER.items()]
    for figure in ("recovered", "inferred"):
        for method in METHODS:
            cells = [over_seeds(rows, [f"{mask} {method}"], figure) for mask in MASKS]
            lines.append([f"{method}: {figure}", *cells])
    legend = (
        "Absolute difference per hidden pixel, relative to the range; less is better. "
        f"{FACES} training faces, {scale.minutes * MINUTES:g} minutes each."
    )
    return f"{legend}\n\n{markdown(lines)}"
