from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from coop_runtime import CoopError
from coop_runtime.whitening import colour
from coop_trainer.data import Signals, load_sound


def tone(rate: int, seconds: float, hertz: float = 440.0) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def save(path: Path, data: NDArray[np.float64], rate: int, subtype: str | None = None) -> str:
    soundfile.write(path, data, rate, subtype=subtype)
    return str(path)


def test_samples_of_the_right_rate_are_kept(tmp_path: Path) -> None:
    data = tone(11025, 0.5)
    signals = load_sound([save(tmp_path / "a.wav", data, 11025, "FLOAT")], crop=100)
    assert (signals.kind, signals.names, signals.rate) == ("sound", ("a.wav",), 11025)
    assert (signals.dims, signals.channels) == (1, 1)
    np.testing.assert_array_equal(signals.arrays[0][0, :, 0], data.astype(np.float32))
    peak = float(np.abs(data.astype(np.float32)).max())
    assert signals.source_range == (-peak, peak)
    x = signals.tensors(torch.device("cpu"))[0]
    assert x.shape == (1, 1, len(data))
    assert x.abs().max().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_channels_are_averaged_and_other_rates_resampled(tmp_path: Path, name: str) -> None:
    left = tone(44100, 7)  # more than one block
    path = save(tmp_path / name, np.stack([left, 0.5 * left], axis=1), 44100)
    (array,) = load_sound([path]).arrays
    assert array.shape == (1, 7 * 11025, 1)
    middle = slice(1000, -1000)
    expected = 0.75 * tone(11025, 7)
    np.testing.assert_allclose(array[0, middle, 0], expected[middle], atol=0.02)


def test_one_range_for_all_files_of_a_folder(tmp_path: Path) -> None:
    save(tmp_path / "b.wav", tone(8000, 0.2), 8000)
    save(tmp_path / "a.wav", 0.1 * tone(8000, 0.4), 8000)
    (tmp_path / "notes.txt").write_text("no sound")
    signals = load_sound([str(tmp_path)], rate=8000)
    assert signals.names == ("a.wav", "b.wav")
    assert [a.shape for a in signals.arrays] == [(1, 3200, 1), (1, 1600, 1)]
    assert signals.source_range[1] == pytest.approx(0.5, abs=1e-3)
    again = Signals.from_npz(signals.to_npz())
    assert again.rate == 8000
    for ours, theirs in zip(signals.arrays, again.arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)


NAN = np.where(np.arange(900) == 700, np.nan, 0.1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (NAN, "not finite"),
        (np.where(np.isnan(NAN), -np.inf, NAN), "not finite"),
        (np.zeros(900), "silence"),
        (np.full(900, 0.25), "silence"),
        (np.stack([tone(8000, 0.2), -tone(8000, 0.2)], 1), "channels that cancel"),
        (np.zeros(0), "no samples"),
        (tone(8000, 0.01), r"0\.01 s are shorter than the training crop of 0\.0125 s"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_one_line(
    tmp_path: Path, data: NDArray[np.float64], message: str
) -> None:
    path = save(tmp_path / "x.wav", data, 8000, "FLOAT")
    with pytest.raises(CoopError, match=message) as caught:
        load_sound([path], rate=8000, crop=100)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_sound(tmp_path: Path) -> None:
    for name, content in (("x.wav", b"hello"), ("empty.wav", b""), ("x.txt", b"RIFF")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CoopError, match="not a sound that can be read") as caught:
            load_sound([str(tmp_path / name)])
        assert "\n" not in str(caught.value)
    with pytest.raises(CoopError, match="no such file"):
        load_sound([str(tmp_path / "nothing.wav")])
    with pytest.raises(CoopError, match="no sound given"):
        load_sound([])
    for rate in (0, 10**12):
        with pytest.raises(CoopError, match="rate: expected 100 to 384000 samples per second"):
            load_sound([str(tmp_path / "x.wav")], rate=rate)


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = Path(save(tmp_path / "x.flac", np.random.default_rng(0).uniform(-1, 1, 99999), 8000))
    path.write_bytes(path.read_bytes()[:90000])
    with pytest.raises(CoopError, match=r"x\.flac: (cut short|not a sound)"):
        load_sound([str(path)])


def test_broken_files_are_left_out_and_said(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", tone(8000, 0.2), 8000)
    save(tmp_path / "silent.wav", np.zeros(900), 8000)
    with pytest.raises(CoopError, match=r"silent\.wav: silence.*--skip-broken"):
        load_sound([str(tmp_path)])
    said: list[str] = []
    assert load_sound([str(tmp_path)], skip_broken=True, say=said.append).names == ("a.wav",)
    assert said[0].startswith("1 broken files are left out")


def test_a_whitened_sound_is_flat_and_comes_back(tmp_path: Path) -> None:
    x = np.cumsum(np.random.default_rng(0).normal(size=8000))  # 6 dB less an octave up
    x = 0.5 * (x - x.mean()) / np.abs(x).max()
    path = save(tmp_path / "walk.wav", x, 11025, "FLOAT")
    signals = load_sound([path], whitening=8)
    white = signals.arrays[0][0, :, 0]
    power = np.abs(np.fft.rfft(white)) ** 2
    assert 0.5 < power[20:400].mean() / power[2000:].mean() < 2
    np.testing.assert_allclose(colour(white, signals.whitening), x, atol=1e-4)
    assert Signals.from_npz(signals.to_npz()).whitening == signals.whitening
    with pytest.raises(CoopError, match="incomplete sounds cannot be whitened"):
        signals.with_masks([signals.arrays[0] > 0])
