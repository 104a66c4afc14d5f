"""The disconnectivity graph, drawn: basins, what lies in them, and where they join."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cophenet, dendrogram, linkage
from scipy.spatial.distance import squareform

from coop_runtime import Array, CoopError

from .landscape import Tree, basins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["disconnectivity_graph"]

#: Most members of a basin that are shown, as in the paper's figures.
_SHOWN = 12
_CELL = 0.45  # inches
_FRAME = 2  # pixels
#: Basins that there is room for at least.
_LEAST = 14

Matrix = NDArray[np.float64]
Numbers = NDArray[np.intp]


def disconnectivity_graph(
    tree: Tree,
    threshold: float,
    pictures: Array,
    labels: NDArray[np.integer] | None = None,
    *,
    names: Sequence[str] = (),
    smallest: int = 4,
    title: str = "",
) -> bytes:
    """Draw the basins at a threshold as figures 14 and 15 of the triangle paper do; give a PNG.

    A vertical line goes from a basin's lowest minimum up to where it joins others, a horizontal one
    is the lowest known barrier between what it joins. Circles hold the number of members. Below are
    up to 12 members of each basin, the lowest energy first, framed in the colours of their labels.

    Parameters
    ----------
    tree, threshold
        See `landscape.joined` and `landscape.best_threshold`.
    pictures
        Of each minimum, in the tree's order: (n, channels, height, width) within [0, 1].
    labels
        Of each minimum, (n,), ≥ 0; colours come again after ten. None: there are none.
    names
        Of the labels, for the legend.
    smallest
        Basins with fewer members are left out.
    title
        Above.

    Raises
    ------
    CoopError
        Fewer than two basins are that large.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    number = basins(tree, threshold)
    groups = [np.flatnonzero(number == k) for k in range(number.max() + 1)]
    members = [m[np.argsort(tree.energy[m])] for m in groups if len(m) >= smallest]
    if len(members) < 2:
        raise CoopError(f"graph: fewer than two basins have {smallest} members; lower `threshold`")
    shown = min(_SHOWN, max(map(len, members)))
    columns = max(len(members), _LEAST)
    size = (_CELL * columns + 1.0, 4.0 + _CELL * shown)
    figure = Figure(size, dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.5, _CELL * shown])
    members = _draw_tree(above, tree, members)
    above.set(title=title, ylabel="energy above the lowest minimum", xlim=(0, 10 * columns))
    colours = _colours(len(tree.energy), labels)
    below.imshow(
        np.concatenate([_column(m, pictures, colours, shown) for m in members], 1),
        extent=(0, 10 * len(members), 0, 10 * shown),
        aspect="auto",
    )
    below.set(xlim=(0, 10 * columns))
    below.axis("off")
    if names:
        patches = [Patch(color=_palette()[k], label=name) for k, name in enumerate(names)]
        figure.legend(handles=patches, ncols=5, fontsize="small", loc="outside lower center")
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _draw_tree(axes: "Axes", tree: Tree, members: list[Numbers]) -> list[Numbers]:
    """Draw the part of the tree that joins these basins; give them in order, left to right."""
    lowest = np.array([m[0] for m in members])
    between = squareform(cophenet(tree.merges))[np.ix_(lowest, lowest)]
    merges = linkage(squareform(between, checks=False), "single")
    drawn = dendrogram(merges, no_plot=True, distance_sort="ascending")
    ordered = [members[k] for k in drawn["leaves"]]
    floors = [tree.energy[m[0]] for m in ordered]
    for xs, ys in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        # scipy lets leaves begin at 0, at 5, 15, 25, …
        ends = [floors[int(x // 10)] if y == 0 else y for x, y in zip(xs, ys, strict=True)]
        axes.plot(xs, ends, color="black", linewidth=1)
    for k, (m, floor) in enumerate(zip(ordered, floors, strict=True)):
        label = {"boxstyle": "circle", "facecolor": "white"}
        place = (10 * k + 5, floor)
        axes.annotate(str(len(m)), place, ha="center", va="center", fontsize=8, bbox=label)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)
    return ordered


def _column(members: Numbers, pictures: Array, colours: Matrix, shown: int) -> Array:
    """Lay out members of a basin, one below the other, framed: (height, width, 3)."""
    height, width = pictures.shape[2:]
    cells = np.ones((shown, height + 4 * _FRAME, width + 4 * _FRAME, 3), np.float32)
    for cell, k in zip(cells, members, strict=False):
        cell[_FRAME:-_FRAME, _FRAME:-_FRAME] = colours[k]
        inside = slice(2 * _FRAME, -2 * _FRAME)
        cell[inside, inside] = pictures[k].transpose(1, 2, 0).clip(0, 1)
    column: Array = cells.reshape(-1, cells.shape[2], 3)
    return column


def _colours(n: int, labels: NDArray[np.integer] | None) -> Matrix:
    """Give the colour of the frame of each minimum, (n, 3)."""
    return np.full((n, 3), 0.6) if labels is None else _palette()[labels % 10]


def _palette() -> Matrix:
    from matplotlib import colormaps

    return np.array([colormaps["tab10"](k)[:3] for k in range(10)])
