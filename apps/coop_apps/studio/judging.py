"""How likely a picture is to a model, beside what it has learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_runtime import Array, Card

__all__ = ["Known", "histogram", "learned_energies", "verdict", "windows"]

_MOST = 16
_BINS = 24
_USUAL = 0.05  # of what a model has learned, so much at most is called unusual
_WIDTH, _HEIGHT, _FOOT = 600, 220, 40


@dataclass(frozen=True)
class Known:
    """Energies to compare with.

    Attributes
    ----------
    quantiles
        Of them, at evenly spaced levels from the least to the largest, ≥ 2.
    what
        Whose they are, in words.
    """

    quantiles: NDArray[np.float64]
    what: str

    def share_above(self, energy: float) -> float:
        """Give the share of them, from 0 to 1, that is larger than this.

        Examples
        --------
        >>> Known(np.array([0.0, 1.0, 3.0]), "them").share_above(2.0)
        0.25
        """
        levels = np.linspace(0, 1, len(self.quantiles))
        return float(1 - np.interp(energy, self.quantiles, levels))


def learned_energies(card: Card) -> Known | None:
    """Give the energies of what a model has learned from; None where its card has none.

    They stand in ``card.training["energies"]``, see docs/format.md.
    """
    found: Any = card.training.get("energies")
    quantiles = found.get("training") if isinstance(found, dict) else None
    if not isinstance(quantiles, list) or len(quantiles) < 2:
        return None
    if not all(isinstance(q, int | float) and not isinstance(q, bool) for q in quantiles):
        return None
    return Known(np.sort(np.array(quantiles, np.float64)), "the training pictures")


def windows(x: Array, card: Card) -> Array:
    """Cut a picture (1, channels, *size) into parts of the size of training, at most 16.

    Energies can be compared at one size only; that of a larger texture is the mean of its parts'.
    """
    height, width = card.signal.trained_shape
    down, across = (n // side for n, side in zip(x.shape[2:], (height, width), strict=True))
    parts = [
        x[0, :, i * height : (i + 1) * height, k * width : (k + 1) * width]
        for i in range(down)
        for k in range(across)
    ]
    chosen = np.linspace(0, len(parts) - 1, min(_MOST, len(parts))).round().astype(int)
    return np.stack([parts[n] for n in chosen])


def verdict(energy: float, known: Known) -> str:
    """Say how an energy compares.

    Examples
    --------
    >>> verdict(2.0, Known(np.array([0.0, 1.0, 3.0]), "the training pictures"))
    'Its energy is 2, lower than that of 25 % of the training pictures: typical of the model.'
    """
    share = known.share_above(energy)
    if share == 0:
        return (
            f"Its energy is {energy:.4g}, higher than that of all of {known.what}: "
            "strange to the model."
        )
    if share == 1:
        return (
            f"Its energy is {energy:.4g}, lower than that of all of {known.what}: "
            "very plain to the model."
        )
    kind = "typical of" if share >= _USUAL else "unusual to"
    return (
        f"Its energy is {energy:.4g}, lower than that of {100 * share:.0f} % of {known.what}: "
        f"{kind} the model."
    )


def histogram(energy: float, known: Known) -> str:
    """Draw the histogram of energies, with a mark where a picture lies, as SVG.

    Its colours are those of the text around it, light or dark.
    """
    levels = np.linspace(0, 1, len(known.quantiles))
    values = np.interp(np.linspace(0, 1, 512), levels, known.quantiles)
    low, high = min(energy, values[0]), max(energy, values[-1])
    span = max(high - low, 1e-9)
    low, high = low - 0.03 * span, high + 0.03 * span
    counts, edges = np.histogram(values, _BINS, (low, high))
    floor = _HEIGHT - _FOOT
    tops = floor - (floor - 20) * counts / counts.max()
    places = _WIDTH * (edges - low) / (high - low)
    bars = "".join(
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{_WIDTH / _BINS - 2:.1f}" '
        f'height="{floor - top:.1f}" fill="currentColor" opacity="0.35"/>'
        for left, top in zip(places, tops, strict=False)
    )
    at = _WIDTH * (energy - low) / (high - low)
    mark = (
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="4" y2="{floor}" stroke="rgb(233, 30, 99)" '
        'stroke-width="4"/>'
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" style="width: 100%; max-width: 44rem" '
        f'aria-label="{verdict(energy, known)}">{bars}{mark}{_ticks(low, high, floor)}'
        f'<text x="{min(max(at, 60), _WIDTH - 60):.0f}" y="{_HEIGHT - 4}" text-anchor="middle" '
        'fill="currentColor" font-size="15">this picture</text></svg>'
    )


def _ticks(low: float, high: float, floor: int) -> str:
    """Write the ends of the axis, in words and numbers, below it."""
    ends: Sequence[tuple[int, str, str]] = (
        (0, "start", f"{low:.4g}, more likely"),
        (_WIDTH, "end", f"less likely, {high:.4g}"),
    )
    return "".join(
        f'<text x="{x}" y="{floor + 17}" text-anchor="{anchor}" fill="currentColor" '
        f'font-size="13">{text}</text>'
        for x, anchor, text in ends
    )
