"""Learning from incomplete pictures: divergence triangle, section 4.4 and Table 3.

The first 1,000 training faces, of which 50 % or 70 % of the pixels (P.5, P.7), ten blocks of
10×10 (MB10), or one of 20×20 or 30×30 (B20, B30) are hidden, as in the paper, which has 10,000
faces. Each method learns 9 minutes of one processor, then fills the holes of its training faces;
the originals were never seen. *Recovered* is what ``coop-train --recover`` writes: g(z) where z
explains the observed pixels best, near the encoder's code or ABP's latents (decision 15);
*inferred* are the first 100 faces completed by the learned generator from latents inferred anew,
the mean of two chains, the same for all methods; *blended* are these without a seam (Poisson
editing), which the paper does not do. Interpolations, which learn nothing, stand beside: of all
faces, to be compared with what is recovered, and of the first 100, to be compared with the rest.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from coop_eval.filling.completion import Inferring, blended, hidden_error, suggest
from coop_eval.filling.holes import holes
from coop_eval.filling.recovery import recovered_pictures
from coop_eval.peers.inpainting import PEERS
from coop_eval.subject import unit_pictures
from coop_runtime import load
from tables import markdown

from .rows import Case, Scale, Values
from .sources import split
from .spread import over_seeds
from .trainings import Training

TITLE = "Learning from incomplete faces"

METHODS = ("vae", "abp", "triangle")
FIGURES = ("recovered", "inferred", "inferred, blended")
INTERPOLATIONS = ("harmonic", "biharmonic")
MASKS = ("P.5", "P.7", "MB10", "B20", "B30")
FACES = 1000
MINUTES = 9.0
INFERRED = 100
HOW = Inferring(chains=2, steps=40, settle=40)
PAPER = {
    "paper: VAE": (0.0446, 0.0498, 0.1169, 0.0666, 0.0800),
    "paper: ABP": (0.0379, 0.0428, 0.1070, 0.0633, 0.0757),
    "paper: triangle": (0.0380, 0.0430, 0.1060, 0.0621, 0.0733),
}


def cases(scale: Scale) -> list[Case]:
    """List masks and methods, a training each, and the interpolations."""
    count = min(INFERRED, scale.examples)
    models = [
        Case(f"{mask} {method}", (training(scale, mask, method),), partial(measure, count))
        for mask in MASKS
        for method in METHODS
    ]
    return models + [Case(n, (), partial(measure_peer, count, n)) for n in INTERPOLATIONS]


def training(scale: Scale, mask: str, method: str) -> Training:
    """Give the training of a method on faces with these masks."""
    options = ("--mask", mask, "--limit", str(FACES))
    return scale.training("images", "faces64", method, MINUTES, options=options, label=mask)


def measure(count: int, bundle: Path) -> Values:
    """Compare ten times ``count`` recovered faces with the originals; infer ``count`` anew."""
    run = bundle.parent.parent / "trainings" / bundle.name
    found = recovered_pictures(run, min(FACES, 10 * count))
    original = unit_pictures(split("faces64").train[: len(found.pictures)])
    x, missing, first = found.pictures[:count], found.missing[:count], original[:count]
    done = suggest(load(bundle, "cpu", 1), x, missing, HOW)
    mixed = blended(x, missing, done.drafts.mean(axis=1))
    return {
        "recovered": float(hidden_error(original, found.pictures, found.missing).mean()),
        "inferred": float(hidden_error(first, done.mean, missing).mean()),
        "inferred, blended": float(hidden_error(first, mixed, missing).mean()),
    }


def measure_peer(count: int, name: str) -> Values:
    """Interpolate ten times ``count`` training faces where the trainings' masks hide them."""
    x, values = unit_pictures(split("faces64").train[: min(FACES, 10 * count)]), Values()
    for mask in MASKS:
        missing = holes(mask, len(x), x.shape[2:], seed=0)
        errors = hidden_error(x, PEERS[name](x, missing), missing)
        values |= {f"{mask} all": float(errors.mean()), mask: float(errors[:count].mean())}
    return values


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the errors by mask."""
    lines = [["", *MASKS]]
    lines += [[name, *(f"{error:.4f}" for error in errors)] for name, errors in PAPER.items()]
    lines += [
        [f"{name} interpolation: {which}", *(over_seeds(rows, [name], m + key) for m in MASKS)]
        for which, key in {"all": " all", f"the first {INFERRED}": ""}.items()
        for name in INTERPOLATIONS
    ]
    for figure in FIGURES:
        for method in METHODS:
            cells = [over_seeds(rows, [f"{mask} {method}"], figure) for mask in MASKS]
            lines.append([f"{method}: {figure}", *cells])
    legend = (
        "Absolute difference per hidden pixel, relative to the range; less is better. "
        f"{FACES} training faces, {scale.minutes * MINUTES:g} minutes each."
    )
    return f"{legend}\n\n{markdown(lines)}"
