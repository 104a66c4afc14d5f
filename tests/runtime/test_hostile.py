"""A bundle is data from a stranger: whatever is in it, it plays or is refused in one line."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from coop_runtime import BundleError, CoopError, SessionOptions, TimeLimitError, load
from coop_runtime.graphs import LoadedGraph
from coop_runtime.reading import parse_json
from coop_runtime.sessions import open_session

MUTANTS = Path(__file__).with_name("mutants.py")


@pytest.mark.skipif(not find_spec("resource"), reason="no memory of a process as in POSIX here")
@pytest.mark.parametrize("seed", range(4))
def test_mutants(tiny_bundle: Path, tmp_path: Path, seed: int) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, str(MUTANTS), str(tiny_bundle), str(scratch), str(seed), "550"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=550 * 2)
    assert done.returncode == 0, done.stderr[-500:]
    found = json.loads(done.stdout)
    allowed = {"plays", "CardError", "FileError", "GraphError", "BundleError", "TimeLimitError"}
    allowed |= {"CoopError", "ArgumentError", "MissingGraphError"}
    assert set(found["outcomes"]) <= allowed
    assert found["slowest"] < 2
    assert found["megabytes"] < 500
    assert found["outside"] == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no links and pipes as in POSIX here")
@pytest.mark.parametrize("name", ["card.json", "energy.onnx"])
def test_only_regular_files_are_read(tiny_bundle: Path, tmp_path: Path, name: str) -> None:
    path, elsewhere = tiny_bundle / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    cases: list[tuple[Callable[[], None], str]] = [
        (lambda: path.symlink_to(elsewhere), "symbolic link"),
        (lambda: path.hardlink_to(elsewhere), "hard link"),
        (lambda: os.mkfifo(path), "not a regular file"),
        (lambda: path.symlink_to("/dev/zero"), "symbolic link"),
    ]
    for make, message in cases:
        make()
        began = time.monotonic()
        with pytest.raises(BundleError, match=message):
            load(tiny_bundle, "cpu")
        assert time.monotonic() - began < 2
        path.unlink()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' stands there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 10**6 + b"}", "a number of 1000000 digits"),
        (b"[" * 10**6, "nested too deeply"),
        (b'{"' + b"k" * 10**6 + b'": 1}', "a key of 1000000 characters"),
        (b'"\\ud800"', "control characters"),
        (b'"\\u001b[2J"', "control characters"),
        (b"\xff", "not JSON"),
    ],
)
def test_strict_json(text: bytes, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(BundleError, match=message) as caught:
        parse_json(text)
    assert str(caught.value).isprintable()
    assert time.monotonic() - began < 2


def test_time_limit(tiny_bundle: Path) -> None:
    patient = load(tiny_bundle, "cpu", time_limit=60.0)
    x = patient.generate(1, size=4)
    large = np.repeat(np.repeat(x, 500, 2), 500, 3)
    spec, data = patient.card.graphs["energy"], (tiny_bundle / "energy.onnx").read_bytes()
    session = open_session(data, "cpu", SessionOptions(1), spec.file)
    hasty = replace(patient, graphs={"energy": LoadedGraph(spec, session, time_limit=1e-4)})
    with pytest.raises(TimeLimitError, match=r"energy.onnx: one .* took more than 0\.0001 s"):
        hasty.energy(np.repeat(large, 4, 0))  # one of four is late
    spared = replace(patient, graphs={"energy": LoadedGraph(spec, session, time_limit=60.0)})
    assert spared.energy(x).tobytes() == patient.energy(x).tobytes()  # the session goes on
    with pytest.raises(TimeLimitError, match=r"\.onnx: loading it took more than 1e-06 s"):
        load(tiny_bundle, "cpu", time_limit=1e-6)
    for seconds in (0.0, -1, float("nan")):
        with pytest.raises(CoopError, match="time_limit: expected > 0"):
            load(tiny_bundle, "cpu", time_limit=seconds)


def test_close(tiny_bundle: Path) -> None:
    with load(tiny_bundle, "cpu") as open_model:
        open_model.generate()
    open_model.close()
    with pytest.raises(CoopError, match="the model is closed"):
        open_model.generate()


def test_threads_share_a_model(tiny_bundle: Path) -> None:
    shared = load(tiny_bundle, "cpu")

    def played(seed: int) -> bytes:
        *_, last = shared.refine(shared.generate(1, seed, 16), 3, seed)
        return last.x.tobytes()

    alone = [played(seed) for seed in range(32)]
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(played, range(32))) == alone
