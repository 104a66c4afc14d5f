"""Many clients of one studio: 4 for 15 s, or 16 for 300 s by `make soak`."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
CLIENTS = int(os.environ.get("COOP_SOAK_CLIENTS", "4"))
SECONDS = float(os.environ.get("COOP_SOAK_SECONDS", "15"))


def test_clients_get_their_own(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("soak", BENCHMARKS / "studio_soak.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "soak", module)  # dataclasses look there
    spec.loader.exec_module(module)
    met = module.soak(server.url, server.library / "brick", CLIENTS, SECONDS, server.process.pid)
    sys.stdout.write(f"{met.counts}, {met.memory[-1][1]:.0f} MB\n")
    assert set(met.counts) == {"right"}, met.counts
    assert met.counts["right"] >= CLIENTS
    assert len(met.newest) == CLIENTS
    assert met.memory[-1][1] < met.memory[len(met.memory) // 3][1] + 100
