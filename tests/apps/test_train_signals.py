"""coop-train images, sound and clips: wrong input is one line and writes nothing."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result
from PIL import Image

import coop_apps.options
from coop_apps.export import main as export
from coop_apps.run import main as play
from coop_apps.train import main as train
from coop_trainer.config import METHODS
from coop_trainer.run_folder import RunFolder
from coop_trainer.start import begin

HERE = Path(__file__).parent.parent


def tiny(kind: str) -> tuple[str, str]:
    return ("--config", str(HERE / f"tiny-{kind}.toml"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(train, [str(a) for a in arguments])


def trained(kind: str, *arguments: object) -> Result:
    result = run(kind, *arguments, *tiny(kind))
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad examples of every kind, and runs of some."""
    here, rng = tmp_path_factory.mktemp("work"), np.random.default_rng(0)

    def pixels(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return rng.integers(0, 256, shape, dtype=np.uint8)

    Image.fromarray(pixels(16, 16)).save(here / "stone.png")
    for folder, sizes in {"photos": [(8, 8)] * 5, "mixed": [(8, 8), (8, 10)]}.items():
        (here / folder).mkdir()
        for k, size in enumerate(sizes):
            Image.fromarray(pixels(*size, 3)).save(here / folder / f"{k}.png")
    (here / "photos" / "broken.png").write_bytes((here / "photos/0.png").read_bytes()[:60])
    np.savez(here / "set.npz", images=pixels(10, 8, 8))
    np.savez(here / "large.npz", images=pixels(4, 20, 20))
    np.savez(here / "mask.npz", masks=np.zeros((10, 4, 4), np.bool_))
    np.savez(here / "clip.npz", frames=pixels(9, 8, 8, 3), fps=12)
    np.savez(here / "none.npz", frames=pixels(0, 8, 8, 3))
    np.savez(here / "short.npz", frames=pixels(3, 8, 8, 3))
    sound = rng.normal(0, 0.2, 400).astype(np.float32)
    soundfile.write(here / "rain.wav", sound, 11025)
    soundfile.write(here / "short.wav", sound[:40], 11025)
    soundfile.write(here / "empty.wav", sound[:0], 11025)
    sound[7] = np.nan
    soundfile.write(here / "nan.wav", sound, 11025, subtype="FLOAT")
    trained("texture", here / "stone.png", "--out", here / "stone")
    trained("images", here / "set.npz", "--out", here / "set")
    mask = ("--method", "abp", "--mask", "P.5", "--recover", here / "recovered.npz")
    trained("images", here / "set.npz", *mask, "--out", here / "hidden")
    return here


NEW = ["--out", "new"]
ABP = ["--method", "abp", *NEW]


@pytest.mark.parametrize(
    ("kind", "arguments", "code", "message"),
    [
        ("images", ["{here}/photos", *NEW], 1, "photos/broken.png: not a picture"),
        ("images", ["{here}/photos", *NEW], 1, "add --skip-broken"),
        ("images", ["{here}/mixed", *NEW], 1, "0.png is 8x8, {here}/mixed/1.png is 10x8; give --s"),
        ("images", ["{here}/nothing", *NEW], 1, "no such file or folder"),
        ("images", ["{here}/large.npz", *NEW], 1, "not made for pictures of 20x20, but of 8x8"),
        ("images", ["{here}/set.npz", "--size", "9", *NEW], 1, "pictures of 9x9"),
        ("images", ["{here}/set.npz", "--set", "data.size=9", *NEW], 1, "pictures of 9x9"),
        ("images", ["{here}/set.npz", "--set", "data.size=big", *NEW], 1, "≥ 2, found big"),
        (
            "images",
            ["{here}/set.npz", "--set", "data.crop=9", *NEW],
            1,
            "smaller than the training",
        ),
        ("images", ["{here}/set.npz", "--set", "data.crop=8", *ABP], 1, "--set data.crop=none"),
        ("images", ["{here}/set.npz", "--method", "wgan", *NEW], 2, "'wgan' is not one of 'descr"),
        (
            "images",
            ["{here}/set.npz", "--preset", "slow", *NEW],
            1,
            "expected one of quick, celeba",
        ),
        ("sound", ["{here}/rain.wav", "--preset", "slow", *NEW], 1, "expected one of quick, paper"),
        (
            "clips",
            ["{here}/clip.npz", "--preset", "mnist", *NEW],
            1,
            "expected one of quick, paper",
        ),
        (
            "images",
            ["{here}/set.npz", "--mask", "P.5", *NEW],
            1,
            "coopnets cannot learn from incom",
        ),
        (
            "images",
            ["{here}/set.npz", "--mask", "P.6", *ABP],
            1,
            "no mask 'P.6'; expected one of P",
        ),
        ("images", ["{here}/set.npz", "--mask", "B20", *ABP], 1, "found 8x8; take larger images"),
        ("images", ["{here}/set.npz", "--mask", "{here}/mask.npz", *ABP], 1, "found (10, 4, 4)"),
        ("texture", ["{here}/stone.png", "--mask", "P.5", *NEW], 2, "No such option '--mask'"),
        (
            "images",
            ["{here}/set.npz", "--recover", "x.npz", *ABP],
            1,
            "complete; hide entries with",
        ),
        ("images", ["{here}/set.npz", "--recover", "x.txt", *ABP], 2, "does not end in .npz"),
        ("images", ["{here}/set.npz", "--recover", "no/x.npz", *ABP], 1, "there is no folder 'no'"),
        ("sound", ["{here}/nan.wav", *NEW], 1, "nan.wav: some samples are not finite"),
        ("sound", ["{here}/empty.wav", *NEW], 1, "empty.wav: no samples in it"),
        ("sound", ["{here}/short.wav", *NEW], 1, "shorter than the training crop"),
        ("clips", ["{here}/none.npz", *NEW], 1, "none.npz: expected at least 2 frames, found 0"),
        ("clips", ["{here}/short.npz", *NEW], 1, "3x8x8 are smaller than the training crop"),
        ("clips", ["{here}/clip.npz", "--size", "7", *NEW], 1, "9x7x7 are smaller than the train"),
        ("images", NEW, 2, "at least one SOURCE"),
        ("sound", NEW, 2, "at least one FILE"),
        ("clips", NEW, 2, "at least one CLIP"),
        ("images", ["{here}/set.npz", "--out", "{here}/set"], 1, "add --resume to go on"),
    ],
)
def test_what_cannot_be_learned(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    filled = [a.format(here=workplace) for a in arguments]
    refused(run(kind, *filled, *tiny(kind)), code, message.format(here=workplace))
    assert list(tmp_path.iterdir()) == []


def refused(result: Result, code: int, message: str) -> None:
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert message in last
    if code == 1:
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "arguments", "code", "message"),
    [
        ("sound", ["--out", "{here}/stone"], 1, "the run learns texture: coop-train texture --out"),
        ("sound", ["{here}/rain.wav", "--out", "{here}/stone"], 1, "the run learns texture"),
        ("images", ["{here}/large.npz", "--out", "{here}/set"], 1, "another data.size"),
        ("images", ["{here}/set.npz", "--out", "{here}/hidden"], 1, "set.npz has changed since"),
        ("images", ["{here}/copy/set.npz", "--out", "{here}/set"], 1, "set.npz has changed since"),
        ("images", ["{here}/copy/others.npz", "--out", "{here}/set"], 1, "the run learns set.npz"),
        ("images", ["--mask", "P.5", "--out", "{here}/set"], 2, "are about SOURCEs: give these"),
        ("images", ["--recover", "x.npz", "--out", "{here}/set"], 1, "the training data are compl"),
        ("images", ["--method", "vae", "--out", "{here}/set"], 1, "another method"),
        ("images", ["--out", "nothing"], 1, "no run here"),
        ("images", ["--recover", "x.npz", "--out", "nothing"], 1, "no run here"),
    ],
)
def test_what_cannot_be_resumed(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    (workplace / "copy").mkdir(exist_ok=True)
    others = np.random.default_rng(1).integers(0, 256, (10, 8, 8), dtype=np.uint8)
    for name in ("set", "others"):
        np.savez(workplace / f"copy/{name}.npz", images=others)
    monkeypatch.chdir(tmp_path)
    before = {p: p.read_bytes() for p in workplace.rglob("*") if p.is_file()}
    refused(run(kind, *[a.format(here=workplace) for a in arguments], "--resume"), code, message)
    assert list(tmp_path.iterdir()) == []
    assert {p: p.read_bytes() for p in workplace.rglob("*") if p.is_file()} == before


def test_a_file_asks_for_the_size_of_pictures(workplace: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "mine.toml", tmp_path / "run"
    text = (HERE / "tiny-images.toml").read_text()
    file.write_text(text.replace("[data]", "[data]\nsize = 16"))
    result = run("images", workplace / "large.npz", "--config", file, "--out", out)
    assert result.exit_code == 0, result.output
    assert RunFolder.open(out).config().data.size == 16
    assert RunFolder.open(out).signals().arrays[0].shape == (4, 16, 16, 1)
    assert run("images", "--config", file, "--out", out, "--resume").exit_code == 0
    other = run("images", "--set", "data.size=8", "--out", out, "--resume")
    refused(other, 1, "another data.size, 16; give the same")
    without = run("images", workplace / "large.npz", "--out", tmp_path / "new")
    refused(without, 1, "networks for squares of 28, 32, 64 pixels, not for 20: give --size")


def test_broken_files_are_left_out_on_demand(workplace: Path, tmp_path: Path) -> None:
    result = trained("images", workplace / "photos", "--skip-broken", "--out", tmp_path / "run")
    assert "1 broken files are left out; the first: " in result.stderr
    sounds = (workplace / "short.wav", workplace / "rain.wav")
    result = trained("sound", *sounds, "--skip-broken", "--out", tmp_path / "rain")
    assert "short.wav" in result.stderr
    assert "left out" not in result.stdout


def test_a_checkpoint_of_other_settings(workplace: Path, tmp_path: Path) -> None:
    for other, message in {
        "hidden": "of another method",
        "wide": "latents: expected (10, 2, 1, 1)",
    }.items():
        here = shutil.copytree(
            workplace / ("set" if other == "hidden" else "hidden"), tmp_path / other
        )
        source = workplace / "hidden"
        if other == "wide":
            source = tmp_path / "few"
            few = ("--method", "abp", "--limit", 8)
            trained("images", workplace / "set.npz", *few, "--out", source)
        shutil.copy(source / "checkpoint.pt", here / "checkpoint.pt")
        before = {p: p.read_bytes() for p in here.rglob("*") if p.is_file()}
        result = run("images", "--out", here, "--resume", "--steps", 9)
        refused(result, 1, "the checkpoint does not fit the settings")
        assert message in result.stderr
        assert {p: p.read_bytes() for p in here.rglob("*") if p.is_file()} == before


def test_a_finished_run_recovers_again(workplace: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    result = run("images", "--out", workplace / "hidden", "--resume", "--recover", again)
    assert result.exit_code == 0, result.output
    assert f"recovered: {again}" in result.stdout
    assert again.read_bytes() == (workplace / "recovered.npz").read_bytes()
    with np.load(again) as content, np.load(workplace / "set.npz") as whole:
        seen = content["seen"][..., 0] > 0
        assert 0.3 < seen.mean() < 0.7
        np.testing.assert_array_equal(content["images"][seen][:, 0], whole["images"][seen])


def test_the_same_command_goes_on(workplace: Path, tmp_path: Path) -> None:
    """Settings relative to the signal, and those of a preset, are given again as they were."""
    step = ("--set", "langevin.step_size=0.02", "--preset", "quick", "--out", tmp_path / "rain")
    trained("sound", workplace / "rain.wav", *step, "--steps", 2)
    result = trained("sound", workplace / "rain.wav", *step, "--steps", 3, "--resume")
    assert "3 steps" in result.stdout
    plain = trained(
        "sound", "--set", "langevin.step_size=0.02", "--out", tmp_path / "rain", "--resume"
    )
    assert "4 steps" in plain.stdout  # of the file, given again
    copy = shutil.copytree(workplace / "set", tmp_path / "set")
    assert "4 steps" in trained("images", "--preset", "quick", "--out", copy, "--resume").stdout


@pytest.mark.parametrize(
    ("kind", "source", "ending"),
    [("images", "set.npz", "png"), ("sound", "rain.wav", "wav"), ("clips", "clip.npz", "gif")],
)
def test_the_commands_say_what_comes_next(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    source: str,
    ending: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exported").mkdir()
    learned = trained(kind, workplace / source, "--method", "gan", "--out", "runs/x")
    line = learned.stdout.splitlines()[-1].removeprefix("next: coop-export ")
    made = CliRunner().invoke(export, line.split())
    assert made.exit_code == 0, made.output
    line = made.stdout.splitlines()[-1].removeprefix("next: coop-run ")
    drawn = CliRunner().invoke(play, line.split())
    assert drawn.exit_code == 0, drawn.output
    assert (tmp_path / f"x.{ending}").stat().st_size > 100


@pytest.mark.parametrize(("kind", "source"), [("clips", "clip.npz"), ("images", "photos")])
def test_signals_are_learned_in_their_principal_colours(
    workplace: Path, tmp_path: Path, kind: str, source: str
) -> None:
    for word, count in {"true": 3, "false": 0}.items():
        choice = ("--set", f"data.decorrelate={word}", "--out", tmp_path / word, "--skip-broken")
        trained(kind, workplace / source, *choice)
        assert len(RunFolder.open(tmp_path / word).signals().colours) == count


def test_an_untrained_model_is_exported_with_a_warning(workplace: Path, tmp_path: Path) -> None:
    begun = RunFolder.open(workplace / "set")
    out, cpu = tmp_path / "run", torch.device("cpu")
    training, folder = begin(out, begun.config(), lambda _: begun.signals(), cpu)
    folder.write_checkpoint(training.state(), [training.state()], 0)
    result = CliRunner().invoke(export, [str(out), str(tmp_path / "bundle")])
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: the run has taken no step yet")
    assert result.stderr.count("\n") == 1


def test_the_commands_know_the_methods() -> None:
    assert tuple(METHODS) == coop_apps.options.METHODS
