"""Lessons: one at a time, queued, stopped, resumed, exported; with programs that only pretend."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from coop_apps.studio.learning.child import Child, Programs, export_words, reason, train_words
from coop_apps.studio.learning.lesson import Lesson, check_name, earlier_lessons
from coop_apps.studio.learning.process import Trainings
from coop_apps.studio.learning.report import report
from coop_apps.studio.library import Library
from coop_apps.studio.limits import Limits
from coop_apps.studio.uploads import check_upload
from coop_runtime import CoopError

# Learns until the file `enough` is there, as coop-train would: saves upon SIGTERM.
TRAIN = """
import json, pathlib, signal, sys, time
run = pathlib.Path("run"); (run / "samples").mkdir(parents=True, exist_ok=True)
(run / "config.json").write_text("{}")
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
before = (run / "log.jsonl").read_text() if "--resume" in sys.argv else ""
with (run / "log.jsonl").open("w") as log:
    log.write(before)
    step = len(before.splitlines())
    while not asked and not pathlib.Path("../enough").exists():
        step += 1
        line = {"step": step, "seconds": step / 10, "f_data": 1.0, "f_model": 1.0 - 1.0 / step}
        log.write(json.dumps(line | {"revision": 0.1}) + "\\n"); log.flush()
        time.sleep(0.02)
(run / "checkpoint.pt").write_text(str(step))
sys.exit(143 if asked else 0)
"""
EXPORT = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"
FAIL = "import sys; sys.exit('some output\\nError: {folder}/x.png: not a picture')"


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "photo.PNG"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path, "PNG")
    return path


@pytest.fixture
def library(tmp_path: Path, tiny_bundle: Path) -> Library:
    shutil.copytree(tiny_bundle, tmp_path / "exported" / "brick")
    return Library(tmp_path / "exported")


@pytest.fixture
def programs(tiny_bundle: Path) -> Programs:
    def train(lesson: Lesson, resume: bool) -> list[str]:
        return [sys.executable, "-c", TRAIN, *(["--resume"] if resume else [])]

    def export(bundle: Path) -> list[str]:
        return [sys.executable, "-c", EXPORT, str(tiny_bundle), str(bundle)]

    return Programs(train, export)


@pytest.fixture
def begin(
    tmp_path: Path, library: Library, programs: Programs
) -> Iterator[Callable[..., Trainings]]:
    """Give a function that opens the trainings of the same folders, as a new server does."""
    opened: list[Trainings] = []

    def new(**options: Any) -> Trainings:
        given: dict[str, Any] = {"limits": Limits(learn_waiting=2), "programs": programs} | options
        opened.append(Trainings(tmp_path / "runs", library, **given))
        return opened[-1]

    yield new
    for trainings in opened:
        trainings.close(1.0)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def state(trainings: Trainings, name: str) -> str:
    return trainings.lesson(name).state


def steps(trainings: Trainings, name: str) -> int:
    return report(trainings, name).progress.step


def test_a_lesson_becomes_a_bundle_of_the_library(
    begin: Callable[..., Trainings], library: Library, upload: Path, tmp_path: Path
) -> None:
    trainings, told = begin(), list[list[str]]()
    library.watchers.append(lambda: told.append(library.names()))
    trainings.start(" stone ", "texture", upload, 5.0)
    until(lambda: steps(trainings, "stone") > 3)
    assert state(trainings, "stone") == "training"
    assert (tmp_path / "runs" / "stone" / "stone.png").read_bytes() == upload.read_bytes()
    assert (tmp_path / "runs").stat().st_mode & 0o077 == 0
    (tmp_path / "runs" / "enough").touch()
    until(lambda: state(trainings, "stone") == "done")
    assert library.names() == ["brick", "stone"]
    assert told == [["brick", "stone"]]
    assert library.model("stone").generate(1, 0, (8, 8)).shape == (1, 3, 8, 8)
    with pytest.raises(CoopError, match="is learned"):
        trainings.resume("stone")


def test_stopped_it_saves_and_is_resumed_by_the_next_server_too(
    begin: Callable[..., Trainings], upload: Path
) -> None:
    trainings = begin()
    trainings.start("stone", "texture", upload, 5.0)
    until(lambda: steps(trainings, "stone") > 3)
    trainings.stop("stone")
    trainings.stop("stone")  # a second press changes nothing
    until(lambda: state(trainings, "stone") == "stopped")
    reached = steps(trainings, "stone")
    assert "which is saved" in report(trainings, "stone").line()
    trainings.resume("stone")
    until(lambda: steps(trainings, "stone") > reached)
    trainings.close()
    assert state(trainings, "stone") == "stopped"
    reached = steps(trainings, "stone")

    after = begin()
    assert [(s.name, s.state, s.message) for s in after.lessons()] == [
        ("stone", "stopped", "The server ended.")
    ]
    after.resume("stone")
    until(lambda: steps(after, "stone") > reached)


def test_what_a_killed_server_leaves_counts_as_stopped(tmp_path: Path, upload: Path) -> None:
    folder = tmp_path / "runs" / "stone"
    folder.mkdir(parents=True)
    Lesson("stone", "texture", "stone.png", 5.0, 1, "training").write(folder)
    for name, text in (("torn", "{"), ("other", json.dumps({"name": "x"}))):
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "lesson.json").write_text(text)
    assert [(s.name, s.state) for s in earlier_lessons(tmp_path / "runs")] == [("stone", "stopped")]


def test_a_training_that_outlived_its_server_is_not_begun_twice(
    begin: Callable[..., Trainings], upload: Path, tmp_path: Path
) -> None:
    pytest.importorskip("fcntl", reason="folders are not held on this system")
    first = begin()
    first.start("stone", "texture", upload, 5.0)
    until(lambda: steps(first, "stone") > 1)
    second = begin()
    second.resume("stone")
    until(lambda: state(second, "stone") == "failed")
    assert "still at work" in second.lesson("stone").message


def test_one_at_a_time_a_few_wait_and_the_next_is_refused(
    begin: Callable[..., Trainings], upload: Path, tmp_path: Path
) -> None:
    trainings = begin()
    for name in ("a", "b", "c"):
        trainings.start(name, "texture", upload, 5.0)
        until(lambda: state(trainings, "a") == "training")
    assert [state(trainings, name) for name in "abc"] == ["training", "waiting", "waiting"]
    assert [trainings.position(name) for name in "abc"] == [0, 1, 2]
    assert [lesson.name for lesson in trainings.lessons()] == ["a", "b", "c"]
    assert report(trainings, "c").line() == "c waits for its turn: 2 before it."
    with pytest.raises(CoopError, match="2 trainings wait already"):
        trainings.start("d", "texture", upload, 5.0)
    assert not (tmp_path / "runs" / "d").exists()
    trainings.stop("b")
    assert state(trainings, "b") == "stopped"
    assert "before its first step" in report(trainings, "b").line()
    trainings.stop("a")
    until(lambda: state(trainings, "c") == "training")
    trainings.close()
    assert [state(trainings, name) for name in "abc"] == ["stopped"] * 3


def test_what_is_kept_as_it_is_is_exported_without_learning(
    begin: Callable[..., Trainings], library: Library, upload: Path
) -> None:
    trainings = begin()
    trainings.start("stone", "texture", upload, 5.0)
    until(lambda: steps(trainings, "stone") > 3)
    with pytest.raises(CoopError, match=r"learned nothing yet|is at work"):
        trainings.keep("stone")
    trainings.stop("stone")
    until(lambda: state(trainings, "stone") == "stopped")
    reached = steps(trainings, "stone")
    trainings.keep("stone")
    until(lambda: state(trainings, "stone") == "done")
    assert steps(trainings, "stone") == reached
    assert "stone" in library.names()


def test_a_failure_is_told_in_the_programs_own_words_without_places(
    begin: Callable[..., Trainings], upload: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "runs" / "stone"
    fail = [sys.executable, "-c", FAIL.format(folder=folder)]
    trainings = begin(programs=Programs(lambda *_: fail))
    trainings.start("stone", "texture", upload, 5.0)
    until(lambda: state(trainings, "stone") == "failed")
    assert report(trainings, "stone").line() == "stone failed: stone/x.png: not a picture"


def test_a_program_that_is_not_there_fails_and_the_next_lesson_goes_on(
    begin: Callable[..., Trainings], upload: Path
) -> None:
    trainings = begin(programs=Programs(lambda *_: ["no-such-program"]))
    for name in ("a", "b"):
        trainings.start(name, "texture", upload, 5.0)
        until(lambda name=name: state(trainings, name) == "failed")  # type: ignore[misc]


def test_a_sound_that_is_no_numbers_fails_in_one_line(
    begin: Callable[..., Trainings], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "nan.wav"
    soundfile.write(path, np.full(40_000, np.nan, np.float32), 8000, "FLOAT")
    check_upload(path, Limits())  # nothing is decoded there
    trainings = begin(programs=Programs())
    trainings.start("nan", "sound", path, 1.0)
    until(lambda: state(trainings, "nan") == "failed", seconds=240)
    assert trainings.lesson("nan").message.endswith(
        "some samples are not finite numbers; repair it"
    )


def test_one_that_does_not_leave_is_ended(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    words = [sys.executable, "-c", f"{stubborn}; time.sleep(60)"]
    child, codes = Child(), list[int]()
    thread = threading.Thread(target=lambda: codes.append(child.run(words, tmp_path)))
    thread.start()
    output = tmp_path / "output.txt"
    until(lambda: output.exists() and output.read_text() == "1\n")
    child.stop(0.2)
    thread.join(20)
    assert codes == [-signal.SIGKILL]
    assert "memory" in reason(tmp_path, codes[0])


@pytest.mark.parametrize(
    ("name", "kind", "minutes", "message"),
    [
        ("", "texture", 5.0, "name: expected 1 to 40"),
        ("a" * 41, "texture", 5.0, "name: expected 1 to 40"),
        ("../stone", "texture", 5.0, "name: expected 1 to 40"),
        ("-stone", "texture", 5.0, "name: expected 1 to 40"),
        ("a b", "texture", 5.0, "name: expected 1 to 40"),
        ("stone\n", "sound", 5.0, "expected a sound: a file that ends in"),
        ("Brick", "texture", 5.0, "a bundle 'Brick' already"),
        ("other", "texture", 5.0, "taken by another run"),
        ("stone", "texture", 0.0, "more than 0 and at most 30"),
        ("stone", "texture", 31.0, "more than 0 and at most 30"),
        ("stone", "texture", float("nan"), "more than 0 and at most 30"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    begin: Callable[..., Trainings],
    upload: Path,
    tmp_path: Path,
    name: str,
    kind: Any,
    minutes: float,
    message: str,
) -> None:
    (tmp_path / "runs" / "other").mkdir(parents=True)
    trainings = begin()
    with pytest.raises(CoopError, match=message):
        trainings.start(name, kind, upload, minutes)
    assert trainings.lessons() == []
    assert sorted(os.listdir(tmp_path / "runs")) == ["other"]  # noqa: PTH208


def test_there_is_an_end_to_the_trainings_that_are_kept(
    begin: Callable[..., Trainings], upload: Path
) -> None:
    trainings = begin(limits=Limits(learn_kept=1))
    trainings.start("a", "texture", upload, 5.0)
    with pytest.raises(CoopError, match="the operator has to remove"):
        trainings.start("b", "texture", upload, 5.0)


def test_names_and_files_never_become_options() -> None:
    lesson = Lesson(check_name("stone"), "texture", "stone.png", 2.5, 1)
    assert train_words(lesson, False)[3:] == [
        *("coop_apps.train", "texture", "--out", "run", "--minutes", "2.5", "--", "stone.png")
    ]
    assert train_words(lesson, True)[3:] == [
        *("coop_apps.train", "texture", "--out", "run", "--resume")
    ]
    assert export_words(Path("/b"))[3:] == ["coop_apps.export", "run", "/b"]
