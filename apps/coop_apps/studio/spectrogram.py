"""Sounds as pictures: the waveform above the spectrogram, with seconds and hertz."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from coop_runtime import Array

from ..pictures import Pixels

__all__ = ["magma", "octave_edges", "sound_picture", "spectrogram"]

#: Decibels from the loudest to what is drawn black.
DECIBELS = 70.0
_WINDOW = 0.06  # seconds: bubbles and strings are told apart, drops stay short
_SIZE = 160, 480  # rows and columns of the spectrogram
_WAVE = 72  # rows of the waveform
_LEFT, _RIGHT, _TOP, _GAP, _BOTTOM = 58, 14, 10, 12, 26
_GROUND, _INK, _LINE = (17, 17, 22), (225, 225, 230), (94, 205, 190)
_TEXT = 15  # pixels: it can be read on a phone, where the picture is scaled down
#: Nine colours of matplotlib's map "magma" (CC0), evenly spaced: lightness grows evenly.
_MAGMA = np.array(
    [
        (0, 0, 4),
        (28, 16, 68),
        (79, 18, 123),
        (129, 37, 129),
        (181, 54, 122),
        (229, 80, 100),
        (251, 135, 97),
        (254, 194, 135),
        (252, 253, 191),
    ],
    np.float64,
)


def spectrogram(samples: Array, rate: float, size: tuple[int, int] = _SIZE) -> NDArray[np.float64]:
    """Give the power of a sound over frequency and time, in decibels.

    Parameters
    ----------
    samples
        (time, channels); channels are averaged.
    rate
        Samples per second.
    size
        Rows, from high to low frequency as in `octave_edges`, and columns.

    Returns
    -------
    ``size``; 0 is the mean power over a row of one octave-spaced width of a sine that fills it, of
    amplitude 1. Hann windows of some 60 ms, evenly spaced.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)[:, None]
    >>> edges = octave_edges(8000.0, 160)
    >>> row = spectrogram(tone, 8000.0).mean(1).argmax()
    >>> bool(edges[row + 1] <= 440 <= edges[row])
    True
    """
    rows, columns = size
    window = 2 ** max(4, round(math.log2(_WINDOW * rate)))
    padded = np.pad(samples.mean(1, dtype=np.float64), window // 2)
    starts = np.linspace(0, len(padded) - window, columns).astype(int)
    weights = np.hanning(window)
    spectra = np.fft.rfft(padded[starts[:, None] + np.arange(window)] * weights, axis=1)
    power = (np.abs(spectra) * 2 / weights.sum()) ** 2
    # Power up to each edge, as if spread evenly over each bin: what a row has is a difference.
    below = np.concatenate([np.zeros((columns, 1)), np.cumsum(power, axis=1)], axis=1)
    places = octave_edges(rate, rows) / rate * window + 0.5
    first = np.minimum(places.astype(int), below.shape[1] - 2)
    upto = below[:, first] + (below[:, first + 1] - below[:, first]) * (places - first)
    mean = (upto[:, :-1] - upto[:, 1:]) / (places[:-1] - places[1:])
    level: NDArray[np.float64] = 10 * np.log10(np.maximum(mean.T, 1e-12))
    return level


def octave_edges(rate: float, rows: int) -> NDArray[np.float64]:
    """Give the edges of rows in hertz, from half the rate down to a 128th of that, as octaves.

    Examples
    --------
    >>> octave_edges(8000.0, 7)[:3]
    array([4000., 2000., 1000.])
    """
    edges: NDArray[np.float64] = rate / 2 * 2.0 ** -np.linspace(0, 7, rows + 1)
    return edges


def magma(shade: NDArray[np.float64]) -> Pixels:
    """Colour shades from 0, nearly black, to 1, light yellow; (…) to (…, 3).

    Examples
    --------
    >>> magma(np.array([0.0, 1.0])).tolist()
    [[0, 0, 4], [252, 253, 191]]
    """
    anchors = np.linspace(0, 1, len(_MAGMA))
    colours = [np.interp(shade, anchors, channel) for channel in _MAGMA.T]
    levels: Pixels = np.rint(np.stack(colours, axis=-1)).astype(np.uint8)
    return levels


def sound_picture(samples: Array, rate: float) -> Pixels:
    """Draw the waveform and the spectrogram of a sound, one above the other.

    Parameters
    ----------
    samples
        (time, channels), full scale ±1, at least one.
    rate
        Samples per second.

    Returns
    -------
    (280, 552, 3), light on dark, whatever the page around it is.
    """
    rows, columns = _SIZE
    below = _TOP + _WAVE + _GAP
    canvas = np.full((below + rows + _BOTTOM, _LEFT + columns + _RIGHT, 3), _GROUND, np.uint8)
    level = spectrogram(samples, rate)
    shade = np.clip(1 + (level - max(level.max(), -100.0)) / DECIBELS, 0, 1)
    canvas[below : below + rows, _LEFT : _LEFT + columns] = magma(shade)
    wave = canvas[_TOP : _TOP + _WAVE, _LEFT : _LEFT + columns]
    wave[_waveform(samples, (_WAVE, columns))] = _LINE
    image = Image.fromarray(canvas)
    _write_axes(ImageDraw.Draw(image), len(samples) / rate, rate, below)
    return np.asarray(image)


def _waveform(samples: Array, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Say which pixels lie between the least and the greatest sample of their column."""
    rows, columns = size
    mono = np.clip(samples.mean(1), -1, 1)
    starts = np.linspace(0, len(mono), columns, endpoint=False).astype(int)
    high, low = np.maximum.reduceat(mono, starts), np.minimum.reduceat(mono, starts)
    top, bottom = (np.rint((1 - v) / 2 * (rows - 1)).astype(int) for v in (high, low))
    places = np.arange(rows)[:, None]
    between: NDArray[np.bool_] = (places >= top) & (places <= bottom)
    return between


def _write_axes(draw: ImageDraw.ImageDraw, seconds: float, rate: float, below: int) -> None:
    rows, columns = _SIZE
    font = ImageFont.load_default(_TEXT)
    for hertz in (100, 300, 1000, 3000, 10000):
        row = math.log2(rate / 2 / hertz) / 7 * rows
        if 6 < row < rows - 4:
            name = f"{hertz / 1000:g} kHz" if hertz >= 1000 else f"{hertz} Hz"
            draw.line([(_LEFT - 5, below + row), (_LEFT - 1, below + row)], _INK)
            draw.text((_LEFT - 8, below + row), name, _INK, font, anchor="rm")
    draw.text((_LEFT - 8, _TOP + _WAVE / 2), "level", _INK, font, anchor="rm")
    for time in ticks(seconds):
        column, end = _LEFT + time / seconds * columns, below + rows
        draw.line([(column, end), (column, end + 4)], _INK)
        name = f"{time:g} s"
        draw.text((column, end + 6), name, _INK, font, anchor="mt" if time else "lt")


def ticks(length: float, most: int = 6) -> Sequence[float]:
    """Give round places from 0 on, not at the very end, at most so many.

    Examples
    --------
    >>> ticks(6.0), ticks(0.25)
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.05, 0.1, 0.15, 0.2])
    """
    steps = (m * 10.0**k for k in range(-4, 6) for m in (1, 2, 5))
    step = next(s for s in steps if length / s <= most)
    count = math.ceil(0.97 * length / step)
    return [round(k * step, 6) for k in range(count)]
