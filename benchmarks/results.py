"""The papers' experiments on real data, against their peers: trains, measures, prints the tables.

    python benchmarks/results.py --quick               # every row of one seed, reduced
    python benchmarks/results.py --seed 0              # every row of one seed: a working day
    python benchmarks/results.py                       # three seeds: 20 core hours of training
    python benchmarks/results.py --only completion textures
    python benchmarks/results.py --match 'generation: faces64 .* seed 0'  # rows by --list's names
    python benchmarks/results.py --tables              # of what was measured, without more work
    python benchmarks/results.py --list                # trainings and rows, and which are there

Whatever was trained or measured is kept in ``--out`` and not done again; a training that was cut
short is resumed. So it can be interrupted, and run row by row: delete a row's file in ``rows/`` to
measure it again. ``--write`` puts the tables into docs/results.md, each between its two marks.
"""

import argparse
import multiprocessing
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

from coop_runtime.errors import CoopError
from coop_runtime.files import write_atomically
from experiments import EXPERIMENTS
from experiments.rows import FULL, QUICK, Case, Scale, Values, known, measured
from experiments.trainings import Training, Workplace

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "results.md"
#: The rows behind it, which are kept in the repository.
MEASURED = Path(__file__).resolve().parent / "measured"


def experiments(names: Sequence[str]) -> dict[str, ModuleType]:
    """Import the experiments of these names."""
    return {name: import_module(f"experiments.{name}") for name in names}


def trainings(place: Workplace, cases: Sequence[Case]) -> list[Training]:
    """List what has to be trained or exported for these rows, each once, in order of need."""
    wanted = dict.fromkeys(training for case in cases for training in case.trainings)
    return [training for training in wanted if not place.is_done(training)]


def tables(place: Workplace, scale: Scale, modules: dict[str, ModuleType]) -> dict[str, str]:
    """Lay out the tables of the rows that were measured, by experiment."""
    laid = {}
    for name, module in modules.items():
        rows: dict[str, Values] = {}
        for case in module.cases(scale):
            rows |= known(place, name, scale, case)
        laid[name] = f"{module.table(rows, scale)}\n\n{_origin(rows)}" if rows else "Not run."
    return laid


def _origin(rows: Mapping[str, Values]) -> str:
    """Say at which commits rows were measured."""
    counts = Counter(str(row.get("commit", "unknown")) for row in rows.values())
    return f"Measured at: {', '.join(f'{commit} ({n} rows)' for commit, n in counts.items())}."


def write(laid: dict[str, str], document: Path = DOCUMENT) -> None:
    """Put the tables into a document, each between ``<!-- name -->`` and ``<!-- /name -->``."""
    text = document.read_text()
    for name, table in laid.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not marks.search(text):
            raise CoopError(f"{document.name}: no marks <!-- {name} --> and <!-- /{name} -->")
        text = marks.sub(partial(_between, table), text)
    write_atomically(document, text.encode())


def _between(table: str, marks: re.Match[str]) -> str:
    return f"{marks[1]}\n{table}\n\n{marks[2]}"


def work(pool: Executor, what: str, tasks: Mapping[str, Callable[[], object]]) -> list[str]:
    """Do all tasks, telling how far it is; give what failed, a line each."""
    failed, began = [], time.monotonic()
    futures = {pool.submit(task): name for name, task in tasks.items()}
    try:
        for done, future in enumerate(as_completed(futures), 1):
            minutes = (time.monotonic() - began) / 60
            left = minutes / done * (len(tasks) - done)
            told = f"{what} {done}/{len(tasks)}, {minutes:.0f} min, {left:.0f} left"
            error = future.exception()
            if error is not None and not isinstance(error, (CoopError, ValueError)):
                raise error
            if error is not None:
                failed.append(f"{futures[future]}: {error}")
            outcome = f" FAILED: {error}" if error else ""
            print(f"[{told}] {futures[future]}{outcome}", file=sys.stderr, flush=True)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    return failed


def row(place: Workplace, scale: Scale, experiment: str, name: str) -> None:
    """Measure the row of this name; in a process that measures many."""
    (case,) = (c for c in experiments([experiment])[experiment].cases(scale) if c.name == name)
    measured(place, experiment, scale, case)


def run(
    place: Workplace, scale: Scale, cases: Sequence[tuple[str, Case]], jobs: int, train: bool
) -> list[str]:
    """Train what is wanting, then measure what is, unless only to ``train``; give what failed."""
    todo = [(name, case) for name, case in cases if not known(place, name, scale, case)]
    wanted = trainings(place, [case for _, case in todo])
    with ThreadPoolExecutor(jobs) as threads:  # each training is a process of its own
        failed = work(threads, "trainings", {t.name: partial(place.bundle, t) for t in wanted})
    if train:
        return failed
    rows = {
        f"{name}: {case.name}": partial(row, place, scale, name, case.name)
        for name, case in todo
        if all(place.is_done(training) for training in case.trainings)
    }
    os.environ["OMP_NUM_THREADS"] = "1"  # a core for each row
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as processes:
        return failed + work(processes, "rows", rows)


def number(text: str) -> int:
    """Read ``--jobs``."""
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is no number of processes; expected 1 or more")


def pattern(text: str) -> re.Pattern[str]:
    """Read ``--match``."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no regular expression: {error}; put \\ before a sign to match it"
        ) from None


def _is_of(name: str, seed: int | None) -> bool:
    """Say whether a row is of a seed, or of none."""
    told = name.partition(" seed ")[2]
    return seed is None or not told or int(told) == seed


def main() -> int:
    """Do what the arguments say; 0 if every row is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less training, fewer examples")
    parser.add_argument("--only", nargs="+", default=list(EXPERIMENTS), choices=EXPERIMENTS)
    parser.add_argument(
        "--match", default="", type=pattern, help="only rows like this, as: 'faces64.*seed 0'"
    )
    parser.add_argument(
        "--seed", type=int, choices=FULL.seeds, help="only rows of this seed, and those without one"
    )
    parser.add_argument("--out", type=Path, help="folder of all runs  [runs/results, or …-quick]")
    parser.add_argument("--rows", type=Path, help="folder of rows  [rows in --out]")
    parser.add_argument("--jobs", type=number, default=2, help="trainings, then rows, side by side")
    parser.add_argument("--train", action="store_true", help="train and export only")
    parser.add_argument("--tables", action="store_true", help="print what was measured, no more")
    parser.add_argument("--list", action="store_true", help="list trainings and rows")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/results.md")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    folder = options.out or Path("runs", "results" if scale is FULL else "results-quick")
    place = Workplace(folder, options.rows or folder / "rows")
    modules = experiments(options.only)
    cases = [
        (name, case)
        for name, module in modules.items()
        for case in module.cases(scale)
        if options.match.search(f"{name}: {case.name}") and _is_of(case.name, options.seed)
    ]
    modules = {name: modules[name] for name, _ in cases}
    if not cases:
        parser.error("no row is called so; --list tells what rows are called")
    if options.tables and not place.rows.is_dir():
        parser.error(f"{place.rows}: no such folder; --rows takes one with rows, as {MEASURED}")
    if options.list:
        for training in dict.fromkeys(t for _, case in cases for t in case.trainings):
            print(f"{'done' if place.is_done(training) else '    '} training {training.name}")
        for name, case in cases:
            print(f"{'done' if known(place, name, scale, case) else '    '} {name}: {case.name}")
        return 0
    failed = [] if options.tables else run(place, scale, cases, options.jobs, options.train)
    laid = tables(place, scale, modules)
    for name, table in laid.items():
        print(f"## {modules[name].TITLE}\n\n{table}\n")
    if options.write:
        write(laid)
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CoopError as error:
        sys.exit(f"Error: {error}")
    except BrokenPipeError:  # whoever reads has read enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
