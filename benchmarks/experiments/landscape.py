"""Energy landscapes of MNIST and Fashion-MNIST: section 4.3 of the triangle paper.

Test pictures are led down the exported energy by steepest descent, to 200 minima (50 if quick);
barriers are the highest energy at 9 places along lines; basins are what joins below the threshold
at which most basins have four members or more. Twice: in the space of pictures, as in the paper,
and in that of latents, E(g(z)), as in the work that it follows (Hill, Nijkamp, Zhu, 2018), from
each picture's inferred z. Labels only judge: purity of basins, against chance at the same basins
and against k-means of the pictures into as many clusters; and how often the minimum behind the
lowest barrier has the same label, against the nearest picture by pixels. The graphs are written
beside the bundles, as ``BUNDLE.landscape-WHERE.png``. The paper gives pictures, no numbers.
"""

from collections.abc import Mapping
from functools import partial
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import coop_runtime
from coop_eval.energy.explore import Place, explore
from coop_eval.energy.purity import neighbours_agree, purity
from coop_runtime import Array
from tables import markdown

from .rows import Case, Scale, Values
from .sources import split
from .spread import by_seed, over_seeds

__all__ = ["TITLE", "cases", "table"]

TITLE = "Energy landscape: basins and what they hold (triangle, section 4.3)"

_SETS = ("mnist", "fashion")
_METHODS = ("triangle", "coopnets")
_PLACES: tuple[Place, ...] = ("pictures", "latents")
_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion": (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "boot"),
    ),
}
_COLUMNS = {
    "basins": "basins of 4 or more",
    "kept": "minima in them",
    "purity": "purity",
    "chance": "chance",
    "k-means": "k-means of pictures",
    "barrier neighbour": "same label behind the lowest barrier",
    "pixel neighbour": "same label of the nearest picture",
    "moved": "moved by (rms of [-1, 1])",
    "converged": "descents that came to a minimum",
}


def cases(scale: Scale) -> list[Case]:
    """List a row for each set, method, space and seed."""
    count = 200 if scale.name == "full" else 50
    return [
        Case(
            f"{source} {method} {where} seed {seed}",
            (scale.images(source, method, seed),),
            partial(_measure, source, where, count),
        )
        for source in _SETS
        for method in _METHODS
        for where in _PLACES
        for seed in scale.seeds
    ]


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the rows."""
    lines = [["set", "method", "energy of", *_COLUMNS.values()]]
    for case, names in by_seed(case.name for case in cases(scale)).items():
        cells = [over_seeds(rows, names, key, 1 if key == "basins" else 2) for key in _COLUMNS]
        lines.append([*case.split(), *cells])
    return markdown(lines)


def _measure(source: str, where: Place, count: int, bundle: Path) -> Values:
    data = split(source)
    labels = data.test_labels[:count].astype(int)
    with coop_runtime.load(bundle, device="cpu", threads=1) as model:
        pictures = coop_runtime.from_uint8(data.test[:count], model.card.signal)
        found = explore(model, pictures, where)
    held = purity(found.group, labels, np.random.default_rng(0))
    if held.groups > 1:
        png = found.graph(labels, _NAMES[source], f"{source}, {bundle.name}: energy of {where}")
        graph = bundle.with_name(f"{bundle.name}.landscape-{where}.png")
        coop_runtime.write_atomically(graph, png)
    return {
        "basins": held.groups,
        "kept": held.kept,
        "purity": held.purity if held.groups else nan,
        "chance": held.chance if held.groups else nan,
        "k-means": _clusters(pictures, labels, max(held.groups, 1)),
        "barrier neighbour": neighbours_agree(found.high, labels),
        "pixel neighbour": neighbours_agree(_distances(pictures), labels),
        "moved": float(np.sqrt(np.square(found.drawn - pictures).mean())),
        "converged": float(found.minima.converged.mean()),
    }


def _clusters(pictures: Array, labels: NDArray[np.intp], number: int) -> float:
    """Give the purity of k-means clusters of pictures, however small."""
    from sklearn.cluster import KMeans

    flat = pictures.reshape(len(pictures), -1)
    group = KMeans(number, n_init=10, random_state=0).fit_predict(flat).astype(int)
    return purity(group, labels, np.random.default_rng(0), smallest=1).purity


def _distances(pictures: Array) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    flat = pictures.reshape(len(pictures), -1)
    found: NDArray[np.float64] = cdist(flat, flat)
    return found
