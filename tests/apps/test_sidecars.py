"""Sidecars, and coop-run again, which makes their results once more."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import coop_runtime
from coop_apps.run import main
from coop_apps.sidecar import read_sidecar


def run(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


@pytest.fixture
def here(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the present folder: the bundle 'tiny', in/a.png, in/b.png and mask.png."""
    (tmp_path / "in").mkdir()
    for k, name in enumerate("ab"):
        levels = np.random.default_rng(k).integers(90, 160, (8, 8, 3), np.uint8)
        levels[2, 3 + k] = 255
        Image.fromarray(levels).save(tmp_path / f"in/{name}.png")
    mask = np.zeros((8, 8), bool)
    mask[2:5, 3:7] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


SHORT = ("--chains 2", "--steps 3", "--settle 2", "--step-size 0.1")
COMMANDS = [
    ("generate tiny -n 2 --size 9x12 --refine 2 --seed 3 -o out.png", ["out-0.png", "out-1.png"]),
    ("generate tiny -n 2 --first 5 --sheet --no-noise -o out.png", ["out.png"]),
    ("refine tiny in --first 4 --steps 3 -o out.png", ["out-4.png", "out-5.png"]),
    ("recover tiny in --seed 1 -o new/", ["new/a.png", "new/b.png"]),
    (f"complete tiny in/a.png --mask mask.png {' '.join(SHORT)} -o out.png", ["out.png"]),
    (f"complete tiny in --mask mask.png --sheet {' '.join(SHORT)} -o new/", ["new/b.png"]),
    (f"reconstruct tiny in/b.png {' '.join(SHORT)} --seed 2 -o out.png", ["out.png"]),
    ("interpolate tiny 3 in/a.png --frames 3 --refine 2 --how spherical -o out.png", ["out.png"]),
    ("interpolate tiny 1 2 --frames 3 --fps 12.5 -o out.webp", ["out.webp"]),
    ("corners tiny 1 2 3 in/a.png --rows 2 --columns 3 -o out.png", ["out.png"]),
    (
        "panel tiny --rows 2 --columns 3 --extent 1.5 --seed 18446744073709551615 -o o.png",
        ["o.png"],
    ),
    ("vary tiny in/a.png --distance 0.5 -n 2 --size 8x8 -o out.png", ["out.png"]),
]


def test_results_as_json(here: Path) -> None:
    made = run("generate", "tiny", "-n", 2, "--first", 4, "--refine", 0, "--json", "-o", "out.png")
    lines = [json.loads(line) for line in made.stdout.splitlines()]
    assert lines == [{"seed": 0, "number": k, "written": [f"out-{k}.png"]} for k in (4, 5)]
    made = run("again", "out-5.png.json", "--json")
    told = {"file": "out-5.png.json", "same": True, "written": ["out-5.png"]}
    assert json.loads(made.stdout) == told
    made = run("generate", "tiny", "--json", "-o", "-")
    assert made.exit_code == 2
    assert "both write to standard output" in made.output


@pytest.mark.parametrize(("line", "results"), COMMANDS)
def test_again_gives_the_same_bytes(
    here: Path, monkeypatch: pytest.MonkeyPatch, line: str, results: list[str]
) -> None:
    made = run(*line.split())
    assert made.exit_code == 0, made.output
    first = {name: (here / name).read_bytes() for name in results}
    sides = {name: (here / f"{name}.json").read_bytes() for name in results}
    (here / "else").mkdir()
    monkeypatch.chdir(here / "else")
    for name in results:
        (here / name).unlink()
        again = run("again", f"../{name}.json")
        assert (again.exit_code, again.stdout) == (0, f"../{name}\n"), again.output
        assert (here / name).read_bytes() == first[name]
        assert (here / f"{name}.json").read_bytes() == sides[name]
        new = Path(f"new{Path(name).suffix}")
        assert run("again", f"../{name}.json", "-o", new).exit_code == 0
        assert new.read_bytes() == first[name]
        third = Path(f"third{new.suffix}")  # from the sidecar's copy, whose paths are its own
        assert run("again", f"{new}.json", "-o", third, "--no-sidecar").exit_code == 0
        assert third.read_bytes() == first[name]
        assert not Path(f"{third}.json").exists()
    assert not list(here.rglob(".coop-*"))


def test_what_a_sidecar_says(here: Path) -> None:
    run("refine", "tiny", "in", "--seed", 6, "--no-noise", "-o", "out.png")
    record = read_sidecar(here / "out-1.png.json")
    card = coop_runtime.read_card(here / "tiny")
    assert (record.command, record.seed, record.arguments) == ("refine", 6, ("in/b.png",))
    assert record.coopnets == coop_runtime.__version__
    assert (record.bundle.folder, record.bundle.name) == ("tiny", "tiny")
    assert card.langevin
    assert record.settings == {
        "backend": "onnx",
        "device": "cpu",
        "first": 1,
        "noise": False,
        "steps": card.langevin.steps,
    }
    assert record.files.keys() == {"in/b.png"}
    assert record.output.file == "out-1.png"


def test_files_and_seeds_of_one_name(here: Path) -> None:
    """A file 7 is not the seed 7, and a file linear is not a setting."""
    shutil.copy(here / "in/a.png", here / "7")
    shutil.copy(here / "in/b.png", here / "linear")
    for line in ("interpolate tiny 7 ./7", "interpolate tiny linear 7 --how linear"):
        assert run(*line.split(), "-o", "out.png").exit_code == 0
        first = (here / "out.png").read_bytes()
        assert run("again", "out.png.json", "-o", "in/new.png").exit_code == 0
        assert run("again", "in/new.png.json", "-o", "new.png").exit_code == 0
        assert (here / "new.png").read_bytes() == first


def test_no_sidecar(here: Path) -> None:
    for line in ("generate tiny", "refine tiny in/a.png", "panel tiny"):
        assert run(*line.split(), "--no-sidecar", "-o", "out.png").exit_code == 0
    assert not (here / "out.png.json").exists()


def refused(message: str, *arguments: object, code: int = 1) -> None:
    result = run("again", *arguments)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert message in result.stderr.strip().splitlines()[-1]


def test_what_changed_or_is_missing_is_refused(here: Path) -> None:
    run("complete", "tiny", "in/a.png", "--mask", "mask.png", "--steps", 2, "-o", "out.png")
    first = (here / "out.png").read_bytes()
    for name, what in (("in/a.png", "the input"), ("mask.png", "the input"), ("tiny", "tiny")):
        kept = shutil.move(here / name, here / "kept")
        refused("is missing; put it back where it was", "out.png.json")
        refused(what, "out.png.json")
        shutil.move(kept, here / name)
    shutil.copy(here / "mask.png", here / "kept")
    shutil.copy(here / "in/a.png", here / "mask.png")
    refused("the input 'mask.png' was changed since", "out.png.json")
    shutil.copy(here / "kept", here / "mask.png")
    card = here / "tiny/card.json"
    card.write_text(card.read_text("utf-8").replace('"sigma": 0.3', '"sigma": 0.4'), "utf-8")
    refused("the bundle 'tiny' in 'tiny' was changed since", "out.png.json")
    assert (here / "out.png").read_bytes() == first


def test_standard_input_is_not_kept(here: Path) -> None:
    data = (here / "in/a.png").read_bytes()
    assert run("refine", "tiny", "-", "-o", "out.png", stdin=data).exit_code == 0
    refused("was made from standard input, which is not kept", "out.png.json")


def test_other_bytes_are_written_only_on_demand(here: Path) -> None:
    run("generate", "tiny", "-o", "out.png")
    side = here / "out.png.json"
    kept = (here / "out.png").read_bytes()
    side.write_text(side.read_text("utf-8").replace('"refine": 5', '"refine": 6'), "utf-8")
    refused("the bytes would not be those of the first 'out.png'", "out.png.json")
    assert (here / "out.png").read_bytes() == kept
    result = run("again", "out.png.json", "--anyway")
    assert (result.exit_code, result.stderr) == (0, "The bytes are not the first ones.\n")
    assert (here / "out.png").read_bytes() != kept
    assert run("again", "out.png.json").exit_code == 0  # the sidecar is of these bytes now


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], str]:
    def text(data: dict[str, Any]) -> str:
        change(data)
        return json.dumps(data)

    return text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (lambda _: "{", "not JSON"),
        (edited(lambda d: d.pop("seed")), "the sidecar: the key 'seed' is missing"),
        (edited(lambda d: d["output"].update(file="../x.png")), "expected a plain file name"),
        (edited(lambda d: d.update(command="info")), "has no command 'info'"),
        (edited(lambda d: d.update(command="again")), "has no command 'again'"),
        (edited(lambda d: d.update(command="rm")), "has no command 'rm'"),
        (edited(lambda d: d["settings"].update(out="x.png")), "has no setting 'out'"),
        (edited(lambda d: d["settings"].update(sidecar=True)), "has no setting 'sidecar'"),
        (edited(lambda d: d["settings"].update(bundle="x")), "has no setting 'bundle'"),
        (edited(lambda d: d["settings"].update(colour=1)), "has no setting 'colour'"),
        (edited(lambda d: d["settings"].update(device="tpu")), "device: expected auto, cpu"),
    ],
)
def test_wrong_sidecars_are_refused(
    here: Path, text: Callable[[dict[str, Any]], str], message: str
) -> None:
    run("generate", "tiny", "-o", "out.png")
    side = here / "out.png.json"
    side.write_text(text(json.loads(side.read_text("utf-8"))), "utf-8")
    before = sorted(here.rglob("*"))
    refused(message, side)
    assert sorted(here.rglob("*")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
@pytest.mark.parametrize(
    "line",
    [
        "generate tiny -o ODD.png",
        "refine tiny ODD.png -o out.png",
        "recover tiny in/a.png --mask ODD.png -o out.png",
        "interpolate tiny 1 ODD.png -o out.png",
        "encode tiny ODD.png -o out.npz",
    ],
)
@pytest.mark.parametrize("odd", [os.fsdecode(b"odd\xff.png"), "odd\n.png", "odd\u202e.png"])
def test_names_that_no_sidecar_can_hold_are_refused_before_anything_is_computed(
    here: Path, line: str, odd: str
) -> None:
    if "-o ODD" not in line:
        (here / odd).write_bytes((here / "in/a.png").read_bytes())
    before = sorted(here.iterdir())
    result = run(*(odd if word == "ODD.png" else word for word in line.split()))
    assert result.exit_code == 1
    assert f"{odd!a}: a sidecar cannot hold names that are not UTF-8" in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(here.iterdir()) == before
    if line.startswith("refine"):
        result = run("refine", "tiny", odd, "--no-sidecar", "--json", "-o", "out.png")
        assert json.loads(result.stdout_bytes)["file"] == odd


@pytest.mark.parametrize(
    "name",
    [
        "Bildschirmfoto um 3.04\u202fPM.png",
        "\u3000全角.png",
        "می\u200cخواهم.png",
        "👩\u200d🎨.png",
        f"{'long' * 25}/{'long' * 25}/{'long' * 25}/a.png",
    ],
    ids=["no-break", "wide", "joined", "emoji", "long"],
)
def test_unusual_names_are_made_again(here: Path, name: str) -> None:
    (here / name).parent.mkdir(parents=True, exist_ok=True)
    (here / name).write_bytes((here / "in/a.png").read_bytes())
    assert run("refine", "tiny", name, "--steps", 1, "-o", "out.png").exit_code == 0
    assert run("again", "out.png.json", "-o", "new.png").exit_code == 0
    assert (here / "new.png").read_bytes() == (here / "out.png").read_bytes()


def test_wrong_names(here: Path) -> None:
    run("generate", "tiny", "-o", "out.png")
    refused("no such sidecar: 'none.json'", "none.json")
    refused("'new.jpg' does not end in '.png'", "out.png.json", "-o", "new.jpg", code=2)
    refused("there is no folder 'no'", "out.png.json", "-o", "no/new.png")
    (here / "in/x.png").mkdir()
    (here / "in/x.png/note").write_text("")
    refused("'in/x.png' exists already", "out.png.json", "-o", "in/x.png")
