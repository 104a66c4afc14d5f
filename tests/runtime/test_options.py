"""What programs that embed the runtime can set, and what it leaves alone."""

import ast
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

import coop_runtime
from coop_runtime import ArgumentError, ClosedError, GraphError, SessionOptions, load
from coop_runtime.onnx_file import read_file
from coop_runtime.sessions import open_session

CAREFUL = SessionOptions(
    threads=1,
    inter_threads=2,
    spinning=False,
    arena=False,
    shrink=True,
    arena_limit=1 << 30,
    memory_pattern=False,
    provider_options={"arena_extend_strategy": "kSameAsRequested"},
    entries={"session.dynamic_block_base": "4"},
)


@pytest.mark.parametrize("options", [CAREFUL, replace(CAREFUL, arena=True)])
def test_options_change_no_result(
    tiny_bundle: Path, capfd: pytest.CaptureFixture[str], options: SessionOptions
) -> None:
    before = dict(os.environ)
    with load(tiny_bundle, "cpu", 1) as usual, load(tiny_bundle, "cpu", options=options) as careful:
        x = usual.generate(2, seed=1, size=12)
        assert careful.generate(2, seed=1, size=12).tobytes() == x.tobytes()
        assert careful.energy(x).tobytes() == usual.energy(x).tobytes()
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threads": 0}, "threads: expected a whole number ≥ 1, found 0"),
        ({"threads": 2000}, "threads: expected a whole number ≤ 1024"),
        ({"inter_threads": True}, "inter_threads: expected a whole number ≥ 1, found True"),
        ({"arena_limit": -1}, "arena_limit: expected a whole number ≥ 1"),
        ({"memory": 1.5}, "memory: expected a whole number ≥ 1, found 1.5"),
        ({"spinning": "no"}, "spinning: expected True or False, found 'no'"),
        ({"arena": None}, "arena: expected True or False, found None"),
        ({"shrink": 1}, "shrink: expected True or False, found 1"),
        ({"memory_pattern": []}, "memory_pattern: expected True or False"),
        ({"provider_options": 5}, "provider_options: expected texts by name, found 5"),
        ({"entries": {"session.dynamic_block_base": 4}}, "entries: expected texts by name, found"),
    ],
)
def test_wrong_options(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        SessionOptions(**wrong)


def test_more_memory_than_the_caller_allows(tiny_bundle: Path) -> None:
    load(tiny_bundle, "cpu", options=SessionOptions(memory=1 << 14))
    with pytest.raises(GraphError, match=r"\.onnx: a run at the size of training needs more than"):
        load(tiny_bundle, "cpu", options=SessionOptions(memory=1 << 10))


def test_a_model_that_is_closed(tiny_bundle: Path) -> None:
    model = load(tiny_bundle, "cpu")
    states = model.refine(model.generate(), 5)
    next(states)
    model.close()
    model.close()
    for call in (model.generate, lambda: model.energy(model.noise()), lambda: next(states)):
        with pytest.raises(ClosedError, match="the model is closed: load the bundle again"):
            call()
    assert model.card.name == "tiny"


def test_onnxruntime_s_own_format_is_not_read(tiny_bundle: Path, tmp_path: Path) -> None:
    """Nobody has looked into it."""
    options, path = onnxruntime.SessionOptions(), tmp_path / "energy.ort"
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    providers = ["CPUExecutionProvider"]
    onnxruntime.InferenceSession(str(tiny_bundle / "energy.onnx"), options, providers=providers)
    data = path.read_bytes()
    assert onnxruntime.InferenceSession(data, providers=providers).get_inputs()[0].name == "x"
    with pytest.raises(GraphError):
        read_file(data)
    with pytest.raises(GraphError, match="cannot load this graph"):
        open_session(data, "cpu", SessionOptions(), "energy.ort")


def test_it_reads_no_environment_variables_and_prints_nothing() -> None:
    for file in Path(coop_runtime.__path__[0]).rglob("*.py"):
        names = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Attribute | ast.Name)
        }
        assert not names & {"environ", "getenv", "putenv", "stdout", "stderr"}, file
        assert "print" not in names, file
