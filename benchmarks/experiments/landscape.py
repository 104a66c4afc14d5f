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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import coop_runtime
from coop_eval.energy.graph import disconnectivity_graph
from coop_eval.energy.landscape import Minima, barriers, basins, best_threshold, descend, joined
from coop_eval.energy.manifold import energy_of_latents, latents_of
from coop_eval.energy.purity import neighbours_agree, purity
from coop_runtime import Array, Model
from tables import markdown

from .rows import Case, Scale, Values
from .sources import split

__all__ = ["TITLE", "cases", "table"]

TITLE = "Energy landscape: basins and what they hold (triangle, section 4.3)"

_SETS = ("mnist", "fashion")
_METHODS = ("triangle", "coopnets")
_PLACES = ("pictures", "latents")
_POINTS = 9
#: Evaluations of a descent, and how far latents may go from 0, in standard deviations.
_STEPS = {"pictures": 400, "latents": 100}
_FARTHEST = 2.5
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
}


def cases(scale: Scale) -> list[Case]:
    """List a row for each set, method and space."""
    count = 200 if scale.name == "full" else 50
    return [
        Case(
            f"{source} {method} {where}",
            (scale.images(source, method, 0),),
            partial(_measure, source, where, count),
        )
        for source in _SETS
        for method in _METHODS
        for where in _PLACES
    ]


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the rows."""
    lines = [["set", "method", "energy of", *_COLUMNS.values()]]
    for case in cases(scale):
        values = rows.get(case.name)
        cells = ["not run"] * len(_COLUMNS)
        if values is not None:
            cells = [_cell(key, values[key]) for key in _COLUMNS]
        lines.append([*case.name.split(), *cells])
    return markdown(lines)


def _cell(key: str, value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if key == "basins" else f"{value:.2f}"


def _measure(source: str, where: str, count: int, bundle: Path) -> Values:
    data = split(source)
    labels = data.test_labels[:count].astype(int)
    with coop_runtime.load(bundle, device="cpu", threads=1) as model:
        pictures = coop_runtime.from_uint8(data.test[:count], model.card.signal)
        found, high, drawn = _explore(model, pictures, where)
    tree = joined(high)
    threshold = best_threshold(tree)
    group = basins(tree, threshold)
    rng = np.random.default_rng(0)
    held = purity(group, labels, rng)
    if held.groups > 1:
        title = f"{source}, {bundle.name}: energy of {where}"
        shown = (drawn + np.float32(1)) / np.float32(2)
        png = disconnectivity_graph(
            tree, threshold, shown, labels, names=_NAMES[source], title=title
        )
        graph = bundle.with_name(f"{bundle.name}.landscape-{where}.png")
        coop_runtime.write_atomically(graph, png)
    return {
        "basins": held.groups,
        "kept": held.kept,
        "purity": held.purity if held.groups else "none",
        "chance": held.chance if held.groups else "none",
        "k-means": _clusters(pictures, labels, max(held.groups, 1)),
        "barrier neighbour": neighbours_agree(high, labels),
        "pixel neighbour": neighbours_agree(_distances(pictures), labels),
        "moved": float(np.sqrt(np.square(drawn - pictures).mean())),
        "converged": float(found.converged.mean()),
    }


def _explore(
    model: Model, pictures: Array, where: str
) -> tuple[Minima, NDArray[np.float64], Array]:
    """Give minima, the barriers between them, and the minima as pictures."""
    steps = _STEPS[where]
    if where == "pictures":
        bounds = model.card.signal.value_range
        found = descend(model.energy_and_gradient, pictures, bounds=bounds, steps=steps)
        return found, barriers(model.energy, found.x, points=_POINTS), found.x

    def energy(z: Array) -> Array:
        return model.energy(model.decode(z))

    start, box = latents_of(model, pictures), (-_FARTHEST, _FARTHEST)
    found = descend(energy_of_latents(model), start, bounds=box, steps=steps)
    return found, barriers(energy, found.x, points=_POINTS), model.decode(found.x)


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
