"""The C program that needs nothing of ours: its picture is Python's."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from coop_runtime import load, to_uint8

SOURCE = Path(__file__).resolve().parents[2] / "examples" / "c" / "draw.c"
HEADERS = Path(os.environ.get("ORT_INCLUDE", "/usr/include/onnxruntime"))
LIBRARIES = Path(onnxruntime.__file__).parent / "capi"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile it against the library inside onnxruntime's own Python package."""
    compiler = shutil.which("cc")
    libraries = sorted(LIBRARIES.glob("libonnxruntime.so.*"))
    for what, there in {
        "a C compiler": compiler,
        "onnxruntime_c_api.h (libonnxruntime-dev, or set ORT_INCLUDE)": (
            HEADERS / "onnxruntime_c_api.h"
        ).exists(),
        "cJSON's header (libcjson-dev)": Path("/usr/include/cjson/cJSON.h").exists(),
        "libonnxruntime.so in onnxruntime's package": libraries,
    }.items():
        if not there:
            pytest.skip(f"needs {what}")
    program = tmp_path_factory.mktemp("c") / "draw"
    (program.parent / "libonnxruntime.so.1").symlink_to(libraries[0])  # the name it is linked by
    command = [str(compiler), "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{HEADERS}"]
    command += [str(SOURCE), "-o", str(program), str(libraries[0]), f"-Wl,-rpath,{program.parent}"]
    subprocess.run([*command, "-lcjson", "-lm"], check=True)
    return program


def test_it_draws_what_python_draws(program: Path, bundle: Path) -> None:
    command = [str(program), str(bundle), "7", "8", "32"]
    picture = subprocess.run(command, capture_output=True, check=True).stdout
    head = b"P6\n32 8\n255\n"
    assert picture.startswith(head)
    found = np.frombuffer(picture[len(head) :], np.uint8).reshape(8, 32, 3)
    model = load(bundle, "cpu")
    *_, last = model.refine(model.generate(1, seed=7, size=(8, 32)), seed=7)
    # Rounding may differ by one level where a value falls between two.
    assert np.abs(found.astype(int) - to_uint8(last.x, model.card.signal)[0]).max() <= 1


def test_wrong_words_are_said(program: Path, tiny_bundle: Path) -> None:
    for words, message in (
        ([], "usage"),
        (["no/such", "0", "8", "8"], "cannot be read"),
        ([str(tiny_bundle), "0", "7", "8"], "multiples"),
    ):
        done = subprocess.run([str(program), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert message in done.stderr
