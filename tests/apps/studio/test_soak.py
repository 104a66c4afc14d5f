"""A short version of benchmarks/studio_soak.py."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def test_four_clients_get_their_own(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("soak", BENCHMARKS / "studio_soak.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "soak", module)  # dataclasses look there
    spec.loader.exec_module(module)
    met = module.soak(server.url, server.library / "brick", 4, 15.0, server.process.pid)
    assert set(met.counts) == {"right"}, met.counts
    assert met.counts["right"] >= 4
    assert len(met.newest) == 4
    assert met.memory[-1][1] < met.memory[len(met.memory) // 3][1] + 100
