"""Dimension reduction: alternating back-propagation against principal components.

The slides' table: reconstruction error on testing examples with d = 20, 60, 100, 200 latents. Here
100 test faces, and 4,000 to learn from for both; a generator with d latents learns 6 minutes of one
processor by alternating back-propagation, the test faces' latents are inferred by 50 Langevin steps
from N(0, I) and 150 without noise; once with each seed of the scale. The slides do not say how many
examples theirs had.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from coop_eval.filling.reconstruction import Reconstructed, reconstruct, reconstruction_error
from coop_eval.peers.components import principal_components
from coop_eval.subject import unit_pictures
from coop_runtime import load
from tables import markdown

from .rows import Case, Scale, Values
from .sources import split
from .spread import by_seed, over_seeds
from .trainings import Training

TITLE = "Dimension reduction"

LATENTS = (20, 60, 100, 200)
FACES = 100
SLIDES = {
    "slides: ABP": ("0.0810", "0.0617", "0.0549", "0.0523"),
    "slides: PCA": ("0.1038", "0.0820", "0.0722", "0.0621"),
}
FIGURES = {
    "absolute": "Mean absolute error relative to the range, as the slides'",
    "square": "Mean squared error of pictures within [−1, 1]",
}


def cases(scale: Scale) -> list[Case]:
    """List both methods with each number of dimensions, ours with each seed."""
    count = min(FACES, scale.examples)
    found = []
    for d in LATENTS:
        for seed in scale.seeds:
            measure = partial(measure_model, count)
            found.append(Case(f"abp {d} seed {seed}", (training(scale, d, seed),), measure))
        found.append(Case(f"PCA {d}", (), partial(measure_components, count, d)))
    return found


def training(scale: Scale, d: int, seed: int) -> Training:
    """Give the training of a generator with d latents; d = 100 is that of all experiments."""
    if d == 100:
        return scale.images("faces64", "abp", seed)
    latents = ("--set", f"generator.latents=[{d},0,0,0]")
    return scale.images("faces64", "abp", seed, latents, f"d{d}")


def measure_model(count: int, bundle: Path) -> Values:
    """Reconstruct the first ``count`` test faces from inferred latents."""
    x = unit_pictures(split("faces64").test[:count])
    again = reconstruct(load(bundle, "cpu", 1), x, "posterior", steps=50, settle=150)
    return _values(reconstruction_error(x, again))


def measure_components(count: int, d: int) -> Values:
    """Reconstruct the same faces from principal components."""
    faces = split("faces64")
    train, x = unit_pictures(faces.train), unit_pictures(faces.test[:count])
    return _values(reconstruction_error(x, principal_components(train, x, d)))


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out both errors by the number of dimensions."""
    names = by_seed(case.name for case in cases(scale))
    parts = []
    for figure, caption in FIGURES.items():
        lines = [["", *(f"d = {d}" for d in LATENTS)]]
        if figure == "absolute":
            lines += [[name, *numbers] for name, numbers in SLIDES.items()]
        for method in ("abp", "PCA"):
            cells = [over_seeds(rows, names[f"{method} {d}"], figure) for d in LATENTS]
            lines.append([method, *cells])
        parts.append(f"{caption}; {min(FACES, scale.examples)} test faces.\n\n{markdown(lines)}")
    return "\n\n".join(parts)


def _values(error: Reconstructed) -> Values:
    return dict(error._asdict())
