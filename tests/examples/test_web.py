"""The page that plays a bundle in a headless Chromium: its picture is Python's."""

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coop_runtime import load, to_uint8

WEB = Path(__file__).resolve().parents[2] / "examples" / "web"
NPM = shutil.which("npm")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the example with onnxruntime-web installed."""
    if NPM is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("web")
    ours = shutil.ignore_patterns("node_modules", "bundle")
    shutil.copytree(WEB, folder, ignore=ours, dirs_exist_ok=True)
    command = [NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"npm ci failed: {done.stderr.strip()[-200:]}")
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def page(installed: Path, bundle: Path, chromium: Any) -> Iterator[Any]:
    """Open the page with the tiny bundle."""
    shutil.rmtree(installed / "bundle", ignore_errors=True)
    shutil.copytree(bundle, installed / "bundle")
    handler = functools.partial(Quiet, directory=str(installed))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page
        page.close()
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_the_page_draws_what_python_draws(page: Any, bundle: Path) -> None:
    page.wait_for_selector("#draw:enabled")
    for field, value in {"#seed": 7, "#size": 32, "#steps": 3}.items():
        page.fill(field, str(value))
    page.click("#draw")
    page.wait_for_selector("#save:visible")
    assert "done: seed 7" in page.text_content("#status")
    shown = page.evaluate("Array.from(canvas.getContext('2d').getImageData(0, 0, 32, 32).data)")
    found = np.array(shown, np.uint8).reshape(32, 32, 4)[:, :, :3]
    model = load(bundle, "cpu")
    *_, last = model.refine(model.generate(1, seed=7, size=32), 3, seed=7)
    expected = to_uint8(last.x, model.card.signal)[0]
    # Rounding may differ by one level where a value falls between two.
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_changed_graph_is_refused(page: Any, installed: Path) -> None:
    with (installed / "bundle" / "energy.onnx").open("ab") as stream:
        stream.write(b"x")
    page.reload()
    page.wait_for_function("document.getElementById('status').textContent.includes('Cannot')")
    assert "energy.onnx was changed" in page.text_content("#status")
    assert page.is_disabled("#draw")
