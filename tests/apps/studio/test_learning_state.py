"""What a run's folder tells, and the words for it."""

import json
from pathlib import Path
from typing import Any

from coop_apps.studio.learning.lesson import Lesson
from coop_apps.studio.learning.report import Report
from coop_apps.studio.learning.state import look


def write(run: Path, *lines: dict[str, Any], torn: str = "") -> None:
    (run / "samples").mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run / "log.jsonl").write_text(text + torn)


def step(k: int, **figures: float) -> dict[str, Any]:
    return {"step": k, "seconds": float(k), **figures}


def test_a_run_that_is_not_there_yet_tells_nothing(tmp_path: Path) -> None:
    progress = look(tmp_path / "run")
    assert (progress.step, progress.figures, progress.sheet) == (0, {}, None)


def test_figures_and_the_newest_sheet(tmp_path: Path) -> None:
    first = step(1, f_data=2.0, f_model=0.5, revision=0.25, contrast=1.0)
    write(tmp_path, first, step(2, f_data=1.0, f_model=0.5, revision=0.125), torn='{"step": 3')
    for name in ("step-000010.png", "step-000020.png", "step-000020.wav"):
        (tmp_path / "samples" / name).touch()
    progress = look(tmp_path)
    assert (progress.step, progress.seconds) == (2, 2.0)
    assert progress.figures == {
        "energy gap": [(1.0, 1.5), (2.0, 0.5)],
        "revision": [(1.0, 0.25), (2.0, 0.125)],
    }
    assert progress.sheet == tmp_path / "samples" / "step-000020.png"


def test_a_long_log_is_thinned_to_means(tmp_path: Path) -> None:
    write(tmp_path, *(step(k, revision=float(k % 2)) for k in range(1, 1201)))
    points = look(tmp_path).figures["revision"]
    assert len(points) == 120
    assert {value for _, value in points} == {0.5}


def test_what_the_guard_did_is_told_as_what_it_is(tmp_path: Path) -> None:
    rollback = {"event": "rollback", "reason": "not a number: f_data", "to": 20, "shrink": 0.5}
    flat = {"event": "flat", "drift": 1e-5}
    write(tmp_path, step(30, revision=0.1), {"step": 31, **rollback}, {"step": 80, **flat})
    progress = look(tmp_path)
    assert progress.events[0] == (
        "Step 31: not a number: f_data. The guard went back to step 20, with 0.5 of the "
        "learning rates."
    )
    assert "gone flat" in progress.events[1]
    lesson = Lesson("stone", "texture", "stone.png", 1.0, 1, "training")
    shown = Report(lesson, 0, False, progress)
    assert "**What the guard saw**" in shown.words()
    assert shown.data()["events"] == list(progress.events)


def test_the_time_that_is_left_and_the_trend_are_said(tmp_path: Path) -> None:
    write(tmp_path, *(step(k, reconstruction=1 / k) for k in range(1, 31)))
    lesson = Lesson("stone", "texture", "stone.png", 2.0, 1, "training")
    shown = Report(lesson, 0, False, look(tmp_path))
    assert shown.line() == "stone: learning, step 30, 1 min 30 s left"
    assert shown.done == 0.25
    assert "**Reconstruction** 0.0333, falling: how far" in shown.words()
    assert shown._replace(began=shown.progress.written + 1).line() == (
        "stone: going on, in a moment …"
    )
    stopping = shown._replace(stopping=True)
    assert stopping.data()["state"] == "stopping"
    assert "saves" in stopping.line()
