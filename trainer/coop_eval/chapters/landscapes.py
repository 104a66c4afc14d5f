"""The chapter on the energy's landscape: triangle paper, section 4.3."""

import numpy as np

from coop_runtime import Model

from ..energy.explore import Landscape, Place, explore
from ..energy.purity import Purity, neighbours_agree, purity
from ..report import Cell, Picture, Section, Table
from ..subject import to_model
from .asked import Ask, Labels, Real
from .needs import starts

__all__ = ["landscape"]

#: Heads of the columns of `_figures`.
_HEADS = ("basins", "in them", "purity", "chance", "neighbour", "converged")


def landscape(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Lead test pictures down the energy, and draw what joins below which barriers.

    Raises
    ------
    CoopError
        Fewer than two pictures.
    """
    x = starts(real, ask)
    labels = None if real.labels is None else real.labels[: len(x)]
    pictures = to_model(x, model)
    places: tuple[Place, ...] = (
        ("pictures", "latents") if "posterior" in model.graphs else ("pictures",)
    )
    rows: list[list[Cell]] = []
    drawn: list[Picture] = []
    data: dict[str, object] = {}
    for where in places:
        found = explore(model, pictures, where)
        figures, basins = _figures(found, labels, ask.seed)
        moved = float(np.sqrt(np.square(found.drawn - pictures).mean()))
        rows.append([where, *figures.values(), moved])
        data[where] = {**figures, "moved": moved}
        if basins > 1:
            caption = f"Energy of {where}: basins, and the barriers below which they join."
            names = (
                () if labels is None else [f"class {k}" for k in range(min(10, max(labels) + 1))]
            )
            drawn.append(Picture(f"landscape-{where}", caption, found.graph(labels, names)))
    section = Section(
        "landscape",
        "Landscape of the energy",
        f"{len(x)} unseen pictures are led down the energy by steepest descent, in the space of "
        "pictures and in that of latents, E(g(z)). Minima join where the highest energy on the "
        "line between them is below a threshold: basins. Labels, if given, only judge.",
        [
            Table(
                "Basins of four minima or more and the share of minima in them; the share of their "
                "members with the basin's commonest label, and what chance gives; how often the "
                "minimum behind the lowest barrier has the same label; how many descents came to "
                "a minimum before their steps ended; how far pictures were moved, root mean "
                "square of −1 to 1.",
                ["energy of", *_HEADS, "moved"],
                rows,
            )
        ],
        drawn,
        data,
    )
    return [section]


def _figures(
    found: Landscape, labels: Labels | None, seed: int
) -> tuple[dict[str, float | None], int]:
    """Give figures by name, None where there are no labels or no basins, and the basins."""
    judged = np.zeros(len(found.group), int) if labels is None else labels
    held: Purity = purity(found.group, judged, np.random.default_rng(seed))
    known = labels is not None and held.groups > 0
    neighbour = None if labels is None else neighbours_agree(found.high, labels)
    return {
        "basins": held.groups,
        "kept": held.kept,
        "purity": held.purity if known else None,
        "chance": held.chance if known else None,
        "neighbour": neighbour,
        "converged": float(found.minima.converged.mean()),
    }, held.groups
