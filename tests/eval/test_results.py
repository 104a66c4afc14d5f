"""The runner of the experiments: what was done is kept, what fails is named, tables are written."""

import importlib
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coop_runtime import CoopError, load

EXPERIMENT = """
from experiments.rows import Case

TITLE = "Numbers"
calls = []

def measure(n):
    calls.append(n)
    return {"square": n * n}

def cases(scale):
    return [Case(f"of {n}", (), lambda n=n: measure(n)) for n in (2, 3)]

def table(rows, scale):
    return "; ".join(f"{name}: {values['square']}" for name, values in rows.items())
"""


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load_module: Any) -> Any:
    (tmp_path / "numbers.py").write_text(EXPERIMENT)
    spec = importlib.util.spec_from_file_location("experiments.numbers", tmp_path / "numbers.py")
    assert spec is not None
    assert spec.loader is not None
    load_module("experiments")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "experiments.numbers", module)
    return load_module("results")


@pytest.fixture
def numbers(results: Any) -> ModuleType:
    return sys.modules["experiments.numbers"]


def test_a_row_is_measured_once(results: Any, numbers: Any, tmp_path: Path) -> None:
    place = results.Workplace(tmp_path / "runs", tmp_path / "rows")
    assert results.tables(place, results.QUICK, {"numbers": numbers}) == {"numbers": "Not run."}
    for _ in range(2):
        for case in numbers.cases(results.QUICK):
            row = results.measured(place, "numbers", results.QUICK, case)
    commit = row["of 3"].pop("commit")
    assert row == {"of 3": {"square": 9}}
    assert commit
    assert numbers.calls == [2, 3]
    laid = results.tables(place, results.QUICK, {"numbers": numbers})
    assert laid == {"numbers": f"of 2: 4; of 3: 9\n\nMeasured at: {commit} (2 rows)."}
    assert results.tables(place, results.FULL, {"numbers": numbers}) == {"numbers": "Not run."}


def test_rows_tell_how_far_their_networks_learned(load_module: Any) -> None:
    rows = load_module("experiments.rows")
    exported = Path(__file__).resolve().parents[2] / "exported"
    bundles = [exported / "brick", exported / "water"]
    told = rows.learned(bundles)
    steps = [load(bundle, device="cpu").card.training["steps"] for bundle in bundles]
    assert told == {"iterations": ", ".join(map(str, steps)), "rollbacks": "0, 0"}
    assert rows.learned([]) == {}


def test_tables_are_put_between_their_marks(results: Any, tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    document.write_text("Before.\n<!-- numbers -->\nold\n<!-- /numbers -->\nAfter.\n")
    for _ in range(2):
        results.write({"numbers": r"a \1 b"}, document)
    assert document.read_text() == (
        "Before.\n<!-- numbers -->\n\na \\1 b\n\n<!-- /numbers -->\nAfter.\n"
    )
    with pytest.raises(CoopError, match="no marks <!-- others -->"):
        results.write({"others": "x"}, document)


def test_what_fails_is_named_and_the_rest_is_done(
    results: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    done = []

    def fails() -> None:
        raise CoopError("no data")

    with ThreadPoolExecutor(1) as pool:
        failed = results.work(pool, "rows", {"a": fails, "b": lambda: done.append("b")})
        assert (failed, done) == (["a: no data"], ["b"])
        assert "[rows 1/2, 0 min, 0 left] a FAILED: no data" in capsys.readouterr().err
        with pytest.raises(ZeroDivisionError):
            results.work(pool, "rows", {"a": lambda: 1 / 0})


def test_rows_without_their_data_fail_with_a_line_that_says_so(
    results: Any, load_module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sources = load_module("experiments.sources")
    monkeypatch.setattr(sources, "DATA", tmp_path / "shared" / "data")
    sources.split.cache_clear()
    place = results.Workplace(tmp_path / "runs", tmp_path / "rows")
    tried = 0
    for module in results.experiments(results.EXPERIMENTS).values():
        for case in module.cases(results.QUICK):
            tried += 1
            first = partial(place.bundle, case.trainings[0]) if case.trainings else case.measure
            with pytest.raises(CoopError, match=r"expected \S+ in shared/data beside"):
                first()
    assert tried > 200


def test_trainings_have_names_of_their_own(results: Any) -> None:
    scale = results.FULL
    faces = scale.images("faces64", "vae", 1)
    assert faces.name == "faces64-vae-6min-seed1"
    hidden = scale.training("images", "faces64", "vae", 3, 1, ("--mask", "B20"), "B20")
    assert hidden.name == "faces64-vae-B20-3min-seed1"
    case = importlib.import_module("experiments.rows").Case("x", (faces, hidden, faces), dict)
    place = results.Workplace(Path("nowhere"), Path("nowhere"))
    assert results.trainings(place, [case]) == [faces, hidden]


def test_the_quick_scale_has_every_row_of_one_seed_with_less_training(results: Any) -> None:
    for module in results.experiments(results.EXPERIMENTS).values():
        full, quick = (module.cases(scale) for scale in (results.FULL, results.QUICK))
        of_one = [c.name for c in full if not c.name.endswith((" seed 1", " seed 2"))]
        assert [case.name for case in quick] == of_one
        trained = {t.name for case in full for t in case.trainings}
        assert not trained & {t.name for case in quick for t in case.trainings}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--match", "x("], "--match: 'x(' is no regular expression: missing )"),
        (["--match", "reduction: nothing"], "no row is called so; --list tells"),
        (["--jobs", "0"], "'0' is no number of processes; expected 1 or more"),
        (["--seed", "7"], "invalid choice"),
        (["--tables", "--rows", "nowhere"], "nowhere: no such folder; --rows takes one with rows"),
    ],
)
def test_a_wrong_argument_is_told_in_a_line(
    results: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    line: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["results.py", "--only", "reduction", *arguments])
    with pytest.raises(SystemExit):
        results.main()
    assert line in capsys.readouterr().err.splitlines()[-1]


def test_rows_of_one_seed_are_picked_with_those_that_have_none(
    results: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["results.py", "--only", "reduction", "--seed", "1", "--list"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert results.main() == 0
    told = capsys.readouterr().out
    assert "reduction: abp 20 seed 1\n" in told
    assert "reduction: PCA 20\n" in told
    assert "seed 0" not in told


def test_the_document_has_the_tables_of_the_rows_that_are_kept(results: Any) -> None:
    """`python benchmarks/results.py --rows benchmarks/measured --tables --write` was run."""
    place = results.Workplace(Path("nowhere"), results.MEASURED)
    laid = results.tables(place, results.FULL, results.experiments(results.EXPERIMENTS))
    text = results.DOCUMENT.read_text()
    for name, table in laid.items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- /{name} -->" in text
