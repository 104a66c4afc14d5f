"""The landscape of an energy, explored from given pictures: minima, barriers, basins, the graph.

Divergence triangle (Han et al. 2018), section 4.3, in the space of pictures; and in that of
latents, E(g(z)), as in the work that it follows (Hill, Nijkamp, Zhu, 2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_runtime import Array, Model

from .graph import disconnectivity_graph
from .landscape import Minima, Tree, barriers, basins, best_threshold, descend, joined
from .manifold import energy_of_latents, latents_of

__all__ = ["Landscape", "Place", "explore"]

Place = Literal["pictures", "latents"]

#: Points of a line at which its highest energy is looked for.
_POINTS = 9
#: Evaluations of a descent, and how far latents may go from 0, in standard deviations.
_STEPS: dict[Place, int] = {"pictures": 400, "latents": 100}
_FARTHEST = 2.5


@dataclass(frozen=True)
class Landscape:
    """What was found.

    Attributes
    ----------
    minima
        Where each descent ended, in the space that was asked for.
    high
        Barriers between minima, (n, n).
    drawn
        The minima as pictures, in the model's values.
    tree, threshold, group
        How minima join; the threshold below which most basins have four members or more; the basin
        of each minimum at it.
    """

    minima: Minima
    high: NDArray[np.float64]
    drawn: Array
    tree: Tree
    threshold: float
    group: NDArray[np.intp]

    def graph(
        self, labels: NDArray[np.integer] | None, names: Sequence[str] = (), title: str = ""
    ) -> bytes:
        """Draw the disconnectivity graph as a PNG; errors as `disconnectivity_graph`."""
        shown = (self.drawn + np.float32(1)) / np.float32(2)
        return disconnectivity_graph(
            self.tree, self.threshold, shown, labels, names=names, title=title
        )


def explore(model: Model, pictures: Array, where: Place) -> Landscape:
    """Lead pictures, or their latents, down the energy, and find what joins where they end.

    Parameters
    ----------
    model
        With an energy; for latents with a generator too.
    pictures
        (n, channels, height, width), n ≥ 2, in the model's values.
    where
        In which space.
    """
    if where == "pictures":
        bounds = model.card.signal.value_range
        found = descend(model.energy_and_gradient, pictures, bounds=bounds, steps=_STEPS[where])
        drawn, high = found.x, barriers(model.energy, found.x, points=_POINTS)
    else:
        start, box = latents_of(model, pictures), (-_FARTHEST, _FARTHEST)
        found = descend(energy_of_latents(model), start, bounds=box, steps=_STEPS[where])
        drawn = model.decode(found.x)
        high = barriers(lambda z: model.energy(model.decode(z)), found.x, points=_POINTS)
    tree = joined(high)
    threshold = best_threshold(tree)
    return Landscape(found, high, drawn, tree, threshold, basins(tree, threshold))
