"""Signals as the page's components want them."""

import math
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import coop_runtime
from coop_runtime import Array, Card

from ..pictures import Pixels
from ..sounds import levels_of

__all__ = ["Clock", "energy_table", "playable", "preview", "status", "to_pixels"]

_PREVIEW = 512


def to_pixels(x: Array, card: Card) -> Pixels:
    """Give the first signal of a batch as pixels (height, width, 3)."""
    pixels = coop_runtime.to_uint8(x[:1], card.signal)[0]
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def preview(x: Array, card: Card) -> Pixels:
    """Give pixels as `to_pixels`, every second, third, … of them where there are many."""
    every = max(1, math.ceil(max(x.shape[2:]) / _PREVIEW))
    return to_pixels(x[..., ::every, ::every], card)


def playable(samples: Array, rate: float) -> tuple[int, NDArray[np.int16]]:
    """Give samples (time, channels) as ``gr.Audio`` takes them without changing their level."""
    return max(1, round(rate)), levels_of(samples)


def energy_table(energies: Sequence[tuple[int, float]], x: str = "step") -> pd.DataFrame:
    """Give the points of the energy plot."""
    # Without a type, a plot takes the numbers that follow an empty table for words.
    return pd.DataFrame(energies, columns=[x, "energy per pixel"], dtype=float)


class Clock:
    """How long a job still takes, by what it has done.

    Examples
    --------
    >>> Clock().left(0.0)
    ''
    """

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._began

    def left(self, done: float) -> str:
        """Say how long it takes from here; nothing while that is not known."""
        if not 0.02 < done < 1:
            return ""
        return f", {max(1, round(self.seconds * (1 - done) / done))} s left"


def status(text: str, done: float | None = None) -> str:
    """Give the line below a picture as HTML: screen readers announce it; a bar while it runs."""
    bar = "" if done is None else f'<progress max="1" value="{done:.3f}" aria-label="progress">'
    return f'<div role="status" class="status">{text}{bar}</div>'
