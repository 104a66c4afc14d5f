"""coop-run, end to end on the tiny bundle."""

import errno
import json
import os
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import coop_runtime
from coop_apps.commands import COMMANDS
from coop_apps.console import SIZE
from coop_apps.run import main
from coop_runtime import sessions


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(path) as image:
        return np.asarray(image)


def refused(result: Result, code: int, message: str) -> None:
    """Exit code, no traceback, the message on the last line of stderr, nothing on stdout."""
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert message in last
    if code == 1:
        assert result.stderr.count("\n") == 1


def test_one_picture(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = run("generate", tiny_bundle, "--size", "9x12", "--refine", 3, "--seed", 1, "-o", out)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{out}\n", "")
    model = coop_runtime.load(tiny_bundle, "cpu")
    *_, last = model.refine(model.generate(1, 1, (9, 12)), 3, 1)
    np.testing.assert_array_equal(pixels(out), coop_runtime.to_uint8(last.x, model.card.signal)[0])


def test_several_pictures_named_by_number(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    several = run("generate", tiny_bundle, "-n", 3, "--first", 4, "-o", out)
    names = [str(tmp_path / f"out-{k}.png") for k in (4, 5, 6)]
    assert several.stdout.split() == names
    assert not out.exists()
    run("generate", tiny_bundle, "--first", 5, "-o", out)
    np.testing.assert_array_equal(pixels(out), pixels(Path(names[1])))


def test_sheet(tiny_bundle: Path, tmp_path: Path) -> None:
    out, alone = tmp_path / "out.png", tmp_path / "alone.png"
    options = ["--size", "6", "--refine", "0", "--no-noise"]
    result = run("generate", tiny_bundle, "-n", 3, "--sheet", *options, "-o", out)
    assert result.stdout == f"{out}\n"
    sheet = pixels(out)
    assert sheet.shape == (6, 3 * 6 + 2 * 4, 3)
    run("generate", tiny_bundle, "--first", 2, *options, "-o", alone)
    np.testing.assert_array_equal(sheet[:, -6:], pixels(alone))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-o", "out.gif"], 2, "'out.gif' does not end in .png"),
        (["-o", "out"], 2, "'out' does not end in .png"),
        (["-o", "no/such/out.png"], 1, "there is no folder 'no/such'"),
        (["-o", "out.png", "--refine", "-1"], 2, "-1 is not in the range x>=0"),
        (["-o", "out.png", "--size", "12x"], 2, "'12x' is not a size; expected e.g. 448x448"),
        (["-o", "out.png", "--size", "0x8"], 2, "'0x8' is not a size"),
        (["-o", "out.png", "--size", "8x8x8"], 1, "size: expected 2 numbers, found 3"),
        (["-o", "out.png", "-n", "0"], 2, "0 is not in the range x>=1"),
        (["-o", "out.png", "--seed", "-1"], 2, "-1 is not in the range x>=0"),
        (["-o", "out.png", "--device", "tpu"], 1, "device: expected auto, cpu, cuda or cuda:N"),
        (["-o", "out.png", "--size", "8", "--seconds", "1"], 2, "--size and --seconds: give one"),
        (["-o", "out.png", "--seconds", "0"], 2, "0 is not in the range x>0"),
        (["-o", "out.png", "--seconds", "1"], 1, "the card of 'tiny' has no rate; give --size"),
        (["-o", "out", "--frames"], 2, "--frames is for clips; 'tiny' draws texture"),
        ([], 2, "Missing option '-o'"),
    ],
)
def test_wrong_arguments_write_nothing(
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    refused(run("generate", tiny_bundle, *arguments), code, message)
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.skipif(sessions.cuda_devices() > 0, reason="this machine has a GPU")
def test_a_named_device_that_cannot_be_had(tiny_bundle: Path, tmp_path: Path) -> None:
    result = run("generate", tiny_bundle, "--device", "cuda", "-o", tmp_path / "out.png")
    refused(result, 1, "device: 'cuda' cannot be had: ")


@pytest.mark.parametrize("command", ["generate", "info"])
def test_damaged_bundles(tiny_bundle: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out.png"
    rest = ["-o", out] if command == "generate" else []
    energy = tiny_bundle / "energy.onnx"
    data = bytearray(energy.read_bytes())
    data[40] ^= 1
    energy.write_bytes(data)
    refused(run(command, tiny_bundle, *rest), 1, "energy.onnx' was changed")
    energy.unlink()
    refused(run(command, tiny_bundle, *rest), 1, "energy.onnx' is missing from the bundle")
    card = tiny_bundle / "card.json"
    card.write_text(card.read_text("utf-8").replace('"format": 2', '"format": 9'), "utf-8")
    refused(run(command, tiny_bundle, *rest), 1, "unknown format version 9")
    refused(run(command, tmp_path / "none", *rest), 1, "no such bundle")
    assert not out.exists()


def test_full_disk(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    before = sorted(tmp_path.iterdir())
    result = run("generate", tiny_bundle, "-n", 2, "-o", tmp_path / "out.png")
    refused(result, 1, "No space left on device")
    assert sorted(tmp_path.iterdir()) == before


def test_info(tiny_bundle: Path) -> None:
    result = run("info", tiny_bundle)
    assert result.exit_code == 0
    assert "texture, 2-D, 3 channel(s), trained at 8x8\n" in result.stdout
    assert "draws      NxN, any N\n" in result.stdout
    assert "one cell per 4x4 samples" in result.stdout
    assert "method" not in result.stdout
    assert result.stdout.count("sha256 verified") == 3
    as_json = run("info", tiny_bundle, "--json")
    assert json.loads(as_json.stdout) == json.loads((tiny_bundle / "card.json").read_text("utf-8"))


def test_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("doctor")
    assert "cpu              works" in result.stdout
    assert "GFLOP/s" in result.stdout
    report = coop_runtime.Report({"numpy": "2"}, (), (), None, ("broken",))
    monkeypatch.setattr(coop_runtime, "examine", lambda: report)
    sick = run("doctor")
    assert (sick.exit_code, sick.stdout.splitlines()[-1]) == (1, "PROBLEM: broken")
    assert json.loads(run("doctor", "--json").stdout)["problems"] == ["broken"]


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "Interrupted."),
        (
            PermissionError(errno.EACCES, "Permission denied", "x"),
            1,
            "Error: 'x': Permission denied",
        ),
        (MemoryError(), 1, "Error: not enough memory; give a smaller size"),
    ],
)
def test_failures_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException, code: int, message: str
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(coop_runtime, "examine", fail)
    result = run("doctor")
    assert (result.exit_code, result.stderr.strip()) == (code, message)


def test_sizes() -> None:
    sizes = {"448x448": (448, 448), "448": (448,), "1X2×3": (1, 2, 3)}
    assert {text: SIZE.convert(text, None, None) for text in sizes} == sizes
    for wrong in ("", "x", "-1", "1.5", "1e3", "²", "9999999999"):
        with pytest.raises(click.BadParameter):
            SIZE.convert(wrong, None, None)


def test_every_command_and_option_has_help() -> None:
    names = {command.name for command in COMMANDS}
    assert set(main.commands) == {"generate", "info", "doctor"} | names
    for name in ((), *((name,) for name in main.commands)):
        result = run(*name, "--help")
        assert result.exit_code == 0
        assert "Examples:" in result.stdout
        assert "coop-run" in result.stdout.partition("Examples:")[2]
    for command in main.commands.values():
        assert command.help
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, parameter.name
    assert run("--version").stdout == f"coop-run, version {coop_runtime.__version__}\n"


def test_completion_of_commands() -> None:
    environment = {
        "_COOP_RUN_COMPLETE": "bash_complete",
        "COMP_WORDS": "coop-run ge",
        "COMP_CWORD": "1",
    }
    result = CliRunner().invoke(main, [], prog_name="coop-run", env=environment)
    assert result.stdout == "plain,generate\n"
