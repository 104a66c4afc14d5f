"""The chapters of a report: each takes a model, real data and what is asked, and gives sections."""

from collections.abc import Callable, Mapping, Sequence

from coop_runtime import CoopError, Model

from ..report import Section
from .asked import Ask, Real
from .clip import clip
from .completing import completion, reconstruction
from .generating import generation
from .landscapes import landscape
from .needs import check_needs
from .probing import features
from .reading import read_real
from .recovering import recovery
from .sound import sound
from .texture import texture

__all__ = ["Ask", "Chapter", "Real", "chapters", "check_needs", "read_real"]

Chapter = Callable[[Model, Real, Ask], list[Section]]

_OF: Mapping[str, dict[str, Chapter]] = {
    "images": {
        "generation": generation,
        "completion": completion,
        "reconstruction": reconstruction,
        "recovery": recovery,
        "landscape": landscape,
        "features": features,
    },
    "texture": {"texture": texture},
    "sound": {"sound": sound},
    "clips": {"clip": clip},
}


#: Graphs that chapters need.
_NEEDS = {
    "completion": "posterior",
    "reconstruction": "posterior",
    "recovery": "posterior",
    "landscape": "energy",
}


def chapters(
    model: Model, only: Sequence[str] = (), without: Sequence[str] = ()
) -> dict[str, Chapter]:
    """Give the chapters on a model by name: those of its kind that its graphs allow.

    Parameters
    ----------
    only
        Names of chapters; none for all.
    without
        Those that are left out unless they are named.

    Raises
    ------
    CoopError
        There is no such chapter on such a model.
    """
    found = {
        name: write
        for name, write in _OF[model.card.signal.kind].items()
        if _NEEDS.get(name) in (None, *model.graphs)
    }
    if unknown := [name for name in only if name not in found]:
        raise CoopError(f"no chapter '{unknown[0]}' on this model; expected {', '.join(found)}")
    return {
        name: write
        for name, write in found.items()
        if name in only or not (only or name in without)
    }
