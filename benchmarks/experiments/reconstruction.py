"""Reconstruction of unseen pictures: divergence triangle, section 4.2 and Table 2.

200 test pictures of CIFAR-10 and of the faces; mean squared error per pixel of pictures within
[−1, 1], which is the paper's range (`coop_eval.filling.reconstruction` says why). By the encoder
alone, as in the paper; by 50 Langevin steps from the encoder's code and 150 without noise; and, as
the linear peer, by as many principal components of the training pictures as the models have
latents. Models learn 6 minutes of one processor.

How near reconstructions come hangs on the generator's σ, which weighs them against the prior of
codes. The preset has 0.3 for `vae` and 0.7 for both triangles, which then draw better; so that
methods can be compared at the same σ, triangle and VAE learn with the other's too.

An iteration of the triangle takes three to four times one of the VAE, which has neither energy nor
drafts; in equal minutes it learns from as many fewer pictures. So both learn 1,000 iterations of 50
pictures too, however long these take.
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
from .spread import over_seeds
from .trainings import Training

TITLE = "Reconstruction of unseen pictures"

METHODS = ("triangle", "mcmc-triangle", "vae")
#: Trainings with another σ, of seed 0: method, σ.
SIGMAS = (("triangle", 0.3), ("vae", 0.7))
#: Methods that are compared after equal iterations, of seed 0, and how many at full scale.
ALIKE, ITERATIONS = ("triangle", "vae"), 1000
LATENTS = {"cifar10": 64, "faces64": 100}
PAPER = {
    "paper: triangle": ("0.028", "0.030"),
    "paper: VAE": ("0.037", "0.039"),
    "paper: ALICE": ("0.034", "0.046"),
    "paper: WS": ("0.058", "0.152"),
    "paper: ALI": ("0.311", "0.519"),
}


def cases(scale: Scale) -> list[Case]:
    """List sets, methods and seeds, and the components of each set."""
    models = [
        Case(
            f"{source} {method} seed {seed}",
            (scale.images(source, method, seed),),
            partial(measure_model, source, scale.examples),
        )
        for source in LATENTS
        for method in METHODS
        for seed in scale.seeds
    ]
    models += [
        Case(
            f"{source} {method} σ {sigma}",
            (scale.images(source, method, options=options, label=f"sigma{sigma}"),),
            partial(measure_model, source, scale.examples),
        )
        for source in LATENTS
        for method, sigma in SIGMAS
        for options in [("--set", f"{method}.sigma={sigma}")]
    ]
    models += [
        Case(
            f"{source} {method} iterations",
            (alike(scale, source, method),),
            partial(measure_model, source, scale.examples),
        )
        for source in LATENTS
        for method in ALIKE
    ]
    peers = [
        Case(f"{source} PCA", (), partial(measure_components, source, scale.examples))
        for source in LATENTS
    ]
    return models + peers


def alike(scale: Scale, source: str, method: str) -> Training:
    """Give the training of a method that ends after so many iterations, not minutes."""
    steps = iterations(scale)
    hours = ("--steps", str(steps), "--minutes", "240")
    return scale.training("images", source, method, 0, options=hours, label=f"{steps}-steps")


def iterations(scale: Scale) -> int:
    """Give how many iterations equal ones are."""
    return round(ITERATIONS * scale.minutes)


def measure_model(source: str, count: int, bundle: Path) -> Values:
    """Reconstruct the first ``count`` test pictures by the encoder, and from it by Langevin."""
    model, x = load(bundle, "cpu", 1), unit_pictures(split(source).test[:count])
    values = _values("encoder", reconstruction_error(x, reconstruct(model, x, "encoder")))
    return values | _values(
        "both", reconstruction_error(x, reconstruct(model, x, "both", steps=50, settle=150))
    )


def measure_components(source: str, count: int) -> Values:
    """Reconstruct the same pictures from principal components."""
    whole = split(source)
    train, x = unit_pictures(whole.train), unit_pictures(whole.test[:count])
    again = principal_components(train, x, LATENTS[source])
    return _values("components", reconstruction_error(x, again))


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the squared errors within [−1, 1]."""
    lines = [["", "CIFAR-10", "faces"]]
    lines += [[name, *numbers] for name, numbers in PAPER.items()]
    runs = {method: [f"{method} seed {seed}" for seed in scale.seeds] for method in METHODS}
    runs |= {f"{method} σ {sigma}": [f"{method} σ {sigma}"] for method, sigma in SIGMAS}
    after = f"after {iterations(scale):,} iterations"
    runs |= {f"{method} {after}": [f"{method} iterations"] for method in ALIKE}
    for method, names in runs.items():
        for how, words in (("encoder", "encoder"), ("both", "encoder, then Langevin")):
            cells = [
                over_seeds(rows, [f"{source} {name}" for name in names], f"{how} square")
                for source in LATENTS
            ]
            lines.append([f"{method}: {words}", *cells])
    linear = [over_seeds(rows, [f"{source} PCA"], "components square") for source in LATENTS]
    lines.append(["PCA with as many components (64, 100)", *linear])
    legend = (
        "Mean squared error per pixel of pictures within [−1, 1]; a quarter of it is the error "
        f"within [0, 1]. {scale.examples} test pictures; ± is over the seeds that were run."
    )
    return f"{legend}\n\n{markdown(lines)}"


def _values(how: str, error: Reconstructed) -> Values:
    return {f"{how} {name}": value for name, value in error._asdict().items()}
