"""The three banks of filters of an auditory model, as gains at the frequencies of a real FFT.

J. H. McDermott, E. P. Simoncelli: "Sound texture perception via statistics of the auditory
periphery", Neuron 71, 2011, with the constants of their Sound Texture Synthesis Toolbox. All
filters are half periods of a cosine and have zero phase.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["cochlear_filters", "modulation_filters", "octave_filters"]

Floats = NDArray[np.floating]

#: Hz; of the lowest band of hearing, and of the modulations of envelopes.
LOWEST, SLOWEST, FASTEST = 20.0, 0.5, 200.0


def cochlear_filters(samples: int, rate: float, bands: int = 30) -> Floats:
    """Give the bank that stands for the cochlea.

    Bands are spaced evenly by equivalent rectangular bandwidths (Glasberg and Moore 1990) from 20
    Hz to half the rate, neighbours overlap by half, and a low-pass and a high-pass filter complete
    them: the squares of all gains sum to 1 at each frequency.

    Returns
    -------
    (bands + 2, samples // 2 + 1), within [0, 1].

    Examples
    --------
    >>> gains = cochlear_filters(1000, 11025.0)
    >>> gains.shape, bool(np.allclose((gains**2).sum(0), 1))
    ((32, 501), True)
    """
    place = _erb(np.fft.rfftfreq(samples, 1 / rate))
    edges = np.linspace(_erb(np.asarray(LOWEST)), _erb(np.asarray(rate / 2)), bands + 2)
    inner = _half_cosines(place, edges[:-2], edges[2:])
    lowest = np.where(place < edges[1], np.sqrt(1 - inner[0] ** 2), 0)
    highest = np.where(place > edges[-2], np.sqrt(1 - inner[-1] ** 2), 0)
    return np.vstack([lowest, inner, highest])


def modulation_filters(samples: int, rate: float, bands: int = 20) -> Floats:
    """Give the bank for the power of modulations: 0.5 to 200 Hz, some half an octave apart.

    Of constant quality (2): each falls to zero half its centre away. Squares sum to about 1.

    Returns
    -------
    (bands, samples // 2 + 1).
    """
    frequency = np.fft.rfftfreq(samples, 1 / rate)
    centre = np.geomspace(SLOWEST, FASTEST, bands)
    gains = _half_cosines(frequency, centre / 2, centre * 1.5)
    covered = (frequency >= centre[3]) & (frequency <= centre[-4])
    return np.asarray(gains / np.sqrt((gains**2).sum(0)[covered].mean()))


def octave_filters(samples: int, rate: float) -> Floats:
    """Give the bank for correlations of modulations: seven octaves, centres 1.5625 to 100 Hz.

    Returns
    -------
    (7, samples // 2 + 1), within [0, 1].
    """
    frequency = np.fft.rfftfreq(samples, 1 / rate)
    octave = np.log2(np.maximum(frequency, 1e-9))
    centre = np.log2(FASTEST) - np.arange(7.0, 0.0, -1.0)
    return _half_cosines(octave, centre - 1, centre + 1)


def _half_cosines(place: Floats, low: Floats, high: Floats) -> Floats:
    """Give cosines that are 1 between ``low`` and ``high`` (bands) and 0 at and beyond them."""
    phase = (place - ((low + high) / 2)[:, None]) / (high - low)[:, None]
    return np.where(np.abs(phase) < 0.5, np.cos(np.pi * phase), 0)


def _erb(frequency: Floats) -> Floats:
    return np.asarray(9.265 * np.log1p(frequency / (24.7 * 9.265)))
