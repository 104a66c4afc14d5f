"""coop-run generate with sounds, clips, pictures of one size, and models that lack a part."""

import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageSequence

import coop_runtime
from coop_apps.pictures import encode_clip
from coop_apps.run import main
from coop_runtime import Array, Card
from coop_runtime.card import Graph, Signal

Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]

SOUND = Signal("sound", 1, 2, (-1.0, 1.0), (-0.5, 0.5), (80,), (True,), rate=800.0)
CLIPS = Signal("clips", 3, 3, (-1.0, 1.0), (0.0, 255.0), (4, 8, 6), (True, False, False), rate=20.0)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def refused(result: Result, code: int, message: str) -> None:
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr.strip().splitlines()[-1]


@pytest.fixture
def judge(edit_bundle: Edit) -> Callable[[Signal], Path]:
    """Give a function that writes a bundle of the energy ½‖x‖² alone, for any kind of signal."""

    def write(signal: Signal) -> Path:
        sizes = [
            f"N{k}" if free else n
            for k, (n, free) in enumerate(zip(signal.trained_shape, signal.extendable, strict=True))
        ]
        x = ("batch", signal.channels, *sizes)
        axes = list(range(1, len(x)))
        shape = ", ".join(map(str, x))
        text = f"""<ir_version: 8, opset_import: ["": 18]>
            energy (float[{shape}] x) => (float[batch] energy, float[{shape}] gradient)
            <int64[{len(axes)}] axes = {{{", ".join(map(str, axes))}}}, float half = {{0.5}}> {{
                square = Mul(x, x)
                sum = ReduceSum<keepdims = 0>(square, axes)
                energy = Mul(half, sum)
                gradient = Identity(x)
            }}"""
        strides = tuple(10 if signal.dims == 1 else 2 for _ in sizes)
        energy = Graph("energy.onnx", strides, {"x": x}, {"energy": ("batch",), "gradient": x})

        def edit(card: Card) -> Card:
            return replace(card, signal=signal, graphs={"energy": energy}, latent=None, sigma=None)

        return edit_bundle(edit, {"energy.onnx": text})

    return write


def drawn(bundle: Path, number: int, size: tuple[int, ...]) -> Array:
    """What the command draws from a bundle without generator, with seed 0."""
    model = coop_runtime.load(bundle, "cpu")
    *_, last = model.refine(model.noise(1, 0, size, first=number), first=number)
    return last.x


def test_a_sound(judge: Callable[[Signal], Path], tmp_path: Path) -> None:
    bundle, out = judge(SOUND), tmp_path / "out.wav"
    result = run("generate", bundle, "--seconds", 0.25, "-o", out)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{out}\n", "")
    with wave.open(str(out)) as file:
        assert file.getparams()[:4] == (2, 2, 800, 200)
        levels = np.frombuffer(file.readframes(200), "<i2").reshape(200, 2)
    samples = coop_runtime.to_samples(drawn(bundle, 0, (200,)), SOUND)[0]
    np.testing.assert_allclose(levels / 32767, samples, atol=0.51 / 32767)
    several = run("generate", bundle, "-n", 2, "--size", 37, "-o", out)
    assert several.stdout.split() == [str(tmp_path / f"out-{k}.wav") for k in (0, 1)]
    for arguments, message in (
        (["-o", tmp_path / "out.png"], "does not end in .wav"),
        (["-o", out, "--sheet"], "--sheet is for pictures and clips; 'tiny' draws sound"),
    ):
        refused(run("generate", bundle, *arguments), 2, message)
    assert "sound, 1-D, 2 channel(s), trained at 80, 800 per second" in run("info", bundle).stdout


def test_a_sound_without_rate(judge: Callable[[Signal], Path], tmp_path: Path) -> None:
    bundle = judge(replace(SOUND, rate=None))
    refused(run("generate", bundle, "-o", tmp_path / "out.wav"), 1, "has no rate, which a sound")


@pytest.mark.parametrize(("suffix", "exact"), [(".webp", True), (".gif", False)])
def test_a_clip(judge: Callable[[Signal], Path], tmp_path: Path, suffix: str, exact: bool) -> None:
    bundle, out = judge(CLIPS), tmp_path / f"out{suffix}"
    result = run("generate", bundle, "--size", 5, "-o", out)
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    frames = coop_runtime.to_uint8(drawn(bundle, 0, (5, 8, 6)), CLIPS)[0]
    with Image.open(out) as image:
        found = np.stack([np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(image)])
        assert image.info["duration"] == 50
    assert found.shape == frames.shape
    if exact:
        np.testing.assert_array_equal(found, frames)
    else:
        assert np.abs(found.astype(int) - frames).mean() < 16  # of 256 levels, by a palette


def test_a_clip_as_frames(judge: Callable[[Signal], Path], tmp_path: Path) -> None:
    bundle, out = judge(CLIPS), tmp_path / "out"
    result = run("generate", bundle, "--seconds", 0.15, "--frames", "-o", out)
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    frames = coop_runtime.to_uint8(drawn(bundle, 0, (3, 8, 6)), CLIPS)[0]
    names = sorted(path.name for path in out.iterdir())
    assert names == ["frame-0000.png", "frame-0001.png", "frame-0002.png"]
    for name, frame in zip(names, frames, strict=True):
        with Image.open(out / name) as image:
            np.testing.assert_array_equal(np.asarray(image), frame)
    refused(run("generate", bundle, "--frames", "-o", out), 1, "out' exists already; give a new")
    (tmp_path / "several-1").mkdir()
    several = run("generate", bundle, "--frames", "-n", 2, "-o", tmp_path / "several")
    assert several.stdout.split() == [str(tmp_path / f"several-{k}") for k in (0, 1)]
    refused(run("generate", bundle, "--frames", "-n", 2, "-o", tmp_path / "several"), 1, "al-0'")
    sheet = tmp_path / "sheet"
    run("generate", bundle, "-n", 2, "--sheet", "--frames", "-o", sheet)
    with Image.open(sheet / "frame-0003.png") as image:
        assert image.size == (2 * 6 + 4, 8)


def test_sizes_of_clips(judge: Callable[[Signal], Path], tmp_path: Path) -> None:
    bundle, out = judge(CLIPS), tmp_path / "out.gif"
    refused(
        run("generate", bundle, "--size", "5x8x8", "-o", out),
        1,
        "'tiny' draws Nx8x6 only; give any number for N",
    )
    refused(
        run("generate", bundle, "-o", tmp_path / "a.avi"), 2, "not end in .gif or .webp or .mp4"
    )
    described = run("info", bundle).stdout
    assert "draws      Nx8x6, any N" in described
    assert "latent" not in described
    assert not out.exists()


def test_pictures_of_one_size_in_a_grid(judge: Callable[[Signal], Path], tmp_path: Path) -> None:
    images = Signal("images", 2, 1, (-1.0, 1.0), (0.0, 255.0), (8, 6), (False, False))
    bundle, out = judge(images), tmp_path / "out.png"
    assert run("generate", bundle, "-n", 7, "--sheet", "-o", out).exit_code == 0
    with Image.open(out) as image:
        sheet = np.asarray(image)
    assert sheet.shape == (3 * 8 + 2 * 4, 3 * 6 + 2 * 4)
    fifth = coop_runtime.to_uint8(drawn(bundle, 4, (8, 6)), images)[0, ..., 0]
    np.testing.assert_array_equal(sheet[12:20, 10:16], fifth)
    refused(
        run("generate", bundle, "--size", "16", "-o", out),
        1,
        "'tiny' draws 8x6 only; leave size out",
    )
    assert "draws      8x6\n" in run("info", bundle).stdout


def test_a_model_without_energy(edit_bundle: Edit, tmp_path: Path) -> None:
    def drawing(card: Card) -> Card:
        graphs = {name: card.graphs[name] for name in ("generator", "posterior")}
        return replace(card, graphs=graphs, langevin=None, training={"method": "vae"})

    bundle, out = edit_bundle(drawing, {}), tmp_path / "out.png"
    assert run("generate", bundle, "--seed", 3, "-o", out).exit_code == 0
    model = coop_runtime.load(bundle, "cpu")
    with Image.open(out) as image:
        expected = coop_runtime.to_uint8(model.generate(1, 3), model.card.signal)[0]
        np.testing.assert_array_equal(np.asarray(image), expected)
    assert run("generate", bundle, "--refine", 0, "-o", out).exit_code == 0
    refused(
        run("generate", bundle, "--refine", 3, "-o", tmp_path / "new.png"),
        1,
        "'tiny' has no energy (it was learned by vae)",
    )
    assert not (tmp_path / "new.png").exists()
    assert "langevin" not in run("info", bundle).stdout


def test_clips_of_grey_levels_are_exact_in_gif(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1), np.uint8)
    (tmp_path / "a.gif").write_bytes(encode_clip(frames, 10.0, "gif"))
    with Image.open(tmp_path / "a.gif") as image:
        found = np.stack([np.asarray(f.convert("L")) for f in ImageSequence.Iterator(image)])
    np.testing.assert_array_equal(found, frames[..., 0])
