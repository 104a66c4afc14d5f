"""Pictures to begin with, of every bundle: what it learned, or what it draws itself."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import coop_runtime
from coop_runtime import Card, CoopError, Model

from ..inputs import open_picture
from ..pictures import Pixels
from .library import Library

__all__ = ["Ready", "learned"]

_MOST = 6
_SHEET = "samples/sheet.png"  # the exporter's: what was learned is its first row
_GAP = 4
_SEED = 11
_SIDE = 128
_STEPS = 10


@dataclass
class Ready:
    """Pictures to begin with, drawn when they are first asked for and kept."""

    library: Library
    _kept: dict[str, tuple[Card, list[Pixels]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pictures(self, name: str) -> list[Pixels]:
        """Give up to six pictures of a bundle, each (height, width, 1 or 3).

        Raises
        ------
        CoopError
            There is no such bundle, or it cannot be loaded.
        """
        card = self.library.card(name)
        with self._lock:
            known = self._kept.get(name)
            if known is None or known[0] != card:
                found = learned(self.library.path(name), card)
                known = card, found or drawn(self.library.model(name))
                self._kept[name] = known
        return known[1]


def learned(bundle: Path, card: Card) -> list[Pixels]:
    """Cut what the bundle learned out of its sheet of samples, (height, width, 1 or 3) each.

    Of pictures, a row of them of their size; of textures, crops of twice the size of training.
    Nothing where there is no such sheet.
    """
    path = bundle / _SHEET
    if _SHEET not in card.files or not path.is_file():
        return []
    try:
        picture = open_picture(path.read_bytes(), _SHEET)
    except CoopError:
        return []
    levels = np.asarray(picture.convert("L" if card.signal.channels == 1 else "RGB"))
    x = np.moveaxis(np.atleast_3d(levels), 2, 0)[None] * np.float32(2 / 255) - 1
    sheet = coop_runtime.to_uint8(x, card.signal)[0]  # its white is the brightest of the source
    times = 2 if card.signal.kind == "texture" else 1
    height, width = (times * n for n in card.signal.trained_shape)
    if any(
        (n + _GAP) % (side + _GAP) for n, side in zip(sheet.shape, (height, width), strict=False)
    ):
        return []
    lefts = range(0, sheet.shape[1], width + _GAP)
    return [sheet[:height, left : left + width] for left in lefts][:_MOST]


def drawn(model: Model) -> list[Pixels]:
    """Draw pictures; of textures, small ones."""
    free = any(model.card.signal.extendable)
    count, size = (3, (_SIDE, _SIDE)) if free else (_MOST, None)
    x = model.generate(count, _SEED, size)
    if "energy" in model.graphs:
        x = model.refined(x, _STEPS, _SEED).x
    return list(coop_runtime.to_uint8(x, model.card.signal))
