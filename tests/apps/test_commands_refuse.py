"""What the commands of coop-run refuse: one line, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from coop_apps.run import main


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["refine", "none.png", "-o", "o.png"], 1, "'none.png': no such file or folder"),
        (["refine", "*.bmp", "-o", "o.png"], 1, "'*.bmp': nothing to work on in it"),
        (["refine", "-", "-", "-o", "o.png"], 1, "standard input can be read once only"),
        (["refine", "text.png", "-o", "o.png"], 1, "'text.png': not a picture that can be read"),
        (["refine", "a.png", "-o", "o.gif"], 2, "'o.gif' does not end in .png"),
        (["refine", "a.png", "-o", "a.png"], 1, "'a.png' is an input"),
        (["refine", "a.png", "-o", "no/such/"], 1, "there is no folder 'no'"),
        (["refine", "a.png", "a.jpg", "-o", "new/"], 1, "two inputs would become 'new/a.png'"),
        (["refine", "a.png", "a.jpg", "-o", "-"], 2, "standard output takes one result"),
        (["refine", "a.png", "-o", "-", "--json"], 2, "both write to standard output"),
        (["refine", "-o", "o.png"], 2, "Missing argument 'INPUT...'"),
        (["complete", "a.png", "-o", "o.png"], 2, "Missing option '--mask'"),
        (
            ["complete", "a.png", "--mask", "black.png", "-o", "o.png"],
            1,
            "'a.png': mask: nothing is missing in example 0",
        ),
        (
            ["complete", "a.png", "--mask", "large.png", "-o", "o.png"],
            1,
            "'large.png': expected a mask of the input's size 8x8, found 9x9",
        ),
        (
            ["recover", "a.png", "--mask", "grey.npy", "-o", "o.png"],
            1,
            "'grey.npy': expected zeros, and 1 or 255 where something is missing",
        ),
        (
            ["recover", "a.png", "a.jpg", "large.png", "--mask", "*.npy", "-o", "o.png"],
            1,
            "expected one mask, or 3, as many as inputs; found 2",
        ),
        (["encode", "a.png", "--json"], 1, "'tiny' has no encoder"),
        (
            ["energy", "a.png", "--backend", "torchscript"],
            1,
            "'tiny' has no TorchScript files; take the backend 'onnx', or export it with",
        ),
        (["encode", "a.png"], 2, "give --json, -o codes.npz, or both"),
        (["interpolate", "1", "none", "-o", "o.png"], 1, "'none': no such file or folder"),
        (["interpolate", "1", "large.png", "--size", "8", "-o", "o.png"], 1, "expected the size"),
        (["interpolate", "1", "2", "-o", "o.wav"], 2, "does not end in .png or .gif or .webp"),
        (["interpolate", "1", "a.png", "-o", "a.png"], 1, "'a.png' is an input"),
        (["vary", "./a.png", "--distance", "1", "-o", "a.png"], 1, "'a.png' is an input"),
        (["complete", "a.png", "--mask", "black.png", "-o", "black.png"], 1, "is an input"),
        (["interpolate", "1", "2", "--fps", "nan", "-o", "o.gif"], 2, "expected a number"),
        (["complete", "a.png", "--mask", "-", "-o", "o.png"], 1, "give a file"),
        (["generate", "--raw", "-o", "-"], 2, "--raw is for sounds; 'tiny' draws texture"),
        (["panel", "--extent", "0", "-o", "o.png"], 2, "0 is not in the range x>0"),
        (["vary", "1", "--distance", "-1", "-o", "o.png"], 2, "-1.0 is not in the range x>=0"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    tiny_bundle: Path,
    tmp_path: Path,
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    here = picture("here/a.png").parent
    picture("here/a.jpg"), picture("here/large.png", 0, (9, 9))
    (here / "text.png").write_text("no picture")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(here / "black.png")
    np.save(here / "grey.npy", np.full((8, 8), 7))
    np.save(here / "half.npy", np.eye(8))
    before = sorted(here.iterdir())
    monkeypatch.chdir(here)
    command, *rest = arguments
    result = CliRunner().invoke(main, [command, str(tiny_bundle), *rest])
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert message in last
    assert sorted(here.iterdir()) == before


def test_a_piped_result_is_not_in_place_of_an_input(
    tiny_bundle: Path, picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(picture("here/out.png").parent)
    for command in (["refine", "--steps", "0"], ["vary", "--distance", "1", "-n", "1"]):
        rest = [str(tiny_bundle), "out.png", "-o", "-"]
        assert CliRunner().invoke(main, [*command, *rest]).exit_code == 0
