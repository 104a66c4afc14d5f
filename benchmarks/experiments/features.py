"""What was learned without labels, judged by an L2-SVM with 1,000, 2,000 and 4,000 labels.

The slides' table is of SVHN, which is not here; ours are Fashion-MNIST and CIFAR-10. Features are
the activations of all layers of the descriptor on a 4×4 grid, and the encoder's codes, of the
trainings on image sets that all experiments share; against pixels, 100 principal components, and
the same layers with random weights. C is chosen by cross-validation on the labelled pictures alone;
errors are counted on 1,000 test pictures. A seed is a training, a draw of labelled pictures and a
draw of random weights.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

import coop_runtime
from coop_eval.linear_probe import (
    descriptor_features,
    descriptor_of,
    labelled,
    principal_components,
    probe,
)
from coop_runtime import Array
from tables import markdown

from .rows import Case, Scale, Values
from .sources import Pixels, Split, split
from .spread import over_seeds

__all__ = ["TITLE", "cases", "table"]

TITLE = "Features: errors of a linear SVM with few labels (slides; multi-grid paper)"

_SETS = ("fashion", "cifar10")
_COMPONENTS = 100
_TEST = 1000
_COUNTS = (1000, 2000, 4000)
#: The slides' errors on SVHN, in percent.
_PAPER = {
    "Persistent CD": (45.74, 39.47, 34.18),
    "One-step CD": (44.38, 35.87, 30.45),
    "Wasserstein GAN": (43.15, 38.00, 32.56),
    "Deep directed generative models": (44.99, 34.26, 27.44),
    "DCGAN": (38.59, 32.51, 29.37),
    "Single-grid CD": (36.69, 30.87, 25.60),
    "Multi-grid CD": (30.23, 26.54, 22.83),
}

Features = Callable[[Array], Array]


def cases(scale: Scale) -> list[Case]:
    """List the rows: of each set the plain features, descriptors and encoders."""
    found = []
    for source in _SETS:
        for name, method, features in _FEATURES:
            for seed in scale.seeds:
                training = (scale.images(source, method, seed),) if method else ()
                measure = partial(_measure, source, _counts(scale), seed, features)
                found.append(Case(f"{source} {name} seed {seed}", training, measure))
    return found


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the errors in percent, a table for each set, and the slides'."""
    counts = _counts(scale)
    head = [f"{count} labels" for count in counts]
    tables = []
    for source in _SETS:
        lines = [[source, *head]]
        for name, _, _ in _FEATURES:
            runs = [f"{source} {name} seed {seed}" for seed in scale.seeds]
            lines.append([name, *(over_seeds(rows, runs, f"error {n}", 1, 100) for n in counts)])
        tables.append(markdown(lines))
    lines = [["paper: SVHN", *(f"{count} labels" for count in _COUNTS)]]
    lines += [
        [f"paper: {name}", *(f"{error:.2f}" for error in errors)] for name, errors in _PAPER.items()
    ]
    return "\n\n".join([*tables, markdown(lines)])


def _counts(scale: Scale) -> tuple[int, ...]:
    return _COUNTS if scale.name == "full" else (200,)


def _measure(
    source: str,
    counts: tuple[int, ...],
    seed: int,
    make: Callable[[Split, tuple[Path, ...], int], Features],
    *bundles: Path,
) -> Values:
    data = split(source)
    features = make(data, bundles, seed)
    test, rng = features(_pictures(data.test[:_TEST])), np.random.default_rng(seed)
    values: Values = {"entries": test.shape[1]}
    for count in counts:
        chosen = labelled(data.train_labels, count, rng)
        train = features(_pictures(data.train[chosen]))
        found = probe(train, data.train_labels[chosen], test, data.test_labels[:_TEST])
        values |= {f"error {count}": found.error, f"C {count}": found.penalty}
    return values


def _pictures(pixels: Pixels) -> Array:
    levels: Array = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
    return levels / np.float32(255)


def _pixels(_: Split, __: tuple[Path, ...], ___: int) -> Features:
    return lambda x: x.reshape(len(x), -1)


def _components(data: Split, _: tuple[Path, ...], __: int) -> Features:
    return principal_components(_pictures(data.train[:10000]), _COMPONENTS)


def _descriptor(_: Split, bundles: tuple[Path, ...], __: int) -> Features:
    return partial(descriptor_features, descriptor_of(_run(bundles[0])))


def _random(_: Split, bundles: tuple[Path, ...], seed: int) -> Features:
    return partial(descriptor_features, descriptor_of(_run(bundles[0]), trained=False, seed=seed))


def _encoder(_: Split, bundles: tuple[Path, ...], __: int) -> Features:
    model = coop_runtime.load(bundles[0], device="cpu", threads=1)
    low, high = model.card.signal.value_range

    def codes(x: Array) -> Array:
        return model.encode(low + (high - low) * x).mean.reshape(len(x), -1)

    return codes


def _run(bundle: Path) -> Path:
    """Give the run that a bundle of `Workplace` was exported from."""
    return bundle.parents[1] / "trainings" / bundle.name


#: What is judged: name, method of the training that it takes, and how it is made.
_FEATURES = (
    ("pixels", "", _pixels),
    (f"{_COMPONENTS} components", "", _components),
    *(
        (f"descriptor of {m}", m, _descriptor)
        for m in ("coopnets", "triangle", "mcmc-triangle", "descriptor")
    ),
    ("random descriptor as of coopnets", "coopnets", _random),
    *((f"encoder of {m}", m, _encoder) for m in ("triangle", "mcmc-triangle", "vae")),
)
