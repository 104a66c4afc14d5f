"""The chapter on learned features: a linear SVM with few labels (slides; multi-grid paper)."""

from collections.abc import Callable
from functools import partial

import numpy as np

from coop_runtime import Array, Model

from ..linear_probe import (
    descriptor_features,
    descriptor_of,
    labelled,
    principal_components,
    probe,
)
from ..report import Cell, Section, Table
from ..subject import to_model
from .asked import Ask, Floats, Labels, Real
from .needs import classes

__all__ = ["features"]

#: Labelled pictures to learn from, pictures that are judged, components, and pictures of these.
_COUNTS = (1000, 2000, 4000)
_TESTS = 1000
_COMPONENTS, _FITTED = 100, 10_000

Features = Callable[[Floats], Array]


def features(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Learn classes from few labels by the descriptor's features, the encoder's codes, and pixels.

    Raises
    ------
    CoopError
        Labels, or what the model learned from, are not known; too few of them.
    """
    train, of_train, of_test = classes(real)
    test = real.test[0][:_TESTS]
    counts = _possible(of_train)
    chosen = [labelled(of_train, n, np.random.default_rng(ask.seed)) for n in counts]
    rows: list[list[Cell]] = []
    data: dict[str, dict[str, float]] = {}
    for name, make in _kinds(model, train, ask).items():
        seen = make(test)
        found = [
            probe(make(train[c]), of_train[c], seen, of_test[:_TESTS], seed=ask.seed)
            for c in chosen
        ]
        rows.append([name, seen.shape[1], *(100 * f.error for f in found)])
        data[name] = {str(n): f.error for n, f in zip(counts, found, strict=True)}
    if "energy" in model.graphs and ask.run is None:
        known = " The descriptor's own features need the run: a bundle has its energy alone."
    else:
        known = ""
    section = Section(
        "features",
        "Learned features",
        f"A linear L2-SVM learns the classes from few labelled pictures and is judged by "
        f"{len(test)} unseen ones. Nothing of what it looks at was learned with labels.{known}",
        [
            Table(
                "Errors in percent; lower is better.",
                ["features", "entries", *(f"{n} labels" for n in counts)],
                rows,
            )
        ],
        [],
        data,
    )
    return [section]


def _kinds(model: Model, train: Floats, ask: Ask) -> dict[str, Features]:
    kinds: dict[str, Features] = {"pixels": lambda x: x.reshape(len(x), -1)}
    fitted = train[:: -(-len(train) // _FITTED)]  # evenly spaced: some sets are sorted
    kinds[f"{_COMPONENTS} components"] = principal_components(
        fitted, min(_COMPONENTS, len(fitted) - 1, fitted[0].size)
    )
    if ask.run is not None and "energy" in model.graphs:
        for name, trained in (("descriptor", True), ("the same, random weights", False)):
            kinds[name] = partial(descriptor_features, descriptor_of(ask.run, trained=trained))
    if "encoder" in model.graphs:
        kinds["encoder"] = lambda x: model.encode(to_model(x, model)).mean.reshape(len(x), -1)
    return kinds


def _possible(labels: Labels) -> list[int]:
    """Give the numbers of labels that there are enough of, alike of each class."""
    classes, each = np.unique(labels, return_counts=True)
    most = int(each.min()) * len(classes)
    found = [n - n % len(classes) for n in _COUNTS if n - n % len(classes) <= most]
    return found or [most]
