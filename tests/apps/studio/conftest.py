"""A studio with tiny bundles on a port of this machine, and a browser to visit it.

Fixtures: `library` (folder of the bundles brick, digits, rain, waves), `server` (coop-studio in a
process of its own), `open_server` (the same with options), `page` (headless Chromium at `server`),
`shot` (screenshots, kept in the folder that the environment variable COOP_SCREENSHOTS names).
"""

import contextlib
import hashlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from coop_runtime.card import CARD_FILE, FORMAT, Card, Entry, Graph, Langevin, Latent, Signal

_SOURCE = (0.0, 255.0)
_HALF, _FULL = (-0.5, 0.5), (-1.0, 1.0)
SIGNALS = {
    "brick": (Signal("texture", 2, 3, _FULL, _SOURCE, (32, 32), (True, True)), (4, 4)),
    "digits": (Signal("images", 2, 1, _FULL, _SOURCE, (16, 16), (False, False)), (4, 4)),
    "rain": (Signal("sound", 1, 1, _FULL, _HALF, (4000,), (True,), rate=8000.0), (40,)),
    "waves": (
        Signal("clips", 3, 3, _FULL, _SOURCE, (8, 16, 16), (True, False, False), rate=12.5),
        (4, 4, 4),
    ),
}

# x = tanh(W z), cell by cell. E(x) = ½‖x‖². log p(z, x) of that generator. mean(z | x) = Wᵀ x.
GENERATOR = """generator (float[batch, LATENT] z) => (float[batch, SIGNAL] x) {
    before = ConvTranspose<strides = STRIDES>(z, weight)
    x = Tanh(before)
}"""
ENERGY = """energy (float[batch, SIGNAL] x) => (float[batch] energy, float[batch, SIGNAL] gradient)
<int64[COUNT] axes = {AXES}, float half = {0.5}> {
    square = Mul(x, x)
    sum = ReduceSum<keepdims = 0>(square, axes)
    energy = Mul(half, sum)
    gradient = Identity(x)
}"""
POSTERIOR = """posterior (float[batch, LATENT] z, float[batch, SIGNAL] x, float[batch, SIGNAL] mask,
    float sigma) => (float[batch] log_p, float[batch, LATENT] gradient,
    float[batch, SIGNAL] reconstruction)
<int64[COUNT] axes = {AXES}, float one = {1.0}, float minus_half = {-0.5}> {
    before = ConvTranspose<strides = STRIDES>(z, weight)
    reconstruction = Tanh(before)
    difference = Sub(x, reconstruction)
    residual = Mul(mask, difference)
    scaled = Div(residual, sigma)
    scaled_square = Mul(scaled, scaled)
    misfit = ReduceSum<keepdims = 0>(scaled_square, axes)
    z_square = Mul(z, z)
    norm = ReduceSum<keepdims = 0>(z_square, axes)
    both = Add(misfit, norm)
    log_p = Mul(minus_half, both)
    weighted = Mul(mask, scaled)
    pull = Div(weighted, sigma)
    g_square = Mul(reconstruction, reconstruction)
    slope = Sub(one, g_square)
    back = Mul(pull, slope)
    pulled = Conv<strides = STRIDES>(back, weight)
    gradient = Sub(pulled, z)
}"""
ENCODER = """encoder (float[batch, SIGNAL] x)
    => (float[batch, LATENT] mean, float[batch, LATENT] log_variance)
<float nothing = {0.0}> {
    mean = Conv<strides = STRIDES>(x, weight)
    log_variance = Mul(nothing, mean)
}"""
TEXTS = {
    "generator": GENERATOR,
    "energy": ENERGY,
    "posterior": POSTERIOR,
    "encoder": ENCODER,
}


def write_bundle(folder: Path, signal: Signal, strides: tuple[int, ...]) -> None:
    """Write a bundle of a generator, an energy, a posterior and an encoder with closed forms."""
    cells = [n // s for n, s in zip(signal.trained_shape, strides, strict=True)]
    small, large = (
        [
            f"{letter}{k}" if free else n
            for k, (n, free) in enumerate(zip(sizes, signal.extendable, strict=True))
        ]
        for letter, sizes in (("h", cells), ("H", signal.trained_shape))
    )
    z, x = ("batch", 2, *small), ("batch", signal.channels, *large)
    axes = range(1, len(x))
    words = {
        "LATENT": ", ".join(map(str, z[1:])),
        "SIGNAL": ", ".join(map(str, x[1:])),
        "STRIDES": str(list(strides)),
        "COUNT": str(len(axes)),
        "AXES": ", ".join(map(str, axes)),
    }
    shape = (2, signal.channels, *strides)
    weight = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    files = {f"{name}.onnx": _graph(text, words, weight) for name, text in TEXTS.items()}
    names: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "generator": ({"z": z}, {"x": x}),
        "energy": ({"x": x}, {"energy": ("batch",), "gradient": x}),
        "posterior": (
            {"z": z, "x": x, "mask": x, "sigma": ()},
            {"log_p": ("batch",), "gradient": z, "reconstruction": x},
        ),
        "encoder": ({"x": x}, {"mean": z, "log_variance": z}),
    }
    nothing = (0,) * signal.dims
    card = Card(
        format=FORMAT,
        name=folder.name,
        signal=signal,
        latent=Latent(2, strides, reach=nothing),
        langevin=Langevin(steps=5, step_size=0.1, clamp=True, reach=nothing),
        sigma=0.3,
        graphs={name: Graph(f"{name}.onnx", strides, *ends) for name, ends in names.items()},
        files={n: Entry(hashlib.sha256(b).hexdigest(), len(b)) for n, b in files.items()},
    )
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")


def _graph(text: str, words: dict[str, str], weight: Any) -> bytes:
    for word, value in words.items():
        text = text.replace(word, value)
    model = parser.parse_model('<ir_version: 8, opset_import: ["": 18]>\n' + text)
    if "weight" in text:
        model.graph.initializer.append(numpy_helper.from_array(weight, "weight"))
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a bundle of each kind: brick, digits, rain and waves."""
    folder = tmp_path_factory.mktemp("library")
    for name, (of, strides) in SIGNALS.items():
        write_bundle(folder / name, of, strides)
    return folder


@dataclass
class Server:
    """A running studio.

    Attributes
    ----------
    url
        Of its page, without a slash at its end.
    library
        Folder of its bundles.
    process
        What serves it.
    lines
        What it has written, so far.
    """

    url: str
    library: Path
    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)


Open = Callable[..., contextlib.AbstractContextManager[Server]]


@contextlib.contextmanager
def serving(
    library: Path, *options: str, seconds: float = 120, before: str = ""
) -> Iterator[Server]:
    """Run ``coop-studio LIBRARY`` with options at a free port until the block ends.

    ``before`` is Python that its process runs first.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = f"{before}\nfrom coop_apps.studio.command import main; main()"
    words = [sys.executable, "-c", program, str(library), "--port", str(port), *options]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "*",
    }
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    server = Server(f"http://127.0.0.1:{port}", library, process)
    opened: queue.Queue[bool] = queue.Queue()
    reader = threading.Thread(target=_read, args=(server, opened), daemon=True)
    reader.start()
    try:
        if not opened.get(timeout=seconds):
            pytest.fail("coop-studio ended at once:\n" + "".join(server.lines))
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()


def _read(server: Server, opened: "queue.Queue[bool]") -> None:
    assert server.process.stdout is not None
    for line in server.process.stdout:
        server.lines.append(line)
        if line.startswith("Coop Studio:"):
            opened.put(True)
    opened.put(False)


@pytest.fixture(scope="session")
def open_server(library: Path) -> Open:
    """Give a function: with the options of coop-studio it gives a server, as a context."""

    def opened(*options: str, folder: Path = library, before: str = "") -> Any:
        return serving(folder, *options, before=before)

    return opened


@pytest.fixture(scope="session")
def server(library: Path) -> Iterator[Server]:
    """Give a studio for all tests that change nothing in it."""
    with serving(library) as running:
        yield running


@pytest.fixture
def page(chromium: Any, server: Server) -> Iterator[Any]:
    """Give a Playwright page at the server; what the browser complains about fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    shown = context.new_page()
    complaints: list[str] = []
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    follow(shown)
    shown.goto(f"{server.url}/")
    shown.get_by_role("heading", name="Coop Studio").wait_for()
    wait_until(shown, lambda: settled(shown), "the page has loaded what it shows at first")
    yield shown
    context.close()
    assert complaints == []


#: Requests of each page that are followed and have not ended.
UNDER_WAY: dict[Any, set[Any]] = {}


def follow(page: Any) -> None:
    """Note the requests of a page for `settled`, until it is closed."""
    under_way = UNDER_WAY[page] = set()

    def began(request: Any) -> None:
        if "heartbeat" not in request.url:  # it lasts as long as the page
            under_way.add(request)

    def ended(request: Any) -> None:
        under_way.discard(request)

    page.on("request", began)
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    page.on("close", lambda page: UNDER_WAY.pop(page, None))


def settled(page: Any) -> bool:
    """Say whether the page waits for nothing: no event, no upload, no file."""
    page.evaluate("() => new Promise(requestAnimationFrame)")  # what has ended is told meanwhile
    return not UNDER_WAY[page]


def wait_until(page: Any, holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Look again and again until something holds that only Python can see."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"still not: {what}"
        page.wait_for_timeout(100)


def fits_a_phone(page: Any) -> None:
    """Make the window as narrow as a phone's; nothing may stick out of it."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")


def open_tab(page: Any, name: str) -> None:
    """Choose a tab, which may stand in the menu of those for which a phone is too narrow."""
    tab = page.get_by_role("tab", name=name, exact=True)
    page.get_by_role("tablist").first.wait_for()
    if not tab.is_visible():
        page.get_by_role("button", name="More tabs").first.click()
        tab = page.locator(".overflow-dropdown").first.get_by_text(name, exact=True)
    tab.click()


def changed(page: Any, selector: str, name: str, before: str = "") -> None:
    """Wait until an element is there whose property is another text than before, and not empty."""
    page.wait_for_function(
        """([selector, name, before]) => {
            const found = document.querySelector(selector)
            return found && found[name] && found[name] !== before
        }""",
        arg=[selector, name, before],
    )


@pytest.fixture
def shot(tmp_path: Path) -> Callable[..., Path]:
    """Give a function: of a page and a name it makes a screenshot, and gives its path."""
    kept = os.environ.get("COOP_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Any, name: str) -> Path:
        path = folder / f"{name}.png"
        page.screenshot(path=str(path))
        return path

    return take
