"""Signals made visible and audible: PNG sheets, spectrograms, frames, WAV and GIF."""

import io
from collections.abc import Sequence

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from coop_runtime.whitening import colour

__all__ = ["as_pictures", "gif", "png", "spectrogram", "wav"]

GAP = 4
WINDOW = 256
WIDTH = 256
DECIBELS = 60.0
FRAMES = 6


def as_pictures(x: Tensor) -> Tensor:
    """Give a picture of each signal, (batch, channels, height, width) in [−1, 1].

    Pictures are pictures already; a sound becomes its spectrogram; a clip becomes a row of
    frames, evenly spaced in time.
    """
    if x.dim() == 3:
        return torch.stack([torch.from_numpy(spectrogram(s)) for s in x.cpu().numpy()])
    if x.dim() == 5:
        chosen = torch.linspace(0, x.shape[2] - 1, min(FRAMES, x.shape[2])).round().long()
        edge = x.new_ones(*x.shape[:2], x.shape[3], 1)
        parts = [p for k in chosen.tolist() for p in (x[:, :, k], edge)]
        return torch.cat(parts[:-1], 3)
    return x


def spectrogram(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Draw the magnitudes of a sound (channels, time), (1, 129, ≤ 256) in [−1, 1].

    Time goes right, frequency up to half the sampling rate, linear; white is the loudest, black
    60 dB below it or less. Hann windows of 256 samples.
    """
    samples = np.pad(x.mean(0), (0, max(0, WINDOW - x.shape[1])))
    count = min(WIDTH, 1 + (len(samples) - WINDOW) // (WINDOW // 4))
    starts = np.linspace(0, len(samples) - WINDOW, count).astype(int)
    windows = samples[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    magnitude = np.abs(np.fft.rfft(windows, axis=1)).T[::-1]
    loudest = max(float(magnitude.max()), 1e-9)  # silence is black
    level = 20 * np.log10(np.maximum(magnitude / loudest, 1e-9))
    shade = np.clip(1 + level / DECIBELS, 0, 1) * 2 - 1
    return np.ascontiguousarray(shade[None], dtype=np.float32)


def png(rows: list[Tensor]) -> bytes:
    """Lay rows of signals in [−1, 1], each (count, channels, …), on one sheet.

    Clips, whose pictures are rows of frames already, go one below the other.
    """
    if rows[0].dim() == 5:
        rows = [clip[None] for row in rows for clip in row]
    pictures = [_bytes(as_pictures(row)) for row in rows]
    height = sum(row.shape[1] + GAP for row in pictures) - GAP
    width = max(row.shape[0] * (row.shape[2] + GAP) for row in pictures) - GAP
    channels = pictures[0].shape[3]
    sheet: NDArray[np.uint8] = np.full((height, width, channels), 255, np.uint8)
    top = 0
    for row in pictures:
        for k, picture in enumerate(row):
            left = k * (picture.shape[1] + GAP)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        top += row.shape[1] + GAP
    buffer = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(buffer, "PNG")
    return buffer.getvalue()


def wav(
    x: Tensor,
    rate: float,
    source_range: tuple[float, float] = (-1.0, 1.0),
    whitening: Sequence[float] = (),
) -> bytes:
    """Encode a sound (channels, time) in [−1, 1] as 16-bit WAV, as it was before `whiten`."""
    buffer, (low, high) = io.BytesIO(), source_range
    white = ((x.clamp(-1, 1) + 1) * ((high - low) / 2) + low).cpu().numpy()
    samples = colour(white, whitening).T
    soundfile.write(buffer, samples, round(rate), format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def gif(x: Tensor, rate: float) -> bytes:
    """Encode a clip (channels, time, height, width) in [−1, 1] as an endless GIF."""
    frames = _bytes(x.movedim(1, 0))
    pictures = [Image.fromarray(f[..., 0] if f.shape[2] == 1 else f) for f in frames]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=1000 / rate, loop=0
    )
    return buffer.getvalue()


def _bytes(x: Tensor) -> NDArray[np.uint8]:
    """(batch, channels, height, width) in [−1, 1] to uint8 (batch, height, width, channels)."""
    pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
    return np.asarray(pixels.cpu().numpy())
