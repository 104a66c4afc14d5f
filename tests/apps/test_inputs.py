"""Reading pictures, sounds and clips, and writing what stands side by side."""

import io
import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import coop_runtime
from coop_apps.inputs import find_inputs, fingerprint, open_picture, read_input
from coop_apps.outputs import Output
from coop_apps.places import encode_side_by_side
from coop_runtime import Array, Card, CoopError
from coop_runtime.card import FORMAT, Entry, Graph, Langevin, Signal
from coop_trainer.data import pictures
from coop_trainer.decoding import PICTURES, SOUNDS, VIDEOS

SOUND = Signal("sound", 1, 1, (-1.0, 1.0), (-0.5, 0.5), (80,), (True,), rate=800.0)
CLIPS = Signal("clips", 3, 3, (-1.0, 1.0), (0.0, 255.0), (4, 8, 6), (True, False, False), rate=20.0)
GREY = Signal("images", 2, 1, (-1.0, 1.0), (0.0, 255.0), (8, 6), (False, False))


def card(signal: Signal) -> Card:
    """Describe a bundle of an energy alone; there are no files."""
    x: tuple[int | str, ...] = ("batch", signal.channels, *map("N{}".format, range(signal.dims)))
    graph = Graph("energy.onnx", (1,) * signal.dims, {"x": x}, {"energy": ("batch",)})
    entry = Entry("0" * 64, 1)
    return Card(
        FORMAT,
        "judge",
        signal,
        None,
        Langevin(5, 0.1),
        None,
        {"energy": graph},
        {"energy.onnx": entry},
    )


def signals(signal: Signal, *size: int) -> Array:
    """Give signals; of pictures and clips, on the 8-bit levels."""
    if signal.dims == 1:
        return np.random.default_rng(0).uniform(-1, 1, (1, 1, *size)).astype(np.float32)
    levels = np.random.default_rng(0).integers(0, 256, (1, *size, signal.channels), np.uint8)
    return coop_runtime.from_uint8(levels, signal)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F", "CMYK"])
def test_pictures_are_opened_as_in_training(tmp_path: Path, mode: str) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)
    path = tmp_path / "a.tif"
    if mode == "I;16":
        Image.fromarray(levels[..., 0].astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(levels).convert("RGBA" if "A" in mode else "RGB").convert(mode).save(path)
    found, expected = open_picture(path.read_bytes(), str(path)), pictures.open_picture(path)
    assert found.mode == expected.mode
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_orientation_is_followed() -> None:
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("RGB", (4, 7)).save(stream, "JPEG", exif=exif)
    assert open_picture(stream.getvalue(), "a.jpg").size == (7, 4)


def test_colour_is_made_grey_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    Image.fromarray(levels).save(tmp_path / "colour.png")
    x = read_input(str(tmp_path / "colour.png"), card(GREY)).x
    grey = np.asarray(Image.fromarray(levels).convert("L"))
    np.testing.assert_array_equal(coop_runtime.to_uint8(x, GREY)[0, ..., 0], grey)
    assert "colour is made grey, as in training" in capsys.readouterr().err
    Image.fromarray(grey).convert("RGB").save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_input(str(tmp_path / "grey.png"), card(GREY)).x, x)
    assert capsys.readouterr().err == ""


def test_other_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (9, 8)).save(path)
    with pytest.raises(CoopError, match=r"expected the size 8x6 \(height first\), found 8x9"):
        read_input(str(path), card(GREY))
    assert read_input(str(path), card(GREY), any_size=True).x.shape == (1, 1, 8, 9)


def test_sounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, path = signals(SOUND, 300), tmp_path / "a.wav"
    Output(card(SOUND), path).write([x], [0])
    read = read_input(str(path), card(SOUND))
    np.testing.assert_allclose(read.x, x, atol=3 / 32767)
    assert capsys.readouterr().err == ""
    t = np.arange(4000) / 1600
    tone = 0.4 * np.sin(2 * np.pi * 50 * t)
    soundfile.write(tmp_path / "b.flac", np.stack([tone, 0.5 * tone], 1), 1600)
    found = read_input(str(tmp_path / "b.flac"), card(SOUND)).x[0, 0]
    assert found.shape == (2000,)
    expected = 2 * 0.75 * tone[::2]  # ±0.5 becomes ±1
    np.testing.assert_allclose(found[100:-100], expected[100:-100], atol=1e-3)
    said = capsys.readouterr().err
    assert "2 channels are averaged" in said
    assert "1600 samples per second become 800" in said
    (tmp_path / "c.wav").write_bytes(b"RIFF")
    with pytest.raises(CoopError, match="not a sound that can be read"):
        read_input(str(tmp_path / "c.wav"), card(SOUND))


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a"])
def test_clips_as_they_are_written(tmp_path: Path, name: str) -> None:
    x, path = signals(CLIPS, 5, 8, 6), tmp_path / "clips" / name
    path.parent.mkdir()
    Output(card(CLIPS), path, frames=name == "a").write([x], [0])
    assert find_inputs([str(path)], 3) == find_inputs([str(path.parent)], 3) == [str(path)]
    read = read_input(str(path), card(CLIPS))
    assert read.sha256 == fingerprint(path)
    assert read.x.shape == x.shape
    if name != "a.gif":  # which has 256 colours a frame
        np.testing.assert_array_equal(read.x, x)


def test_what_is_found(tmp_path: Path) -> None:
    for name in ("b/a.PNG", "a.png", "a.png.json", ".hidden.png", "c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = [str(tmp_path / name) for name in ("a.png", "b/a.PNG")]
    assert find_inputs([str(tmp_path), "-"], 2) == [*found, "-"]
    assert find_inputs([str(tmp_path / "a*")], 2) == found[:1]
    with pytest.raises(CoopError, match=r"expected \.gif \.webp \.mp4"):
        find_inputs([str(tmp_path)], 3)


@pytest.mark.parametrize("ending", PICTURES)
def test_pictures_of_every_ending(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    Image.new("1" if ending == ".pbm" else "L", (6, 8)).save(path)
    (name,) = find_inputs([str(tmp_path)], 2)
    assert read_input(name, card(GREY)).x.shape == (1, 1, 8, 6)


@pytest.mark.parametrize("ending", SOUNDS)
def test_sounds_of_every_ending(tmp_path: Path, ending: str) -> None:
    kinds = {".oga": "OGG", ".aif": "AIFF", ".opus": "OGG"}
    soundfile.write(
        tmp_path / f"a{ending}",
        np.zeros(16000),
        16000,
        format=kinds.get(ending, ending[1:].upper()),
        subtype="OPUS" if ending == ".opus" else None,
    )
    (name,) = find_inputs([str(tmp_path)], 1)
    assert read_input(name, card(SOUND)).x.shape == (1, 1, 800)


@pytest.mark.parametrize("ending", VIDEOS)
def test_videos_of_every_ending(tmp_path: Path, ending: str) -> None:
    clips = replace(CLIPS, trained_shape=(4, 16, 32))
    levels = np.zeros((1, 5, 16, 32, 3), np.uint8)
    levels[:, :, :, :16, 0] = 255
    Output(card(clips), tmp_path / "a.mp4").write([coop_runtime.from_uint8(levels, clips)], [0])
    (tmp_path / "a.mp4").rename(tmp_path / f"a{ending}")  # FFmpeg looks at the content
    (name,) = find_inputs([str(tmp_path)], 3)
    read = coop_runtime.to_uint8(read_input(name, card(clips)).x, clips).astype(int)
    assert read.shape == levels.shape
    assert np.abs(read - levels).mean() < 16


def test_videos_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(CoopError, match=r"a\.mp4': not a video that can be read \("):
        read_input(str(path), card(CLIPS))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CoopError, match="reading a video needs PyAV: pip install"):
        read_input(str(path), card(CLIPS))


def test_the_commands_do_without_torch() -> None:
    code = "import sys, coop_apps.run, coop_trainer.decoding; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_side_by_side() -> None:
    sounds = np.concatenate([signals(SOUND, 50), -signals(SOUND, 50)])
    with wave.open(io.BytesIO(encode_side_by_side(sounds, card(SOUND), ".wav", 2, 10.0))) as file:
        samples = np.frombuffer(file.readframes(100), "<i2")
    np.testing.assert_array_equal(samples[:50], -samples[50:])
    clips = np.repeat(signals(CLIPS, 5, 8, 6), 3, 0)
    with Image.open(io.BytesIO(encode_side_by_side(clips, card(CLIPS), ".webp", 3, 9.0))) as image:
        assert (image.size, image.n_frames) == ((3 * 6 + 8, 8), 5)  # type: ignore[attr-defined]
        image.load()
        assert image.info["duration"] == 50
