from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from coop_runtime import CoopError
from coop_trainer.data import Signals, load_clips

FRAMES = np.random.default_rng(0).integers(0, 256, (6, 16, 24, 3), dtype=np.uint8)


def video(path: Path, frames: NDArray[np.uint8], rate: int = 12) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        stream.bit_rate = 10_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return str(path)


def smooth(count: int) -> NDArray[np.uint8]:
    """Frames that survive compression: two halves, left dark, right growing brighter."""
    frames = np.full((count, 16, 24, 3), 20, np.uint8)
    frames[:, :, 12:] = (60 + 20 * np.arange(count)[:, None, None, None]).astype(np.uint8)
    return frames


def test_npz_with_frames_per_second(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES, fps=np.float32(12.5))
    signals = load_clips([str(tmp_path / "a.npz")], size=None)
    assert (signals.kind, signals.dims, signals.rate) == ("clips", 3, 12.5)
    assert (signals.names, signals.source_range) == (("a.npz",), (0, 255))
    np.testing.assert_array_equal(signals.arrays[0][0], FRAMES)
    x = signals.tensors(torch.device("cpu"))[0]
    assert x.shape == (1, 3, 6, 16, 24)
    assert x[0, 1, 2, 3, 4].item() == pytest.approx(FRAMES[2, 3, 4, 1] / 127.5 - 1, abs=1e-6)
    again = Signals.from_npz(signals.to_npz())
    assert again.rate == 12.5
    np.testing.assert_array_equal(again.arrays[0], signals.arrays[0])


def test_one_colour_clip_makes_all_colour_and_rates_may_differ(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES[..., 0])
    np.savez(tmp_path / "b.npz", frames=FRAMES[:3, :10], fps=25)
    np.savez(tmp_path / "c.npz", frames=FRAMES[:4], fps=10)
    assert load_clips([str(tmp_path / "a.npz")], size=None).channels == 1
    said: list[str] = []
    signals = load_clips([str(tmp_path)], size=None, say=said.append)
    assert [a.shape for a in signals.arrays] == [
        (1, 6, 16, 24, 3),
        (1, 3, 10, 24, 3),
        (1, 4, 16, 24, 3),
    ]
    assert signals.rate == 25
    assert said == ["frames per second differ (c.npz 10); 25 are taken for all"]


@pytest.mark.parametrize(("name", "options"), [("a.gif", {}), ("a.webp", {"lossless": True})])
def test_animated_pictures(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    frames = FRAMES // 128 * 255  # few colours: GIF keeps them
    first, *others = map(Image.fromarray, frames)
    first.save(tmp_path / name, save_all=True, append_images=others, duration=40, **options)
    signals = load_clips([str(tmp_path / name)], size=None)
    assert signals.rate == pytest.approx(25)
    np.testing.assert_array_equal(signals.arrays[0][0], frames)


def test_a_grey_gif_stays_grey(tmp_path: Path) -> None:
    first, *others = map(Image.fromarray, FRAMES[..., 0])
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    signals = load_clips([str(tmp_path / "a.gif")], size=None)
    assert (signals.channels, signals.rate) == (1, 10)  # no duration: viewers show 0.1 s
    np.testing.assert_array_equal(signals.arrays[0][0, ..., 0], FRAMES[..., 0])


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
def test_videos(tmp_path: Path, name: str) -> None:
    signals = load_clips([video(tmp_path / name, smooth(8))], size=None)
    assert signals.rate == 12
    assert signals.arrays[0].shape == (1, 8, 16, 24, 3)
    difference = signals.arrays[0][0].astype(int) - smooth(8)
    assert np.abs(difference[:, :, [4, 20]]).max() < 12


def test_a_turned_video_is_turned_back(tmp_path: Path) -> None:
    path = Path(video(tmp_path / "a.mp4", smooth(4)))
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44  # of 9 int32: a quarter turn clockwise
    data[matrix : matrix + 36] = np.array(
        [0, 65536, 0, -65536, 0, 0, 16 * 65536, 0, 2**30], ">i4"
    ).tobytes()
    path.write_bytes(data)
    (array,) = load_clips([str(path)], size=None).arrays
    assert array.shape == (1, 4, 24, 16, 3)
    assert array[0, 3, 4].mean() < 50 < 100 < array[0, 3, 20].mean()  # left is now above


def test_size_is_the_shorter_side(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES)
    sources = [str(tmp_path / "a.npz"), video(tmp_path / "a.mp4", smooth(5))]
    arrays = load_clips(sources, size=8, say=lambda _: None).arrays
    assert [a.shape for a in arrays] == [(1, 6, 8, 12, 3), (1, 5, 8, 12, 3)]
    expected = Image.fromarray(FRAMES[3]).resize((12, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(arrays[0][0, 3], np.asarray(expected))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"frames": FRAMES[:0]}, "at least 2 frames, found 0"),
        ({"frames": FRAMES[:1]}, "at least 2 frames, found 1"),
        ({"frames": FRAMES[0, 0]}, "expected frames as uint8"),
        ({"frames": FRAMES / 255}, "expected frames as uint8"),
        ({"frames": FRAMES // 255 * 0}, "one single level"),
        ({"frames": FRAMES, "fps": 0}, "expected a positive number as fps"),
        ({"frames": FRAMES, "fps": np.array(["a"])}, "expected a positive number as fps"),
        ({"a": FRAMES, "fps": 25}, "no array 'frames', only a, fps"),
    ],
)
def test_npz_that_is_no_clip(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(CoopError, match=message) as caught:
        load_clips([str(tmp_path / "x.npz")], size=None)
    assert "x.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.gif", "not an animated picture"),
        ("x.webp", "not an animated picture"),
        ("x.mp4", "not a video"),
        ("x.npz", "not a NumPy file"),
        ("x", "not a video"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"hello", b"GIF89a\1\0\1\0"])
def test_files_that_are_no_clip(tmp_path: Path, name: str, message: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CoopError, match=f"{name}.*({message}|at least 2 frames)") as caught:
        load_clips([str(tmp_path / name)], size=None)
    assert "\n" not in str(caught.value)


def test_one_picture_is_no_clip(tmp_path: Path) -> None:
    for name in ("still.gif", "still.webp"):
        Image.fromarray(FRAMES[0]).save(tmp_path / name)
        with pytest.raises(CoopError, match="at least 2 frames, found 1"):
            load_clips([str(tmp_path / name)], size=None)
    with pytest.raises(CoopError, match="at least 2 frames, found 1"):
        load_clips([video(tmp_path / "still.mp4", smooth(1))], size=None)


def test_too_many_frames_for_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coop_trainer.data.clips.LARGEST", 5 * 16 * 24 * 3)
    np.savez(tmp_path / "a.npz", frames=FRAMES)
    with pytest.raises(CoopError, match="give --size"):
        load_clips([str(tmp_path / "a.npz")], size=None)
    assert load_clips([str(tmp_path / "a.npz")], size=8).arrays[0].shape[1] == 6


def test_a_sound_in_a_video_file_is_no_clip_and_may_be_left_out(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "b.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    with pytest.raises(CoopError, match="no video in it"):
        load_clips([str(tmp_path / "b.mp4")], size=None)
    np.savez(tmp_path / "a.npz", frames=FRAMES)
    said: list[str] = []
    assert load_clips([str(tmp_path)], size=None, skip_broken=True, say=said.append).names == (
        "a.npz",
    )
    assert "b.mp4: there is no video in it" in said[0]
    with pytest.raises(CoopError, match="no clip given"):
        load_clips([], size=None)
