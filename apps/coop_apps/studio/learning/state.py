"""What the folder of a run tells while it learns; read without torch."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["FIGURES", "Progress", "look", "thinned"]

#: The figures that the page shows, by their names in the log; the gap is f_data − f_model.
FIGURES = ("energy gap", "revision", "reconstruction")

_POINTS = 120


class Progress(NamedTuple):
    """How far a run has come.

    Attributes
    ----------
    step
        Iterations so far.
    seconds
        Time that they took.
    figures
        (seconds, value) by name, see `FIGURES`; those of them that the method has.
    events
        Roll-backs of the guard and a flat descriptor, one line each.
    sheet
        The newest sheet of samples, or None.
    written
        When the log was written last, in seconds as of `time.time`; 0 if it is not there.
    """

    step: int = 0
    seconds: float = 0.0
    figures: dict[str, list[tuple[float, float]]] = {}  # noqa: RUF012  never changed
    events: tuple[str, ...] = ()
    sheet: Path | None = None
    written: float = 0.0


def look(run: Path) -> Progress:
    """Read log and samples of coop-train's folder, which may not be there yet."""
    sheets = sorted(run.glob("samples/step-*.png"))
    sheet = sheets[-1] if sheets else None
    try:
        stat = (run / "log.jsonl").stat()
    except OSError:
        return Progress(sheet=sheet)
    progress = _log(run / "log.jsonl", stat.st_size, stat.st_mtime_ns)
    return progress._replace(sheet=sheet, written=stat.st_mtime)


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Give at most 120 points: means of as many neighbours as it takes.

    Examples
    --------
    >>> thinned([(0.0, 1.0), (1.0, 3.0)])
    [(0.0, 1.0), (1.0, 3.0)]
    >>> len(thinned([(float(k), 0.0) for k in range(1000)]))
    112
    """
    every = -(-len(points) // _POINTS)
    if every <= 1:
        return list(points)
    bins = (points[k : k + every] for k in range(0, len(points), every))
    return [(_mean([t for t, _ in b]), _mean([v for _, v in b])) for b in bins]


@lru_cache(maxsize=8)
def _log(file: Path, size: int, changed: int) -> Progress:
    """Read a log as it is at this size and time of change."""
    step, seconds, events = 0, 0.0, list[str]()
    figures: dict[str, list[tuple[float, float]]] = {}
    for line in _lines(file):
        step = int(line.get("to", line["step"]))
        if "event" in line:
            events.append(_event(line))
            continue
        seconds = float(line["seconds"])
        for name, value in _figures(line).items():
            figures.setdefault(name, []).append((seconds, value))
    return Progress(step, seconds, {k: thinned(v) for k, v in figures.items()}, tuple(events))


def _lines(file: Path) -> list[dict[str, Any]]:
    """Give the lines; the last one may be half written."""
    lines = []
    for text in file.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def _figures(line: dict[str, Any]) -> dict[str, float]:
    known = {name: float(line[name]) for name in FIGURES if name in line}
    if "f_data" in line and "f_model" in line:
        known["energy gap"] = float(line["f_data"]) - float(line["f_model"])
    return known


def _event(line: dict[str, Any]) -> str:
    if line["event"] == "rollback":
        return (
            f"Step {line['step']}: {line['reason']}. The guard went back to step {line['to']}, "
            f"with {line['shrink']:g} of the learning rates."
        )
    return (
        f"Step {line['step']}: the descriptor has gone flat: it no longer tells what is drawn "
        "from the original, so that refinement changes little."
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
