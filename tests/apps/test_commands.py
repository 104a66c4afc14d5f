"""The commands of coop-run that work on inputs and between latents, on the tiny bundle."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

import coop_runtime
from coop_apps.commands import COMMANDS
from coop_apps.run import main
from coop_runtime import Array, Card, Model

Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]
Pixels = NDArray[np.uint8]

SHORT = ("--steps", 3, "--settle", 2, "--chains", 2)


def run(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


def done(*arguments: object, stdin: bytes = b"") -> Result:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result


def objects(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def pixels(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def model(tiny_bundle: Path) -> Model:
    return coop_runtime.load(tiny_bundle, "cpu")


def read(model: Model, path: Path) -> Array:
    return coop_runtime.from_uint8(pixels(path)[None], model.card.signal)


def drawn(model: Model, x: Array) -> Pixels:
    return coop_runtime.to_uint8(x, model.card.signal)


def test_refine_revises_every_input_with_its_own_noise(
    tiny_bundle: Path, tmp_path: Path, model: Model, picture: Callable[..., Path]
) -> None:
    inputs = [picture("a.png"), picture("b.png", 1, (9, 11))]
    result = done(
        *("refine", tiny_bundle, *inputs, "--seed", 4, "--first", 7, "--steps", 3, "--json"),
        *("-o", tmp_path / "out.png"),
    )
    for k, (path, said) in enumerate(zip(inputs, objects(result), strict=True), 7):
        states = list(model.refine(read(model, path), 3, 4, first=k))
        assert (said["file"], said["written"]) == (str(path), [str(tmp_path / f"out-{k}.png")])
        assert said["energies"] == [float(s.energy[0]) for s in states]
        np.testing.assert_array_equal(
            pixels(tmp_path / f"out-{k}.png"), drawn(model, states[-1].x)[0]
        )


def test_a_folder_goes_into_a_folder(
    tiny_bundle: Path, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    picture("in/b.jpg"), picture("in/a.png")
    (tmp_path / "in/note.txt").write_text("")
    new = tmp_path / "new"
    result = done("refine", tiny_bundle, tmp_path / "in", "--no-sidecar", "-o", f"{new}/")
    assert result.stdout.split() == [str(new / "a.png"), str(new / "b.png")]
    assert sorted(p.name for p in new.iterdir()) == ["a.png", "b.png"]
    by_glob = done("energy", tiny_bundle, tmp_path / "in" / "*.png")
    assert by_glob.stdout.split()[::2] == ["1", str(tmp_path / "in/a.png")]


def test_pipes(tiny_bundle: Path, tmp_path: Path, picture: Callable[..., Path]) -> None:
    data = picture("a.png").read_bytes()
    piped = done("refine", tiny_bundle, "-", "-o", "-", stdin=data)
    done("refine", tiny_bundle, tmp_path / "a.png", "-o", tmp_path / "out.png")
    assert piped.stdout_bytes == (tmp_path / "out.png").read_bytes()
    strip = done("interpolate", tiny_bundle, 1, 2, "-o", "-").stdout_bytes
    with Image.open(io.BytesIO(strip)) as image:
        assert image.size == (9 * 8 + 8 * 4, 8)


@pytest.mark.parametrize("kind", ["png", "npz", "npy", "channels"])
def test_complete_keeps_what_is_known(
    tiny_bundle: Path, tmp_path: Path, model: Model, picture: Callable[..., Path], kind: str
) -> None:
    path, mask = picture("a.png", 0, (8, 12)), np.zeros((8, 12), bool)
    mask[2:5, 3:9] = True
    name = tmp_path / f"mask.{'npz' if kind == 'channels' else kind}"
    if kind == "png":
        Image.fromarray(mask).save(name)
    elif kind == "npy":
        np.save(name, mask)
    else:
        given = np.repeat(mask[None], 3, 0) if kind == "channels" else mask
        np.savez(name, mask=given.astype(np.uint8) * 255)
    result = done(
        *("complete", tiny_bundle, path, "--mask", name, *SHORT, "--refine", 2, "--json"),
        *("-o", tmp_path / "out.png"),
    )
    expected = model.complete(
        read(model, path), mask[None, None], chains=2, steps=3, settle=2, refine_steps=2
    )
    found = pixels(tmp_path / "out.png")
    np.testing.assert_array_equal(found, drawn(model, expected.x)[0])
    np.testing.assert_array_equal(found[~mask], pixels(path)[~mask])
    (said,) = objects(result)
    assert said["errors"] == expected.error[0].tolist()
    assert expected.energy is not None
    assert said["energies"] == expected.energy[0].tolist()


def test_complete_shows_input_and_suggestions_on_a_sheet(
    tiny_bundle: Path, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[:4] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    done(
        *("complete", tiny_bundle, picture("a.png"), "--mask", tmp_path / "mask.png", *SHORT),
        *("--sheet", "-o", tmp_path / "sheet.png"),
    )
    sheet = pixels(tmp_path / "sheet.png")
    assert sheet.shape == (8, 3 * 8 + 2 * 4, 3)
    assert (sheet[:4, :8] == 128).all()
    for k in range(3):
        np.testing.assert_array_equal(sheet[4:, 12 * k :][:, :8], pixels(tmp_path / "a.png")[4:])


def test_masks_one_for_each_input(
    tiny_bundle: Path, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    picture("in/a.png"), picture("in/b.png", 1)
    (tmp_path / "masks").mkdir()
    for k, name in enumerate("ab"):
        mask = np.zeros((8, 8), bool)
        mask[:, 4 * k : 4 * k + 4] = True
        Image.fromarray(mask).save(tmp_path / f"masks/{name}.png")
    done(
        *("recover", tiny_bundle, tmp_path / "in", "--mask", tmp_path / "masks"),
        *("-o", tmp_path / "out.png"),
    )
    for k, name in enumerate("ab"):
        kept = np.arange(8) // 4 != k
        before, after = pixels(tmp_path / f"in/{name}.png"), pixels(tmp_path / f"out-{k}.png")
        np.testing.assert_array_equal(before[:, kept], after[:, kept])
        assert (before != after)[:, ~kept].any()


def test_recover_finds_salt_and_pepper(
    tiny_bundle: Path, tmp_path: Path, model: Model, picture: Callable[..., Path]
) -> None:
    levels = pixels(picture("a.png")).copy()
    levels[2, 3], levels[5, 1] = 255, 0
    Image.fromarray(levels).save(tmp_path / "a.png")
    result = done("recover", tiny_bundle, tmp_path / "a.png", "--json", "-o", tmp_path / "o.png")
    expected = model.recover(read(model, tmp_path / "a.png"))
    np.testing.assert_array_equal(pixels(tmp_path / "o.png"), drawn(model, expected.x)[0])
    (said,) = objects(result)
    assert said["energies"][-1] == float(expected.energy[0])
    assert said["damaged"] == 2 / 64
    assert result.stderr.endswith("salt and pepper in 3.12%; for other damage give --mask\n")


@pytest.mark.parametrize("kind", ["scribble", "block"])
def test_recover_asks_for_a_mask_of_other_damage(
    tiny_bundle: Path, tmp_path: Path, model: Model, picture: Callable[..., Path], kind: Any
) -> None:
    path = picture("a.png", 0, (60, 60))
    levels = pixels(path) // 4 + 100  # smooth enough to have none of its own
    damaged, mask = model.damage(coop_runtime.from_uint8(levels[None], model.card.signal), kind)
    Image.fromarray(drawn(model, damaged)[0]).save(path)
    Image.fromarray(mask[0, 0]).save(tmp_path / "mask.png")
    found = run("recover", tiny_bundle, path, "--steps", 1, "-o", tmp_path / "o.png")
    if kind == "block":
        assert (found.exit_code, found.stdout) == (1, "")
        assert "no salt and pepper is found; for other damage" in found.stderr
    else:  # the strokes' corners
        assert re.search(r"salt and pepper in [01]\.\d\d%; for other damage", found.stderr)
    line = ("recover", tiny_bundle, path, "--mask", tmp_path / "mask.png", "--steps", 1, "--json")
    (said,) = objects(done(*line, "-o", tmp_path / "o.png"))
    assert said["damaged"] == mask.mean()


def test_between(
    tiny_bundle: Path, tmp_path: Path, model: Model, picture: Callable[..., Path]
) -> None:
    path, out = picture("a.png"), tmp_path / "out.png"
    x = read(model, path)[0]

    def shown(expected: Array, columns: int) -> None:
        sheet, tiles = pixels(out), drawn(model, expected.reshape(-1, *expected.shape[-3:]))
        assert sheet.shape[1] == columns * 12 - 4
        for k, tile in enumerate(tiles):
            top, left = k // columns * 12, k % columns * 12
            np.testing.assert_array_equal(sheet[top : top + 8, left : left + 8], tile)

    done(*("interpolate", tiny_bundle, 3, path, "--frames", 7, "--refine", 2, "-o", out))
    shown(model.interpolate(3, x, 7, refine_steps=2).x, 7)
    done(*("corners", tiny_bundle, 1, 2, 3, 4, "--rows", 2, "--columns", 6, "-o", out))
    shown(model.corners([1, 2, 3, 4], 2, 6).x, 6)
    done(*("panel", tiny_bundle, "--seed", 5, "--rows", 2, "--columns", 7, "-o", out))
    shown(model.panel(5, 2, 7).x, 7)
    result = done(*("vary", tiny_bundle, path, "--distance", 2, "-n", 3, "--json", "-o", out))
    shown(model.vary(x, 2.0, 3).x, 3)
    assert objects(result) == [{"ends": [str(path)], "written": [str(out)]}]


@pytest.mark.parametrize(
    "line", ["interpolate {} 1 {}", "corners {} 1 2 {} 4", "panel {}", "vary {1} {0} --distance 1"]
)
def test_a_bar_is_shown_on_a_terminal(
    tiny_bundle: Path,
    tmp_path: Path,
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
) -> None:
    path = picture("a.png")
    given = (path, tiny_bundle) if "{1}" in line else (tiny_bundle, path)
    arguments = (*line.format(*given).split(), "--refine", 2, "-o", tmp_path / "out.png")
    assert done(*arguments).stderr == ""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    shown = done(*arguments)
    assert shown.stdout.split() == [str(tmp_path / "out.png")]
    for label in ("drawing", *([str(path)] if str(path) in line.format(*given) else [])):
        assert re.search(rf"{re.escape(label)} .*100%", shown.stderr)


@pytest.mark.parametrize(("steps", "labels"), [(0, ["drawing"]), (2, ["number 0", "number 1"])])
def test_bars_of_what_is_generated(
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    labels: list[str],
) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    shown = done("generate", tiny_bundle, "-n", 2, "--refine", steps, "-o", tmp_path / "out.png")
    assert re.findall(r"(\w[\w ]*\w) +\[#+\] +100%", shown.stderr) == labels


def test_a_moving_picture(tiny_bundle: Path, tmp_path: Path, model: Model) -> None:
    out = tmp_path / "out.webp"
    done("interpolate", tiny_bundle, 1, 2, "--frames", 4, "--size", 8, "--fps", 20, "-o", out)
    frames = drawn(model, model.interpolate(1, 2, 4).x)
    with Image.open(out) as moving:
        assert moving.n_frames == 4  # type: ignore[attr-defined]
        for k, frame in enumerate(frames):
            moving.seek(k)
            np.testing.assert_array_equal(np.asarray(moving.convert("RGB")), frame)
            assert moving.info["duration"] == 50


def test_energies_are_ranked(tiny_bundle: Path, model: Model, picture: Callable[..., Path]) -> None:
    paths = [picture(f"{k}.png", k) for k in range(3)]
    values = {str(p): float(model.energy(read(model, p))[0]) for p in paths}
    found = objects(done("energy", tiny_bundle, *paths, "--json"))
    assert {said["file"]: said["energy"] for said in found} == values
    assert [said["energy"] for said in found] == sorted(values.values(), reverse=True)
    differ = done("energy", tiny_bundle, *paths, picture("large.png", 0, (9, 9)))
    assert "cannot be compared" in differ.stderr


def test_names_of_commands_are_those_of_methods() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    for command in COMMANDS:
        assert re.search(rf"`(coop-run )?{command.name}[ `]", readme), command.name
        assert command.name == "again" or hasattr(Model, command.name or "")
        assert isinstance(command, click.Command)


def test_complete_writes_the_chosen_suggestion_and_looks_around_the_hole(
    tiny_bundle: Path, tmp_path: Path, model: Model, picture: Callable[..., Path]
) -> None:
    path, mask = picture("a.png", 0, (24, 24)), np.zeros((24, 24), bool)
    mask[8:12, 8:12] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    done(
        *("complete", tiny_bundle, path, "--mask", tmp_path / "mask.png", *SHORT),
        *("--around", 3, "--choose", 2, "-o", tmp_path / "out.png"),
    )
    expected = model.complete(
        read(model, path), mask[None, None], chains=2, steps=3, settle=2, around=3
    )
    found = pixels(tmp_path / "out.png")
    np.testing.assert_array_equal(found, drawn(model, expected.suggestions[:, 1])[0])
