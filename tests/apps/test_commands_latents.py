"""The commands of coop-run that read latents, and many inputs of which some are wrong."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import coop_runtime
from coop_apps.run import main

SHORT = ("--steps", 3, "--settle", 2, "--chains", 2)


def run(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


def done(*arguments: object, stdin: bytes = b"") -> Result:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result


def objects(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_latents(encoding_bundle: Path, tmp_path: Path, picture: Callable[..., Path]) -> None:
    bundle, path = encoding_bundle, picture("a.png")
    model, out = coop_runtime.load(bundle, "cpu"), tmp_path / "out.png"
    x = coop_runtime.from_uint8(np.asarray(Image.open(path))[None], model.card.signal)
    for how in ("encoder", "posterior", "both"):
        (said,) = objects(
            done("reconstruct", bundle, path, "--how", how, *SHORT, "--json", "-o", out)
        )
        expected = model.reconstruct(x, how, chains=2, steps=3, settle=2)
        assert said["error"] == float(expected.error[0])
        shown = coop_runtime.to_uint8(expected.x, model.card.signal)[0]
        np.testing.assert_array_equal(np.asarray(Image.open(out)), shown)
    code = model.encode(x)
    (said,) = objects(done("encode", bundle, path, "--json"))
    np.testing.assert_array_equal(np.float32(said["mean"]), code.mean[0])
    done("encode", bundle, path, path, "-o", tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz") as codes:
        assert codes["name"].tolist() == [path.name] * 2
        np.testing.assert_array_equal(codes["log_variance"], np.repeat(code.log_variance, 2, 0))


def test_a_bar_while_inputs_are_encoded(
    encoding_bundle: Path,
    tmp_path: Path,
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    given = ("encode", encoding_bundle, picture("a.png"), "-o", tmp_path / "codes.npz")
    assert re.search(r"encoding .*100%", done(*given).stderr)
    assert "encoding" not in done(*given, "--json").stderr  # its lines tell as much


def test_latents_are_made_again(
    encoding_bundle: Path,
    tmp_path: Path,
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = encoding_bundle
    picture("in/a.png"), picture("in/b.png", 1)
    monkeypatch.chdir(tmp_path)
    done("encode", bundle, "in", "-o", "codes.npz")
    first = (tmp_path / "codes.npz").read_bytes()
    (tmp_path / "new").mkdir()
    done("again", "codes.npz.json", "-o", "new/codes.npz")
    done("again", "new/codes.npz.json")
    assert (tmp_path / "new/codes.npz").read_bytes() == first
    done("encode", bundle, "in/a.png", "--no-sidecar", "-o", "one.npz")
    assert not (tmp_path / "one.npz.json").exists()
    picture("in/b.png", 2)
    assert "the input 'in/b.png' was changed" in run("again", "codes.npz.json").stderr


def some_are_wrong(tmp_path: Path, picture: Callable[..., Path]) -> Path:
    """Make a folder of four inputs, of which the second and the third are wrong."""
    for k, name in enumerate(("in/a.png", "in/d.png")):
        picture(name, k)
    (tmp_path / "in/b.png").write_text("no picture")
    (tmp_path / "in/c.png").write_bytes((tmp_path / "in/a.png").read_bytes()[:40])
    return tmp_path / "in"


def test_wrong_inputs_are_named_and_the_others_done(
    encoding_bundle: Path, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    bundle = encoding_bundle
    folder = some_are_wrong(tmp_path, picture)
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for line in (
        "refine --steps 2 -o out.png",
        "complete --mask mask.png --steps 2 --settle 1 -o out.png",
        "recover --mask mask.png --steps 2 -o out.png",
        "reconstruct -o out.png",
        "encode -o codes.npz",
        "energy",
    ):
        command, *options = line.replace("mask.png", str(tmp_path / "mask.png")).split()
        if "-o" in options:
            options[-1] = str(tmp_path / options[-1])
        result = run(command, bundle, folder, *options, "--json")
        assert result.exit_code == 1, result.output
        *wrong, last = [s for s in result.stderr.splitlines() if s.startswith("Error: ")]
        assert [s.split("'")[1] for s in wrong] == [str(folder / "b.png"), str(folder / "c.png")]
        assert last == "Error: 2 of 4 inputs could not be used, named above"
        said = {Path(line["file"]).name: line for line in objects(result)}
        assert sorted(said) == ["a.png", "b.png", "c.png", "d.png"]
        assert [name for name in sorted(said) if "failed" in said[name]] == ["b.png", "c.png"]
        assert f"Error: {said['b.png']['failed']}" == wrong[0]
    with np.load(tmp_path / "codes.npz") as codes:
        assert codes["name"].tolist() == ["a.png", "d.png"]
    assert sorted(p.name for p in tmp_path.glob("out-*.png")) == ["out-0.png", "out-3.png"]


def test_inputs_are_not_tried_where_the_bundle_is_wrong(
    tiny_bundle: Path, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    folder = some_are_wrong(tmp_path, picture)
    result = run("encode", tiny_bundle, folder / "a.png", folder, "-o", tmp_path / "codes.npz")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: 'tiny' has no encoder")
    assert len(result.stderr.splitlines()) == 1
