"""What is heard of a sound as a texture: the statistics of McDermott and Simoncelli.

J. H. McDermott, E. P. Simoncelli: "Sound texture perception via statistics of the auditory
periphery: evidence from sound synthesis", Neuron 71, 2011, with the constants of their Sound
Texture Synthesis Toolbox. Sounds are (samples,) of any level: each is brought to a root
mean square of 0.01 first, as the toolbox does with all that it reads.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coop_runtime.errors import CoopError

from .cochlea import cochlear_filters, modulation_filters, octave_filters

__all__ = ["SHORTEST", "Statistics", "level", "measure", "statistics"]

Sound = NDArray[np.floating]

RMS = 0.01
ENVELOPE_RATE = 400.0  # Hz
COMPRESSION = 0.3
SHORTEST = 2.0  # seconds: one period of the slowest modulation
TINY = 1e-12  # of squared envelopes, where 1e-4 is the mean: keeps derivatives finite


class Statistics(NamedTuple):
    """What is measured of a sound, in 32 bands of hearing and their envelopes.

    Attributes
    ----------
    power
        (32,), variance of each band: the spectrum, which tells the bands that are heard.
    mean, variation, skew, kurtosis
        (32,), of envelopes: mean, deviation relative to it, third and fourth standardised moments.
    correlation
        (32, 32), of envelopes of two bands.
    modulation
        (32, 20), power of an envelope's modulations in half octaves, relative to its variance.
    between_bands
        (6, 32, 32), C1: correlation of two bands' modulations, by octave.
    between_octaves
        (32, 6, 2), C2: correlation of an envelope's modulations with those an octave above, the
        phase of the slower doubled; real and imaginary part.
    """

    power: Tensor
    mean: Tensor
    variation: Tensor
    skew: Tensor
    kurtosis: Tensor
    correlation: Tensor
    modulation: Tensor
    between_bands: Tensor
    between_octaves: Tensor


def statistics(sound: Sound, rate: float, *, loop: bool = False) -> Statistics:
    """Measure the statistics of a sound.

    Parameters
    ----------
    sound
        (samples,), of 2 seconds at least.
    rate
        Samples per second, more than 400.
    loop
        Whether the sound goes on at its start, as filters take it. Otherwise what lies near the
        ends counts less: ramps of a raised cosine, 0.83 s each in a sound of 5 s.

    Raises
    ------
    CoopError
        Too short, silent, not one channel, not finite, or of too low a rate.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(22050)
    >>> found = statistics(noise, 11025.0)
    >>> 0.9 < float(found.correlation[10, 10]) <= 1.0001
    True
    """
    x = torch.from_numpy(np.ascontiguousarray(level(sound, rate)))
    with torch.no_grad():
        return measure(x, rate, loop=loop)


def measure(x: Tensor, rate: float, *, loop: bool = False) -> Statistics:
    """Measure the statistics of a sound (samples,) as it is, so that they can be differentiated."""
    cochlea, slow, octaves = _banks(len(x), rate, x.dtype)
    count = round(len(x) * ENVELOPE_RATE / rate)
    bands = torch.fft.rfft(x) * cochlea
    once_twice = torch.full((bands.shape[1],), 2.0, dtype=x.dtype)
    once_twice[0] = 1.0
    once_twice[len(x) // 2 + 1 - (len(x) + 1) % 2 :] = 1.0  # half the rate, if it is there
    power = (once_twice[1:] * bands[:, 1:].abs() ** 2).sum(1) / len(x) ** 2
    analytic = torch.fft.ifft(bands * once_twice, len(x))
    full = (analytic.real**2 + analytic.imag**2 + TINY) ** (COMPRESSION / 2)
    shrunk = torch.fft.rfft(full)[:, : count // 2 + 1]
    envelope = torch.fft.irfft(shrunk, count).clamp(min=0) * (count / len(x))
    w = _weights(count, loop).to(x.dtype)
    mean = envelope @ w
    e = envelope - mean[:, None]
    variance = (e**2 @ w).clamp(min=TINY)
    spectrum = torch.fft.rfft(e)
    modulated = torch.fft.irfft(spectrum[:, None] * slow, count)
    return Statistics(
        power,
        mean,
        variance.sqrt() / mean,
        (e**3 @ w) / variance**1.5,
        (e**4 @ w) / variance**2,
        _correlation(e, w),
        (modulated**2 @ w) / variance[:, None],
        _correlation(torch.fft.irfft(spectrum * octaves[1:, None], count), w),
        _between_octaves(_analytic(spectrum[:, None] * octaves, count), w),
    )


def level(sound: Sound, rate: float) -> NDArray[np.float64]:
    """Give a sound the level at which it is measured; errors as of `statistics`.

    Examples
    --------
    >>> float(np.std(level(np.sin(np.arange(9000.0)), 4000.0)).round(6))
    0.01
    """
    if sound.ndim != 1:
        raise CoopError(f"sound: expected one channel, (samples,), found shape {sound.shape}")
    if rate <= 2 * ENVELOPE_RATE:
        raise CoopError(f"rate: expected more than {2 * ENVELOPE_RATE:g} Hz, found {rate:g}")
    if len(sound) < SHORTEST * rate:
        raise CoopError(f"sound: {len(sound) / rate:g} s; its statistics need {SHORTEST:g} s")
    x = sound.astype(np.float64)
    rms = np.sqrt((x**2).mean())
    if not 0 < rms < np.inf:
        raise CoopError("sound: silent or not finite; there are no statistics of it")
    return np.asarray(x * (RMS / rms))


@cache
def _banks(samples: int, rate: float, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    count = round(samples * ENVELOPE_RATE / rate)
    banks = (
        cochlear_filters(samples, rate),
        modulation_filters(count, ENVELOPE_RATE),
        octave_filters(count, ENVELOPE_RATE),
    )
    cochlea, slow, octaves = (torch.from_numpy(bank).to(dtype) for bank in banks)
    return cochlea, slow, octaves


def _weights(count: int, loop: bool) -> Tensor:
    """Give the weights of moments in time, (count,): a flat top, and ramps if it is no loop."""
    if loop:
        return torch.full((count,), 1 / count, dtype=torch.float64)
    ramp = 1 / (round(count / ENVELOPE_RATE) + 1)
    place = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    edge = torch.minimum(place, 1 - place).clamp(max=ramp)
    weights = 0.5 - 0.5 * torch.cos(torch.pi * edge / ramp)
    return weights / weights.sum()


def _correlation(e: Tensor, w: Tensor) -> Tensor:
    """Give the correlation, (…, bands, bands), of signals (…, bands, time) without a mean."""
    covariance = (e * w) @ e.transpose(-1, -2)
    deviation = covariance.diagonal(dim1=-2, dim2=-1).clamp(min=TINY**2).sqrt()
    return covariance / (deviation[..., :, None] * deviation[..., None, :])


def _analytic(spectrum: Tensor, count: int) -> Tensor:
    a: Tensor = torch.fft.ifft(2 * spectrum, count)
    return a


def _between_octaves(a: Tensor, w: Tensor) -> Tensor:
    """Give C2 of analytic modulations (bands, octaves, time): (bands, octaves − 1, 2)."""
    slower, faster = a[:, :-1], a[:, 1:]
    size = (slower.real**2 + slower.imag**2 + TINY).sqrt()
    c = (slower.real**2 - slower.imag**2) / size
    scale = ((c**2 @ w) * (faster.real**2 @ w)).clamp(min=TINY**2).sqrt()
    parts = [(c * part) @ w / scale for part in (faster.real, faster.imag)]
    return torch.stack(parts, -1)
