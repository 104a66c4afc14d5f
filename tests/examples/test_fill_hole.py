"""The command that fills holes: known pixels stay, the hole is filled."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "fill_hole.py"


def test_known_pixels_stay(tiny_bundle: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    mask = np.zeros((16, 20), np.uint8)
    mask[4:9, 6:15] = 255
    names = [str(tmp_path / name) for name in ("photograph.png", "mask.png", "filled.png")]
    Image.fromarray(pixels).save(names[0])
    Image.fromarray(mask).save(names[1])
    command = [sys.executable, str(EXAMPLE), str(tiny_bundle), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    filled = np.asarray(Image.open(names[2]))
    np.testing.assert_array_equal(filled[mask == 0], pixels[mask == 0])
    assert (filled[mask > 0] != pixels[mask > 0]).any()


def test_wrong_words(tmp_path: Path) -> None:
    for words, message in (([], "python examples/fill_hole.py"), (["no"] * 4, "no such bundle")):
        command = [sys.executable, str(EXAMPLE), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert message in done.stderr


def test_wrong_pictures_are_one_line(tiny_bundle: Path, tmp_path: Path) -> None:
    for name, size in (("photograph.png", (16, 20)), ("mask.png", (9, 9))):
        Image.fromarray(np.zeros(size, np.uint8)).save(tmp_path / name)
    for words, message in (
        (["photograph.png", "mask.png", "filled.png"], "differ in size"),
        (["none.png", "mask.png", "filled.png"], "No such file"),
    ):
        command = [sys.executable, str(EXAMPLE), str(tiny_bundle), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 1
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
