"""coop-run generate in parts: large pictures, sounds and clips, loops, standard output."""

import importlib
import io
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result
from PIL import Image, ImageSequence

import coop_runtime
from coop_apps.movies import write_mp4
from coop_apps.png import write_png
from coop_apps.run import main
from coop_apps.sounds import write_sound
from coop_runtime import Array, Card, CoopError
from coop_runtime.card import Graph, Signal

Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]
Write = Callable[[Signal], Path]

SOUND = Signal("sound", 1, 2, (-1.0, 1.0), (-0.5, 0.5), (80,), (True,), rate=800.0)
WHITE = replace(SOUND, whitening=(0.5, -0.2))
CLIPS = Signal("clips", 3, 3, (-1.0, 1.0), (0.0, 255.0), (4, 8, 6), (True, False, False), rate=20.0)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def refused(result: Result, code: int, message: str) -> None:
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr.strip().splitlines()[-1]


@pytest.fixture
def judge(edit_bundle: Edit, tmp_path: Path) -> Write:
    """Give a function that writes a bundle of the energy ½‖x‖² alone, whose reach is nothing."""

    def write(signal: Signal) -> Path:
        x: tuple[int | str, ...] = ("batch", signal.channels, *signal.trained_shape)
        x = tuple(n if k < 2 or not signal.extendable[k - 2] else f"N{k}" for k, n in enumerate(x))
        shape, axes = ", ".join(map(str, x)), ", ".join(map(str, range(1, len(x))))
        text = f"""<ir_version: 8, opset_import: ["": 18]>
            energy (float[{shape}] x) => (float[batch] energy, float[{shape}] gradient)
            <int64[{len(x) - 1}] axes = {{{axes}}}, float half = {{0.5}}> {{
                square = Mul(x, x)
                sum = ReduceSum<keepdims = 0>(square, axes)
                energy = Mul(half, sum)
                gradient = Identity(x)
            }}"""
        strides = tuple(10 if signal.dims == 1 else 2 for _ in signal.trained_shape)
        energy = Graph("energy.onnx", strides, {"x": x}, {"energy": ("batch",), "gradient": x})

        def edit(card: Card) -> Card:
            assert card.langevin is not None
            return replace(
                card,
                signal=signal,
                graphs={"energy": energy},
                latent=None,
                sigma=None,
                langevin=replace(card.langevin, reach=(0,) * signal.dims),
            )

        return edit_bundle(edit, {"energy.onnx": text}).rename(tmp_path / f"judge-{signal.kind}")

    return write


@pytest.fixture
def texture(edit_bundle: Edit, tmp_path: Path) -> Path:
    """Write the tiny bundle, whose cells do not overlap, with that said in its card."""

    def edit(card: Card) -> Card:
        assert card.latent is not None
        assert card.langevin is not None
        return replace(
            card,
            latent=replace(card.latent, reach=(0, 0)),
            langevin=replace(card.langevin, reach=(0, 0)),
        )

    return edit_bundle(edit, {}).rename(tmp_path / "texture")


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take everything for large, and tiles of about 10 × 10."""
    for module in ("coop_apps.commands.generate", "coop_runtime.tasks.stream"):
        monkeypatch.setattr(importlib.import_module(module), "TILE", 100)


def drawn(bundle: Path, size: tuple[int, ...], number: int = 0) -> Array:
    """What the command draws, whole."""
    model = coop_runtime.load(bundle, "cpu")
    draw = model.generate if model.card.latent else model.noise
    *_, last = model.refine(draw(1, 0, size, first=number), first=number)
    return last.x


@pytest.mark.usefixtures("small_tiles")
def test_a_picture_in_parts(texture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = run("generate", texture, "--size", "45x30", "-n", 2, "--first", 3, "-o", out)
    paths = [tmp_path / f"out-{k}.png" for k in (3, 4)]
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split() == [str(path) for path in paths]
    assert len(list(tmp_path.glob("out*"))) == 4  # two sidecars, no temporary file
    signal = coop_runtime.read_card(texture).signal
    for k, path in zip((3, 4), paths, strict=True):
        expected = coop_runtime.to_uint8(drawn(texture, (45, 30), k), signal)[0].astype(int)
        found = np.asarray(Image.open(path)).astype(int)
        assert np.abs(found - expected).max() <= 1
    before = paths[0].read_bytes()
    assert run("again", f"{paths[0]}.json").exit_code == 0
    assert paths[0].read_bytes() == before


def test_a_loop_has_whole_cells(judge: Write, texture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert run("generate", texture, "--loop", "--size", "8x12", "-o", out).exit_code == 0
    with Image.open(out) as picture:
        assert picture.size == (12, 8)
    result = run("generate", texture, "--loop", "--size", "8x13", "-o", out)
    refused(result, 1, "size: a loop needs multiples of 4x4, found 8x13")
    bundle, out = judge(SOUND), tmp_path / "out.wav"
    assert run("generate", bundle, "--loop", "--seconds", 0.206, "-o", out).exit_code == 0
    with wave.open(str(out)) as file:
        assert file.getnframes() == 160


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("signal", [SOUND, WHITE])
def test_a_sound_in_parts(judge: Write, signal: Signal, tmp_path: Path) -> None:
    bundle = judge(signal)
    samples = coop_runtime.to_samples(drawn(bundle, (1234,)), signal)[0]
    for name in ("out.wav", "out.flac"):
        out = tmp_path / name
        result = run("generate", bundle, "--size", 1234, "-o", out)
        assert (result.exit_code, result.stdout, result.stderr) == (0, f"{out}\n", "")
        found, rate = soundfile.read(out, dtype="float64")
        assert (rate, found.shape) == (800, (1234, 2))
        np.testing.assert_allclose(found * 32768 / 32767, samples, atol=0.6 / 32767)


def test_a_whitened_loop_has_no_click(judge: Write, tmp_path: Path) -> None:
    """Played twice, it is what is coloured after itself."""
    bundle, out = judge(WHITE), tmp_path / "out.wav"
    assert run("generate", bundle, "--loop", "--size", 200, "-o", out).exit_code == 0
    found = soundfile.read(out, dtype="float64")[0] * 32768 / 32767
    model = coop_runtime.load(bundle, "cpu")
    (block,) = model.stream(0, 200, refine_steps=5, loop=True)
    twice = coop_runtime.to_samples(np.concatenate([block.x] * 2, axis=2), WHITE)[0]
    np.testing.assert_allclose(found, twice[200:], atol=0.6 / 32767)


@pytest.mark.usefixtures("small_tiles")
def test_clips_in_parts(judge: Write, tmp_path: Path) -> None:
    bundle = judge(CLIPS)
    expected = coop_runtime.to_uint8(drawn(bundle, (10, 8, 6)), CLIPS)[0]
    for name in ("out.webp", "out.gif", "out.mp4", "frames"):
        more = ["--frames"] if name == "frames" else []
        result = run("generate", bundle, "--seconds", 0.5, *more, "-o", tmp_path / name)
        assert (result.exit_code, result.stdout) == (0, f"{tmp_path / name}\n"), result.stderr
    with Image.open(tmp_path / "out.webp") as clip:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(clip)]
    np.testing.assert_array_equal(frames, expected)
    files = sorted((tmp_path / "frames").glob("*.png"))
    np.testing.assert_array_equal([np.asarray(Image.open(file)) for file in files], expected)
    with av.open(tmp_path / "out.mp4", "r") as movie:
        pictures = [frame.to_ndarray(format="rgb24") for frame in movie.decode(video=0)]
        assert float(movie.streams.video[0].average_rate or 0) == 20
    assert np.shape(pictures) == (10, 8, 6, 3)


def test_mp4_shows_what_it_is_given() -> None:
    ramp = np.linspace(0, 255, 31).astype(np.uint8)
    frames = np.broadcast_to(ramp[:, None, None], (5, 31, 33, 1)).copy()
    file = io.BytesIO()
    write_mp4(file, [frames[:2], frames[2:]], 12.5, (31, 33))
    file.seek(0)
    with av.open(file, "r") as movie:
        found = [frame.to_ndarray(format="rgb24") for frame in movie.decode(video=0)]
    assert np.shape(found) == (5, 32, 34, 3)
    assert np.abs(np.array(found)[:, :31, :33, :1].astype(int) - frames).mean() < 4


@pytest.mark.parametrize("channels", [1, 3])
def test_png_of_bands(channels: int) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (150, 7, channels), np.uint8)
    picture[20:90] = 3  # where the row above is better than the pixel before
    file = io.BytesIO()
    write_png(file, [picture[:1], picture[1:140], picture[140:]], picture.shape)
    np.testing.assert_array_equal(np.asarray(Image.open(file)).reshape(picture.shape), picture)


def test_standard_output(judge: Write, texture: Path) -> None:
    picture = Image.open(io.BytesIO(run("generate", texture, "-o", "-").stdout_bytes))
    assert (picture.format, picture.size) == ("PNG", (8, 8))
    bundle = judge(SOUND)
    sound = run("generate", bundle, "--size", 90, "-o", "-").stdout_bytes
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getparams()[:4] == (2, 2, 800, 90)
        samples = file.readframes(90)
    raw = run("generate", bundle, "--size", 90, "--raw", "-o", "-")
    assert (raw.stdout_bytes, raw.stderr) == (samples, "")
    clip = run("generate", judge(CLIPS), "-o", "-").stdout_bytes
    assert Image.open(io.BytesIO(clip)).format == "WEBP"


def test_a_bundle_without_reach_is_drawn_whole(tiny_bundle: Path) -> None:
    picture = Image.open(io.BytesIO(run("generate", tiny_bundle, "-o", "-").stdout_bytes))
    assert picture.size == (8, 8)
    refused(run("generate", tiny_bundle, "--loop", "-o", "-"), 1, "export it again")


def test_a_sound_without_end_stops_when_nobody_listens(judge: Write) -> None:
    """Quietly: a broken pipe is how it ends."""
    command = [sys.executable, "-c", "from coop_apps.run import main; main()", "generate"]
    command += [str(judge(SOUND)), "--seconds", "inf", "--refine", "1", "--raw", "-o", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(os.read(process.stdout.fileno(), 4000)) == 4000
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_file_that_is_not_completed_leaves_nothing(
    judge: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise CoopError("the disk is full")

    bundle, out = judge(SOUND), tmp_path / "out.flac"
    monkeypatch.setattr("coop_apps.outputs.write_sound", fails)
    refused(run("generate", bundle, "--size", 10**6, "-o", out), 1, "the disk is full")
    assert not list(tmp_path.glob("out*"))
    assert not list(tmp_path.glob(".coop*"))


def test_what_is_refused(judge: Write, texture: Path, tmp_path: Path) -> None:
    sound, out = judge(SOUND), tmp_path / "a.wav"
    refused(run("generate", sound, "--seconds", "inf", "-o", out), 2, "a file has an end")
    refused(run("generate", sound, "--seconds", "nan", "-o", out), 2, "expected a number")
    refused(run("generate", sound, "--raw", "-o", out), 2, "--raw is for sounds on standard output")
    refused(run("generate", texture, "--raw", "-o", "-"), 2, "--raw is for sounds; ")
    refused(run("generate", sound, "-n", 2, "-o", "-"), 2, "standard output takes one signal")
    refused(run("generate", sound, "--seconds", 1e7, "-o", out), 1, "WAV file holds less than 4 Gi")
    loop = ("--seconds", "inf", "--loop", "--raw", "-o", "-")
    refused(run("generate", sound, *loop), 1, "size: a loop has an end")
    fixed = judge(replace(CLIPS, extendable=(False,) * 3))
    refused(run("generate", fixed, "--loop", "-o", tmp_path / "a.gif"), 1, "draws one size only")


@pytest.mark.parametrize(("package", "name"), [("soundfile", "a.flac"), ("av", "a.mp4")])
def test_a_missing_package_is_named(
    judge: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    bundle = judge(SOUND if package == "soundfile" else CLIPS)
    refused(run("generate", bundle, "-o", tmp_path / name), 1, "pip install 'coopnets[")


def test_a_sound_too_long_for_wav() -> None:
    with pytest.raises(CoopError, match="a WAV file holds less than 4 GiB"):
        write_sound(io.BytesIO(), [], 8000.0, (2**31, 1))
