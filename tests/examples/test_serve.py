"""The FastAPI service: its PNG is Python's picture; wrong requests get an answer."""

import importlib.util
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from coop_runtime import load, to_uint8

pytest.importorskip("fastapi", reason="fastapi is not installed")
pytest.importorskip("httpx2", reason="httpx2, which FastAPI's test client needs, is not installed")

FILE = Path(__file__).resolve().parents[2] / "examples" / "serve.py"


def client(bundle: Path) -> Any:
    from fastapi.testclient import TestClient

    spec = importlib.util.spec_from_file_location("serve", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return TestClient(module.create_app(bundle))


def test_it_answers_with_python_s_picture(tiny_bundle: Path) -> None:
    service = client(tiny_bundle)
    model = load(tiny_bundle, "cpu")

    def served(seed: int) -> bytes:
        answer = service.get("/texture", params={"seed": seed, "size": 20, "steps": 2})
        assert answer.status_code == 200, answer.text
        content: bytes = answer.content
        return content

    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(served, range(8)))
    for seed, picture in enumerate(pictures):
        *_, last = model.refine(model.generate(1, seed, 20), 2, seed)
        found = np.asarray(Image.open(io.BytesIO(picture)))
        np.testing.assert_array_equal(found, to_uint8(last.x, model.card.signal)[0])


def test_wrong_requests(tiny_bundle: Path) -> None:
    service = client(tiny_bundle)
    assert service.get("/texture", params={"size": 100_000}).status_code == 422
    answer = service.get("/texture", params={"seed": 2**70})
    assert answer.status_code == 400
    assert "seed: expected a whole number" in answer.json()["detail"]
