"""Pictures of all methods, as drafts and after 10, 30, 50 and 100 Langevin steps of the descriptor.

Three claims of the papers, from one measuring of each bundle:

- cooperative learning beats separate learning (CoopNets 2018, Table 1): `coopnets` against
  `abp` (Algorithm G) and `descriptor` (Algorithm D);
- the triangle beats CoopNets and the VAE (triangle paper, Table 1);
- refined samples beat drafts (slides, table of FIDs).

Data: Fashion-MNIST, CIFAR-10 (10,000 pictures), 4,000 faces, 1,000 scenes; judged by test pictures
(1,000; of the scenes 200). 1,000 samples of each bundle, a third of them of 64×64; in quick runs a
tenth, and 500 pictures to learn features from and to judge by. The papers' scores use Inception,
ours the features of a classifier trained on the set (`coop_eval.pictures.features`): only orders
can be compared. Every method learns in the same minutes of one processor (see `trainings`).

Refinement is measured twice, with the noise of Langevin dynamics and *quiet*, without it: noise of
10 steps of 0.01 stays visible in the last state unless the descriptor has learned to take it away.
The triangle never has noise. Methods are compared after the number of steps that is best for the
other seeds (`chosen`), quiet ones and none among them: none suffers from the steps of its preset,
and no figure chooses its own steps. A descriptor alone starts from noise, which takes longer: it is
given 300 and 500 steps too. Measuring takes some 3 minutes of one processor for a bundle of 64×64,
of others some 2; for a descriptor alone 8, of CIFAR-10 14.

Real pictures as they are (the null), blurred by [1 2 1] and with noise of 5 % of the range are the
yardsticks.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import correlate1d

from coop_eval.pictures.features import Classifier, classifier
from coop_eval.pictures.quality import Quality, Report, quality, report, states
from coop_eval.refinement import STEPS
from coop_eval.subject import unit_pictures
from coop_runtime import Array, load

from .generation_tables import LONGER, OTHER, SETS, row_name, table, yardstick_name
from .rows import Case, Scale, Values
from .sources import Split, split
from .steps import has_noise
from .trainings import METHODS

__all__ = ["TITLE", "cases", "table"]

TITLE = "Generation: drafts, refined samples, and what methods are worth"

TESTS = 1000
#: Standard deviation of the noise of a yardstick, relative to the range.
NOISE = 0.05


def cases(scale: Scale) -> list[Case]:
    """List a row for every set, method and seed, and one of each set for its yardsticks."""
    models = [
        Case(
            row_name(source, method, seed),
            (scale.images(source, method, seed),),
            partial(measure, source, scale, has_noise(method)),
        )
        for method in METHODS
        for source in SETS  # inside: their classifiers are trained side by side
        for seed in scale.seeds
    ]
    yardsticks = [  # beside a bundle lies the classifier of its set
        Case(
            yardstick_name(source),
            (scale.images(source, "vae", 0),),
            partial(measure_yardsticks, source, scale),
        )
        for source in SETS
    ]
    return models + yardsticks


def measure(source: str, scale: Scale, noisy: bool, bundle: Path) -> Values:
    """Judge a bundle of a method whose chains are ``noisy`` as they learn, or are not."""
    model = load(bundle, "cpu", 1)
    train, test, features, n = _judges(source, scale, bundle)
    steps = (*STEPS, *LONGER) if model.card.latent is None else STEPS
    judged = report(
        model,
        features,
        train,
        test,
        n=n,
        steps=steps,
        others={"other": like(unit_pictures(split(OTHER[source]).test[:500]), test.shape[1:])},
    )
    chain = model.card.langevin
    if chain is None:
        return _values(judged, {"0": judged.quality[0]}, "0")
    found = {chain.noise: judged.quality}
    for noise in {noisy, False} - {chain.noise}:  # one other kind of steps, or none
        drawn, reference = states(model, n, steps[1:], noise=noise), features.features(test)
        found[noise] = {
            k: quality(x, test, features, reference=reference) for k, x in drawn.items()
        }
    qualities = {"0": judged.quality[0]}
    for kind, noise in {"": noisy, " quiet": False}.items():
        qualities |= {f"{k}{kind}": x for k, x in found[noise].items() if k}
    own = f"{judged.own_steps}{' quiet' if noisy and not chain.noise else ''}"
    return _values(judged, qualities, own)


def measure_yardsticks(source: str, scale: Scale, bundle: Path) -> Values:
    """Judge real pictures that were blurred or got noise, to tell what a distance is worth.

    Of the bundle only the place is used, for the classifier that is kept beside it.
    """
    train, test, features, n = _judges(source, scale, bundle)
    rng = np.random.default_rng(0)
    some = train[rng.choice(len(train), min(n, len(train)), replace=False)]
    reference = features.features(test)
    values: Values = {"features": features.sha256[:12]}
    for name, x in {"blurred": blurred(some), "noisy": noisy(some, rng)}.items():
        values |= _figures(name, quality(x, test, features, reference=reference))
    return values


def blurred(x: Array) -> Array:
    """Blur pictures by [1 2 1] / 4 along both sides."""
    for axis in (2, 3):
        x = correlate1d(x, [0.25, 0.5, 0.25], axis, mode="nearest")
    return x


def noisy(x: Array, rng: np.random.Generator) -> Array:
    """Give pictures within [0, 1] normal noise of `NOISE`, cut to the range."""
    return np.clip(x + NOISE * rng.standard_normal(x.shape), 0, 1).astype(x.dtype)


def _judges(source: str, scale: Scale, bundle: Path) -> tuple[Array, Array, Classifier, int]:
    """Give pictures of training and of test, the set's classifier, and how many are judged.

    ``scale.real`` limits all pictures, also those that the classifier learns; it is kept beside the
    folder of bundles.
    """
    found = split(source).thinned(scale.real)
    train, test = unit_pictures(found.train), unit_pictures(found.test)[:TESTS]
    features = set_features(bundle.parent.parent / "features" / f"{source}.npz", found)
    return train, test, features, scale.samples if test.shape[2] < 64 else scale.samples // 3


def set_features(file: Path, found: Split) -> Classifier:
    """Give the classifier of a set, from a file if it was trained before."""
    labels = (found.train_labels, found.test_labels) if len(found.train_labels) else (None, None)
    return classifier(file, unit_pictures(found.train), unit_pictures(found.test), *labels)


def like(pictures: Array, shape: tuple[int, ...]) -> Array:
    """Give pictures the channels and the size of others, by the nearest pixels."""
    channels, height, width = shape
    rows, columns = (
        np.arange(size) * old // size
        for size, old in zip((height, width), pictures.shape[2:], strict=True)
    )
    resized = pictures[:, :, rows][:, :, :, columns]
    if channels == resized.shape[1]:
        return resized
    return np.repeat(resized.mean(axis=1, keepdims=True), channels, axis=1)


def _values(judged: Report, qualities: Mapping[str, Quality], own: str) -> Values:
    values: Values = {
        "features": judged.features.sha256[:12],
        "damage accuracy": judged.features.damage_accuracy,
        "own steps": own,
        "test similarity": judged.test_similarity,
        "copies": judged.memorised_pixels.share,
        "pixel ratio": judged.memorised_pixels.ratio,
        "feature copies": judged.memorised_features.share,
    }
    if judged.features.accuracy is not None:
        values["accuracy"] = judged.features.accuracy
    for name, found in {**qualities, "null": judged.real}.items():
        values |= _figures(name, found)
    if judged.energies is not None:
        values |= {f"auroc {kind}": value for kind, value in judged.energies.auroc.items()}
    return values


def _figures(name: str, found: Quality) -> Values:
    figures = {
        "kernel": 1e3 * found.kernel.mean,
        "kernel deviation": 1e3 * found.kernel.deviation,
        "frechet": found.frechet,
        "sliced": float(np.mean([*found.sliced.values()])),
        "similarity": found.similarity,
        **found.coverage._asdict(),
    }
    return {f"{name} {figure}": value for figure, value in figures.items()}
