"""What is shown is what the signal is: sheets, spectrograms, WAV and GIF files."""

import io

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from torch import Tensor

from coop_trainer.shown import as_pictures, gif, png, spectrogram, wav


def pixels(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def sine(frequency: float, samples: int = 8192, level: float = 0.5) -> NDArray[np.float32]:
    """A tone at this share of the sampling rate, (1, samples)."""
    wave = level * np.sin(2 * np.pi * frequency * np.arange(samples))
    return np.asarray(wave[None], np.float32)


@pytest.mark.parametrize("frequency", [1 / 32, 1 / 8, 3 / 8])
def test_a_tone_is_one_row_low_tones_below(frequency: float) -> None:
    shown = spectrogram(sine(frequency))
    channels, height, width = shown.shape
    assert (channels, height, shown.dtype.name) == (1, 129, "float32")
    assert 100 < width <= 256
    assert (shown[0].argmax(0) == 128 - round(256 * frequency)).all()
    assert shown.max() == 1
    far = np.abs(np.arange(129) - (128 - round(256 * frequency))) > 6
    assert (shown[0][far] < -0.6).all()


def test_time_goes_right() -> None:
    sound = np.concatenate([sine(1 / 8), 0 * sine(1 / 8)], 1)
    shown = spectrogram(sound)[0]
    half = shown.shape[1] // 2
    assert shown[:, : half - 4].max(0).min() > 0.9
    assert (shown[:, half + 4 :] == -1).all()


def test_levels_are_decibels() -> None:
    tones = np.concatenate([sine(1 / 8, level=0.5), sine(1 / 8, level=0.05)], 1)
    shown = spectrogram(tones)[0]
    quiet = shown[:, -10:].max()
    assert quiet == pytest.approx(1 - 2 * 20 / 60, abs=1e-3)  # 20 dB less


def test_silence_is_black_and_a_click_is_shown() -> None:
    assert (spectrogram(np.zeros((1, 5000), np.float32)) == -1).all()
    assert spectrogram(np.ones((1, 3), np.float32)).shape == (1, 129, 1)
    assert spectrogram(sine(1 / 8, samples=10**6)).shape == (1, 129, 256)


def ramp(*shape: int) -> Tensor:
    return torch.linspace(-1, 1, int(np.prod(shape))).reshape(shape)


def test_pictures_of_signals() -> None:
    still = ramp(2, 3, 4, 5)
    assert as_pictures(still) is still
    assert as_pictures(ramp(2, 1, 300)).shape == (2, 1, 129, 1)
    clip = ramp(2, 3, 11, 4, 5)
    row = as_pictures(clip)
    assert row.shape == (2, 3, 4, 6 * 5 + 5)
    for k, frame in enumerate((0, 2, 4, 6, 8, 10)):
        assert torch.equal(row[:, :, :, 6 * k : 6 * k + 5], clip[:, :, frame])
    assert (row[:, :, :, 5::6] == 1).all()
    assert as_pictures(ramp(1, 1, 2, 4, 5)).shape == (1, 1, 4, 11)


def test_a_sheet_of_pictures() -> None:
    grey = torch.full((3, 1, 2, 5), -1.0)
    sheet = pixels(png([grey, grey[:2] + 1]))
    assert sheet.shape == (2 + 4 + 2, 3 * 5 + 2 * 4)
    assert (sheet[:2, :5] == 0).all()
    assert (sheet[:2, 5:9] == 255).all()
    assert (sheet[2:6] == 255).all()
    assert (sheet[6:, 9:14] == 128).all()  # 127.5, rounded to even
    assert (sheet[6:, 18:] == 255).all()  # a shorter row


def test_colours_keep_their_place_and_values_beyond_the_range_are_cut() -> None:
    x = torch.tensor([-3.0, 0.2, 3.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert pixels(png([x]))[0, 0].tolist() == [0, 153, 255]


def test_clips_go_one_below_the_other() -> None:
    sheet = pixels(png([ramp(2, 3, 4, 8, 8), ramp(1, 3, 4, 8, 8)]))
    assert sheet.shape == (3 * 8 + 2 * 4, 4 * 8 + 3, 3)


def test_a_sound_is_written_as_it_is() -> None:
    x = torch.cat([torch.from_numpy(sine(1 / 50)), torch.tensor([[2.0, -2.0]])], 1)
    read, rate = soundfile.read(io.BytesIO(wav(x, 11025.0)), dtype="float32")
    assert rate == 11025
    np.testing.assert_allclose(read, x.clamp(-1, 1)[0].numpy(), atol=2 / 2**15)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_clip_is_written_as_it_is(channels: int) -> None:
    levels = torch.tensor([-1.0, -0.2, 0.2, 1.0])[:, None, None]
    clip = levels.expand(channels, 4, 6, 8)
    with Image.open(io.BytesIO(gif(clip, 12.5))) as image:
        frames = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(image)]
        assert (image.info["duration"], image.info["loop"]) == (80, 0)
    assert [f.shape for f in frames] == [(6, 8, 3)] * 4
    assert [int(f[0, 0, 0]) for f in frames] == [0, 102, 153, 255]
