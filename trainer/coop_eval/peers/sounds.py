"""Sounds that the classic methods make of one sound: noise, new orders of grains, statistics.

All take a sound (samples,) and a generator of random numbers and give a sound as long, float64, of
the original's root mean square.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from ..sounds.cochlea import cochlear_filters
from ..sounds.hearing import Statistics, level, measure, statistics
from ..sounds.likeness import compared, snr

__all__ = ["matched_statistics", "random_phase", "shuffled_grains"]

Sound = NDArray[np.floating]
Floats = NDArray[np.float64]

DONE = 30.0  # dB, of each class
AT_ONCE = 10  # iterations between looks at them


def random_phase(sound: Sound, rng: np.random.Generator) -> Floats:
    """Give Gaussian-like noise whose magnitude spectrum is the sound's: its phases are random.

    B. Galerne, Y. Gousseau, J.-M. Morel: "Random phase textures", IEEE TIP 2011, in one dimension.

    Examples
    --------
    >>> noise = random_phase(np.arange(8.0), np.random.default_rng(0))
    >>> np.allclose(np.abs(np.fft.rfft(noise)), np.abs(np.fft.rfft(np.arange(8.0))))
    True
    """
    spectrum = np.fft.rfft(sound)
    turned = np.abs(spectrum) * np.exp(2j * np.pi * rng.random(len(spectrum)))
    turned[0] = spectrum[0]
    if len(sound) % 2 == 0:
        turned[-1] = spectrum[-1]
    return np.fft.irfft(turned, len(sound))


def shuffled_grains(
    sound: Sound, rate: float, rng: np.random.Generator, *, grain: float = 0.25
) -> Floats:
    """Add up overlapping grains from random places of the sound.

    Granular synthesis by overlap-add, M. Fröjd, A. Horner: "Sound texture synthesis using an
    overlap-add/granular synthesis approach", JAES 2009. Grains follow each other at half their
    length; their window is the root of Hann's, so that grains that do not correlate keep the power.

    Parameters
    ----------
    sound, rate, rng
        The original, samples per second, and chance.
    grain
        Seconds.
    """
    hop = max(1, min(round(grain * rate / 2), len(sound) // 2))
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop))
    out = np.zeros(len(sound) + 3 * hop)
    for start in range(0, len(sound) + hop, hop):
        place = rng.integers(len(sound) - 2 * hop + 1)
        out[start : start + 2 * hop] += window * sound[place : place + 2 * hop]
    return _as_loud(out[hop : hop + len(sound)], sound)


def matched_statistics(
    sound: Sound, rate: float, rng: np.random.Generator, *, iterations: int = 150
) -> Floats:
    """Impose the sound's statistics on noise of its spectrum.

    J. H. McDermott, E. P. Simoncelli, Neuron 2011; but the gradient is that of the whole sound,
    and L-BFGS follows it, as in H. Caracalla, A. Roebel: "Gradient conversion between time and
    frequency domains using Wirtinger calculus", DAFx 2017. Minimised is the sum over the classes of
    `snr` of noise relative to signal. Sounds are optimised white and coloured by the spectrum in
    bands, else the loudest band alone would move. As in the toolbox, what is made is a loop.

    Parameters
    ----------
    sound, rate, rng
        The original, samples per second, and chance.
    iterations
        Of L-BFGS, at most; it stops when each class reaches the toolbox's 30 dB. After 150 their
        mean is above that, and 25 to 30 dB where the sound is measured as no loop.
    """
    wanted = statistics(sound, rate)
    target = Statistics(*(values.float() for values in wanted))
    colour = torch.from_numpy(_spectrum(level(sound, rate), rate)).float()
    w = torch.from_numpy(rng.standard_normal(len(sound))).float().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [w], max_iter=AT_ONCE, history_size=20, line_search_fn="strong_wolfe", tolerance_change=0.0
    )

    def coloured() -> torch.Tensor:
        x: torch.Tensor = torch.fft.irfft(torch.fft.rfft(w) * colour, len(sound))
        return x

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        classes = compared(target, measure(coloured(), rate, loop=True)).values()
        total = torch.stack([errors.sum() / squares.sum() for errors, squares in classes]).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    for _ in range(-(-iterations // AT_ONCE)):
        optimiser.step(loss)  # type: ignore[no-untyped-call]
        x = coloured().detach().double().numpy()
        if min(snr(wanted, statistics(x, rate, loop=True)).classes.values()) >= DONE:
            break
    return _as_loud(x, sound)


def _spectrum(sound: Floats, rate: float) -> Floats:
    """Give the sound's smooth amplitude spectrum, such that white noise of variance 1 gets it."""
    gains = cochlear_filters(len(sound), rate) ** 2
    power = gains @ np.abs(np.fft.rfft(sound)) ** 2 / (gains.sum(1) * len(sound))
    return np.asarray(np.sqrt(power @ gains))


def _as_loud(x: Floats, sound: Sound) -> Floats:
    return np.asarray(x * np.sqrt((sound.astype(np.float64) ** 2).mean() / (x**2).mean()))
