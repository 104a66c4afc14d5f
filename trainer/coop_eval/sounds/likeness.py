"""How close a sound is to another as a texture, and whether it is pasted together from it.

Statistics are those of J. H. McDermott, E. P. Simoncelli, Neuron 71, 2011
(`coop_eval.sounds.hearing`), and they are compared as their Sound Texture Synthesis Toolbox does.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .grains import copied_grains
from .hearing import TINY, Statistics, statistics

__all__ = ["Likeness", "Snr", "compared", "halves", "likeness", "modulation_distance", "snr"]

Sound = NDArray[np.floating]

QUIET = 30.0  # dB below the loudest band: bands that do not count in comparisons
BAND_OFFSETS = (1, 2, 3, 5, 8, 11, 16, 21)
MODULATION_OFFSETS = (1, 2)


@dataclass(frozen=True)
class Snr:
    """Signal-to-noise ratios in dB of a sample's statistics.

    Attributes
    ----------
    classes
        By the name of the class, as in `Statistics`.
    """

    classes: dict[str, float]

    @property
    def mean(self) -> float:
        """Give the mean of the classes, dB."""
        return float(np.mean(list(self.classes.values())))


class Likeness(NamedTuple):
    """The figures of a sound beside its original.

    Attributes
    ----------
    snr
        Of its statistics.
    modulation
        Distance of the modulation spectra, dB.
    copies
        Share of near-copied grains of 50 ms, within [0, 1].
    """

    snr: Snr
    modulation: float
    copies: float


def likeness(original: Sound, sample: Sound, rate: float) -> Likeness:
    """Give all figures of a sample beside its original, (samples,) each, at least 2 s long.

    The null value of all of them: ``likeness(*halves(original), rate)``.

    Raises
    ------
    CoopError
        As `statistics`.
    """
    a, b = statistics(original, rate), statistics(sample, rate)
    return Likeness(snr(a, b), modulation_distance(a, b), copied_grains(sample, original, rate))


def snr(original: Statistics, sample: Statistics) -> Snr:
    """Compare a sample's statistics with the original's, as the toolbox does.

    Of each class (those of `Statistics`, but for ``power``, which says what ``mean`` says and
    which noise of the same spectrum has exactly) 10·log₁₀(Σ s² / Σ (s − s')²), s the original's and
    s' the sample's, over the bands that are at most 30 dB quieter than the original's loudest; of
    ``correlation`` between these and those 1, 2, 3, 5, 8, 11, 16 and 21 apart, of ``between_bands``
    1 and 2 apart, whether the other is as loud or not. The toolbox stops when each class that it
    imposes reaches 30 dB and calls a sound failed where one stays below 20 dB.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(22050)
    >>> bursts = noise * (np.sin(np.arange(22050) / 300) > 0.5)
    >>> heard, other = statistics(noise, 11025.0), statistics(bursts, 11025.0)
    >>> snr(heard, heard).mean, snr(heard, other).mean < 10
    (120.0, True)
    """
    noise = {
        name: float(errors.sum() / squares.sum())
        for name, (errors, squares) in compared(original, sample).items()
        if name != "power"
    }
    return Snr({name: float(-10 * np.log10(max(ratio, 1e-12))) for name, ratio in noise.items()})


def compared(original: Statistics, sample: Statistics) -> dict[str, tuple[Tensor, Tensor]]:
    """Give the squared differences and the squares that `snr` sums, by class, and of ``power``."""
    heard = original.power > original.power.max() * 10 ** (-QUIET / 10)
    apart = torch.arange(len(heard))[:, None] - torch.arange(len(heard))
    taken = {
        "correlation": _pairs(apart, BAND_OFFSETS) & heard[:, None],
        "between_bands": (_pairs(apart, MODULATION_OFFSETS) & heard[:, None]).expand(6, -1, -1),
    }
    return {
        name: ((s - of)[taken.get(name, heard)] ** 2, s[taken.get(name, heard)] ** 2)
        for name, s, of in zip(Statistics._fields, original, sample, strict=True)
    }


def modulation_distance(original: Statistics, sample: Statistics) -> float:
    """Give the root mean square difference of two modulation spectra, dB, ≥ 0.

    Of the power of modulations relative to the squared mean of the envelope, in 20 half octaves
    from 0.5 to 200 Hz and in the bands that `snr` counts.
    """
    heard = original.power > original.power.max() * 10 ** (-QUIET / 10)
    levels = [
        10 * torch.log10((s.modulation * s.variation[:, None] ** 2)[heard] + TINY)
        for s in (original, sample)
    ]
    return float(((levels[0] - levels[1]) ** 2).mean().sqrt())


def halves(sound: Sound) -> tuple[Sound, Sound]:
    """Cut a sound in the middle: compared with each other, they give a figure's null value.

    Both are half as long, so their statistics are less certain: a whole sound like the original
    would reach some 3 dB more than its halves do with each other.
    """
    middle = len(sound) // 2
    return sound[:middle], sound[middle : 2 * middle]


def _pairs(apart: Tensor, offsets: tuple[int, ...]) -> Tensor:
    return torch.isin(apart.abs(), torch.tensor(offsets))
