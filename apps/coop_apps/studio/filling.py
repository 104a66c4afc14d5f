"""Filling the hole of a picture: the mask from what was painted, and suggestions as they come."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coop_runtime import Array, Card, CoopError, Model
from coop_runtime.tasks.around import window
from coop_runtime.tasks.masks import Mask

from ..pictures import Pixels

__all__ = ["Ask", "Filling", "canvas", "fill", "in_levels", "painted", "told"]

#: Pixels that are completed at once, at most.
LARGEST = 768 * 768
_CANVAS = 512, 768  # least and largest side of what is painted on, about
_STATES = 60  # that are looked at while suggestions come to be


@dataclass(frozen=True)
class Ask:
    """What a visitor asks for.

    Attributes
    ----------
    count
        Suggestions, ≥ 1.
    steps
        On the latents, the second half of them without noise, ≥ 0.
    refine
        Steps of the descriptor on the hole, ≥ 0.
    seed
        As in `Model.complete`.

    Examples
    --------
    >>> Ask(4, 101, 0, 7).settings(32)
    {'chains': 4, 'steps': 50, 'settle': 51, 'refine': 0, 'around': 32, 'seed': 7}
    """

    count: int
    steps: int
    refine: int
    seed: int

    def settings(self, around: int | None) -> dict[str, Any]:
        """Give the options of ``coop-run complete``."""
        half = self.steps // 2
        return {
            "chains": self.count,
            "steps": half,
            "settle": self.steps - half,
            "refine": self.refine,
            "around": around,
            "seed": self.seed,
        }


class Filling(NamedTuple):
    """Suggestions while they come to be, best first.

    Attributes
    ----------
    x
        (count, channels, height, width), in the units of the model.
    errors
        How far each model's drawing is from what is known, root mean square, (count,).
    step
        Steps taken so far.
    done
        Share of the steps, from 0 to 1.
    """

    x: Array
    errors: Array
    step: int
    done: float


def canvas(pixels: Pixels) -> Pixels:
    """Give a picture (height, width, 3) the size of one to paint on.

    Examples
    --------
    >>> [canvas(np.zeros((*size, 3), np.uint8)).shape for size in ((28, 28), (90, 1000))]
    [(504, 504, 3), (69, 768, 3)]
    """
    least, largest = _CANVAS
    side = max(pixels.shape[:2])
    if side > largest:
        height, width = (max(1, round(n * largest / side)) for n in pixels.shape[:2])
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
    times = max(1, least // side)
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def painted(layers: Sequence[NDArray[np.uint8]], size: tuple[int, int]) -> Mask:
    """Give the mask of a picture from what was painted on it.

    Parameters
    ----------
    layers
        (height, width, 4), of any size; painted where alpha is above 0.
    size
        Height and width of the picture.

    Returns
    -------
    (height, width): True where a quarter of a pixel or more is painted.

    Examples
    --------
    >>> layer = np.zeros((4, 4, 4), np.uint8)
    >>> layer[:2, :2, 3] = 9
    >>> painted([layer], (2, 2)).tolist()
    [[True, False], [False, False]]
    """
    mask = np.zeros(size, bool)
    for layer in layers:
        drawn = Image.fromarray(np.where(layer[..., 3] > 0, 255, 0).astype(np.uint8))
        mask |= np.asarray(drawn.resize(size[::-1], Image.Resampling.BOX)) >= 64
    return mask


def told(card: Card, missing: Mask) -> tuple[int | None, str]:
    """Give how far around the hole the model looks, None for everywhere, and say it.

    Parameters
    ----------
    missing
        (1, 1, height, width).

    Raises
    ------
    CoopError
        Nothing or everything is missing, or the hole is too large.
    """
    size, trained = missing.shape[2:], card.signal.trained_shape
    if not missing.any() or missing.all():
        what = "everything" if missing.all() else "nothing"
        raise CoopError(f"{what} is missing: paint over the part that is to be filled")
    if not any(card.signal.extendable):
        if size == trained:
            return None, ""
        here, there = (f"{width} × {height}" for height, width in (trained, size))
        return None, f"The model fills {here}; the filling is scaled to the picture's {there}. "
    around = max(trained) // 2
    looked = [cut.stop - cut.start for cut in window(missing, card, around)]
    if math.prod(looked) > LARGEST:
        raise CoopError(
            f"the hole and what is around it are {looked[1]} × {looked[0]} pixels; at most about "
            f"{math.isqrt(LARGEST)} × {math.isqrt(LARGEST)} are filled at once: paint a smaller "
            "hole, or make the picture smaller first"
        )
    if tuple(looked) == size:
        return None, ""
    return around, f"The model looked at {looked[1]} × {looked[0]} pixels around the hole. "


def fill(model: Model, x: Array, missing: Mask, settings: Mapping[str, Any]) -> Iterator[Filling]:
    """Suggest what is missing, state by state.

    Parameters
    ----------
    x
        (1, channels, height, width).
    missing
        (1, 1, height, width), True where something is missing.
    settings
        As `Ask.settings` gives them.
    """
    options = dict(settings)
    refine = options.pop("refine")
    steps = options["steps"] + options["settle"] + refine
    every = max(1, steps // _STATES)
    for state in model.completing(x, missing, refine_steps=refine, every=every, **options):
        done = (1 + state.step) / (1 + steps)
        yield Filling(state.suggestions[0], state.error[0], state.step, done)


def in_levels(error: float, card: Card) -> float:
    """Give a difference in the units of the model as one of pixel values, of 255.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> signal = SimpleNamespace(value_range=(-1.0, 1.0), source_range=(0.0, 255.0), colours=())
    >>> in_levels(0.5, SimpleNamespace(signal=signal))
    63.75
    """
    (low, high), (bottom, top) = card.signal.value_range, card.signal.source_range
    if card.signal.colours:  # errors of principal colours add up in the channels, squared
        error *= math.hypot(*(b for row in card.signal.colours for b in row[:-1]))
        error /= math.sqrt(card.signal.channels)
    return error * (top - bottom) / (high - low)
