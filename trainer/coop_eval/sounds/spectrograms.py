"""Spectrograms of sounds side by side, as a picture."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT, windows

from coop_runtime.errors import CoopError

__all__ = ["spectrograms"]

WINDOW, STEP = 0.023, 0.006  # seconds
DEPTH = 70.0  # dB


def spectrograms(sounds: Mapping[str, NDArray[np.floating]], rate: float) -> bytes:
    """Draw the spectrograms of sounds beside each other, in one scale of 70 dB below the loudest.

    Parameters
    ----------
    sounds
        (samples,) of 23 ms at least, by their titles, in order: original, sample, random phase.
    rate
        Samples per second of all.

    Returns
    -------
    A PNG file.

    Raises
    ------
    CoopError
        No sound, or one that is too short.

    Examples
    --------
    >>> spectrograms({"noise": np.random.default_rng(0).standard_normal(4000)}, 8000.0)[1:4]
    b'PNG'
    """
    size = round(WINDOW * rate)
    if not sounds or min(len(sound) for sound in sounds.values()) < size:
        raise CoopError(f"spectrograms: expected sounds of at least {size} samples")
    transform = ShortTimeFFT(windows.hann(size, sym=False), max(1, round(STEP * rate)), rate)
    levels = {
        title: 10 * np.log10(transform.spectrogram(np.asarray(sound, np.float64)) + 1e-15)
        for title, sound in sounds.items()
    }
    top = max(float(level.max()) for level in levels.values())
    figure = Figure((4.0 * len(sounds), 3.0), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    row = figure.subplots(1, len(sounds), sharey=True, squeeze=False)[0]
    for axes, (title, level) in zip(row, levels.items(), strict=True):
        extent = (0.0, len(sounds[title]) / rate, 0.0, rate / 2000)
        drawn = axes.imshow(level, "magma", aspect="auto", origin="lower", extent=extent)
        drawn.set_clim(top - DEPTH, top)
        axes.set(title=title, xlabel="seconds")
    row[0].set_ylabel("kHz")
    figure.colorbar(drawn, ax=row[-1], label="dB")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
