"""What the tabs share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from ..inputs import fingerprint
from .learning.process import Trainings
from .library import Library
from .limits import Limits
from .results import Recipe, Results
from .worker import Worker

__all__ = ["COMPUTE", "Compute", "Studio"]


class Compute(TypedDict):
    """Options of every event that computes."""

    concurrency_id: str
    concurrency_limit: int
    show_progress: Any
    trigger_mode: Any


#: All that computes waits in one queue, for one worker. Gradio may not tell a page that its job was
#: stopped; with "once" the page would then take no further click.
COMPUTE = Compute(
    concurrency_id="compute",
    concurrency_limit=1,
    show_progress="hidden",
    trigger_mode="multiple",
)


@dataclass(frozen=True)
class Studio:
    """Bundles, worker, limits and results of one server.

    Attributes
    ----------
    library, worker, limits, results
        See there.
    learning
        Whether visitors may train models.
    trainings
        Those of this server; None where visitors may not.
    """

    library: Library
    worker: Worker
    limits: Limits
    results: Results
    learning: bool
    trainings: Trainings | None = None

    def recipe(
        self, command: str, name: str, options: Mapping[str, Any], *arguments: str
    ) -> Recipe:
        """Say how a result of bundle ``name`` is made again."""
        sha256 = fingerprint(self.library.path(name) / "card.json")
        return Recipe(command, name, sha256, arguments, options)

    def usual_steps(self, name: str | None) -> int:
        """Give the steps that a slider from 1 on starts with, of a bundle or of none."""
        langevin = self.library.card(name).langevin if name else None
        return max(1, langevin.steps) if langevin else 1
