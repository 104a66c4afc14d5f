"""Sounds as they are made, played, drawn and kept: what stands behind the tabs, without a page."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import ExifTags, Image

import coop_runtime
from coop_apps.export import main as export
from coop_apps.movies import write_mp4
from coop_apps.pictures import encode_clip
from coop_apps.run import main as play
from coop_apps.sounds import encode_sound, with_comment
from coop_apps.studio.library import Library
from coop_apps.studio.sounding import between, length_of, sounding
from coop_apps.studio.spectrogram import magma, octave_edges, sound_picture, spectrogram
from coop_apps.train import main as train
from coop_runtime import CoopError, Model
from coop_runtime.bundle import read_sample
from coop_runtime.tasks.stream import TILE

TINY = Path(__file__).parents[2]
RATE = 8000.0


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a sound that was learned whitened, whose generator looks beyond its cell."""
    here = tmp_path_factory.mktemp("learned")
    noise = np.random.default_rng(0).normal(0, 0.2, 3000)
    soundfile.write(here / "rain.wav", np.cumsum(noise - 0.3 * noise.mean()) * 0.05, 8000)
    settings = ("--set", "data.rate=8000", "--set", "data.whitening=2")
    run(train, "sound", here / "rain.wav", "--config", TINY / "tiny-sound.toml", *settings,
        "--out", here / "run")  # fmt: skip
    run(export, here / "run", here / "rain", "--with-original", "--rtol", "1e-3")
    return here / "rain"


def run(command: object, *words: object) -> None:
    result = CliRunner().invoke(command, [str(word) for word in words])  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output


def rain(library: Path) -> Model:
    return coop_runtime.load(library / "rain", "cpu")


@pytest.mark.parametrize("hertz", [100.0, 440.0, 3100.0])
def test_a_tone_lights_up_the_row_of_its_frequency_at_its_level(hertz: float) -> None:
    time = np.arange(16000) / RATE
    level = spectrogram(np.sin(2 * np.pi * hertz * time)[:, None], RATE, (140, 50))
    edges = octave_edges(RATE, 140)
    row = int(np.argmax(level[:, 25]))
    assert abs(np.log2(np.sqrt(edges[row] * edges[row + 1]) / hertz)) < 0.1
    assert -12 < level[row, 25] < 1


def test_a_click_lights_up_its_time_only() -> None:
    samples = np.zeros((8000, 1), np.float32)
    samples[4000] = 1
    loud = np.flatnonzero((spectrogram(samples, RATE, (20, 101)) > -100).all(0))
    assert 46 <= loud.min() <= 50 <= loud.max() <= 54


def test_white_noise_is_flat_over_frequency() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (80000, 1)).astype(np.float32)
    power = 10 ** (spectrogram(noise, RATE, (14, 400)) / 10)
    mean = 10 * np.log10(power.mean(1))
    assert np.ptp(mean[:-3]) < 2


def test_the_colours_grow_evenly_lighter() -> None:
    colours = magma(np.linspace(0, 1, 200)).astype(np.float64)
    assert (np.diff(colours @ [0.2126, 0.7152, 0.0722]) > -1).all()


@pytest.mark.parametrize("length", [1, 30, 5000])
def test_every_sound_has_a_picture(length: int) -> None:
    for samples in (np.zeros((length, 1)), np.ones((length, 2))):
        assert sound_picture(samples.astype(np.float32), RATE).shape == (280, 552, 3)


@pytest.mark.parametrize(("steps", "loop"), [(0, False), (3, False), (0, True), (3, True)])
def test_a_sound_is_what_the_command_writes(
    learned: Path, tmp_path: Path, steps: int, loop: bool
) -> None:
    model = coop_runtime.load(learned, "cpu")
    states = list(sounding(model, 2000, 7, steps, loop))
    assert [s.done for s in states] == sorted(s.done for s in states)
    assert states[-1].done == 1
    out = tmp_path / "out.wav"
    run(play, "generate", learned, "--size", 2000, "--seed", 7, "--refine", steps,
        *["--loop"] * loop, "-o", out)  # fmt: skip
    assert encode_sound(states[-1].samples, RATE) == out.read_bytes()


def test_a_long_sound_grows_and_is_what_the_command_writes(library: Path, tmp_path: Path) -> None:
    length, out = TILE + 5000, tmp_path / "out.wav"
    with rain(library) as model:
        states = list(sounding(model, length, 0, 1, loop=False))
    assert not states[0].samples[-4000:].any()
    assert states[0].samples[:4000].any()
    run(play, "generate", library / "rain", "--size", length, "--refine", 1, "-o", out)
    assert encode_sound(states[-1].samples, RATE) == out.read_bytes()


def test_a_loop_flows_into_itself(learned: Path) -> None:
    """Played twice, the seam is no rougher than the rest."""
    with coop_runtime.load(learned, "cpu") as model:
        *_, last = sounding(model, 2000, 1, 3, loop=True)
    twice = np.concatenate([last.samples, last.samples])[:, 0]
    bend = np.abs(np.diff(twice, 2))
    assert bend[1990:2010].max() <= bend[:1990].max()


@pytest.mark.parametrize(("way", "seed"), [(0.0, 3), (1.0, 9)])
def test_the_ends_of_a_variation_are_the_loops_of_its_seeds(
    learned: Path, way: float, seed: int
) -> None:
    with coop_runtime.load(learned, "cpu") as model:
        stride = model.card.latent.strides[0] if model.card.latent else 1
        *_, draft = sounding(model, 100 * stride, seed, 0, loop=True)
        found = between(model, (3, 9), way, 100)
        halfway = between(model, (3, 9), 0.5, 100, 2)
    np.testing.assert_allclose(found, draft.samples, atol=1e-5)
    assert halfway.shape == found.shape
    assert np.abs(halfway - found).max() > 0.01


def test_lengths_are_in_seconds_and_loops_in_whole_cells(library: Path) -> None:
    card = coop_runtime.read_card(library / "rain")
    assert length_of(card, 0.5101, 60, loop=False) == 4081
    assert length_of(card, 0.5101, 60, loop=True) == 4080
    assert length_of(card, 1e-6, 60, loop=True) == 40
    for seconds in (0.0, -1.0, 61.0, float("nan"), float("inf")):
        with pytest.raises(CoopError, match="up to 60 seconds"):
            length_of(card, seconds, 60, loop=False)


def test_a_comment_is_read_by_others_and_changes_no_sample() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (501, 1)).astype(np.float32)
    plain = encode_sound(samples, RATE)
    with soundfile.SoundFile(io.BytesIO(with_comment(plain, '{"seed": 3} ü'))) as sound:
        assert sound.comment == '{"seed": 3} ü'
        read = sound.read(dtype="int16")
    np.testing.assert_array_equal(read, soundfile.read(io.BytesIO(plain), dtype="int16")[0])


def test_clips_keep_a_comment() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(encode_clip(frames, 10, "webp", "made so"))) as webp:
        assert webp.getexif()[ExifTags.Base.ImageDescription] == "made so"
    with Image.open(io.BytesIO(encode_clip(frames, 10, "gif", "made so"))) as gif:
        assert gif.info["comment"] == b"made so"
    av, file = pytest.importorskip("av"), io.BytesIO()
    write_mp4(file, [frames], 10, (16, 16), "made so")
    with av.open(io.BytesIO(file.getvalue())) as movie:
        assert movie.metadata["comment"] == "made so"


def test_the_original_is_what_was_learned_from(learned: Path) -> None:
    data = Library(learned.parent).sample("rain", "original.wav")
    assert data is not None
    found, rate = soundfile.read(io.BytesIO(data))
    given, _ = soundfile.read(learned.parent / "rain.wav")
    assert rate == 8000
    np.testing.assert_allclose(found, given, atol=1e-4)


def test_an_original_is_there_only_if_asked_for_and_unchanged(library: Path, learned: Path) -> None:
    assert Library(library).sample("rain", "original.wav") is None
    card = coop_runtime.read_card(learned)
    path = learned / "samples" / "original.wav"
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"\1\1")
    with pytest.raises(CoopError, match="was changed"):
        read_sample(learned, card, "original.wav")
    path.write_bytes(data)


def test_originals_of_clips_and_textures(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "clip.npz", frames=frames, fps=12)
    Image.fromarray(np.tile(frames[0], (2, 3, 1))).save(tmp_path / "stone.png")
    for kind, source, config, ending in (
        ("clips", "clip.npz", "tiny-clips.toml", "gif"),
        ("texture", "stone.png", "tiny-texture.toml", "png"),
    ):
        out = tmp_path / kind
        run(train, kind, tmp_path / source, "--config", TINY / config, "--out", f"{out}-run")
        run(export, f"{out}-run", out, "--with-original", "--rtol", "1e-3")
        with Image.open(out / "samples" / f"original.{ending}") as shown:
            assert getattr(shown, "n_frames", 1) == (9 if kind == "clips" else 1)
            if kind == "texture":
                given = np.tile(frames[0], (2, 3, 1)).astype(int)
                assert np.abs(np.asarray(shown) - given).max() <= 1


def test_a_set_of_pictures_has_no_original(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=np.zeros((4, 8, 8), np.uint8) + np.arange(8, dtype="u1"))
    run(train, "images", tmp_path / "set.npz", "--config", TINY / "tiny-images.toml",
        "--out", tmp_path / "run")  # fmt: skip
    result = CliRunner().invoke(
        export, [str(tmp_path / "run"), str(tmp_path / "b"), "--with-original"]
    )
    assert result.exit_code == 1
    assert "leave --with-original out" in result.stderr
    assert not (tmp_path / "b").exists()
