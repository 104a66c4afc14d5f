"""Tiny bundles with closed forms, written with the onnx package; no torch.

generator: x = tanh(ConvTranspose(z, W)), stride 4. energy: E(x) = ½‖x‖², ∇E = x.
posterior: the card's log p(z, x) of that generator, its gradient written out by hand.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from coop_runtime.card import CARD_FILE, FORMAT, Card, Entry, Graph, Langevin, Latent, Signal

# What helpers assert is told as fully as what tests do.
pytest.register_assert_rewrite("tests.runtime.graphs", "tests.trainer.graphs", "tests.trainer.runs")

WEIGHT = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32)

GENERATOR = """<ir_version: 8, opset_import: ["": 18]>
generator (float[batch, 2, h, w] z) => (float[batch, 3, H, W] x) {
    before = ConvTranspose<strides = [4, 4]>(z, weight)
    x = Tanh(before)
}"""

ENERGY = """<ir_version: 8, opset_import: ["": 18]>
energy (float[batch, 3, H, W] x) => (float[batch] energy, float[batch, 3, H, W] gradient)
<int64[3] axes = {1, 2, 3}, float half = {0.5}>
{
    square = Mul(x, x)
    sum = ReduceSum<keepdims = 0>(square, axes)
    energy = Mul(half, sum)
    gradient = Identity(x)
}"""

POSTERIOR = """<ir_version: 8, opset_import: ["": 18]>
posterior (float[batch, 2, h, w] z, float[batch, 3, H, W] x, float[batch, 3, H, W] mask,
           float sigma)
    => (float[batch] log_p, float[batch, 2, h, w] gradient, float[batch, 3, H, W] reconstruction)
<int64[3] axes = {1, 2, 3}, float one = {1.0}, float minus_half = {-0.5}>
{
    before = ConvTranspose<strides = [4, 4]>(z, weight)
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
    pulled = Conv<strides = [4, 4]>(back, weight)
    gradient = Sub(pulled, z)
}"""


def model_bytes(text: str) -> bytes:
    """Encode an ONNX model from its text, with ``weight`` where the text uses it."""
    model = parser.parse_model(text)
    if "weight" in text:
        model.graph.initializer.append(numpy_helper.from_array(WEIGHT, "weight"))
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def tiny_card(files: dict[str, bytes]) -> Card:
    """Describe the tiny bundle; the energy claims stride 4 so that padding shows."""
    z, x = ("batch", 2, "h", "w"), ("batch", 3, "H", "W")
    return Card(
        format=FORMAT,
        name="tiny",
        signal=Signal("texture", 2, 3, (-1.0, 1.0), (0.0, 255.0), (8, 8), (True, True)),
        latent=Latent(2, (4, 4)),
        langevin=Langevin(steps=5, step_size=0.1, clamp=True),
        sigma=0.3,
        graphs={
            "generator": Graph("generator.onnx", (4, 4), {"z": z}, {"x": x}),
            "energy": Graph("energy.onnx", (4, 4), {"x": x}, {"energy": ("batch",), "gradient": x}),
            "posterior": Graph(
                "posterior.onnx",
                (4, 4),
                {"z": z, "x": x, "mask": x, "sigma": ()},
                {"log_p": ("batch",), "gradient": z, "reconstruction": x},
            ),
        },
        files={n: Entry(hashlib.sha256(b).hexdigest(), len(b)) for n, b in files.items()},
    )


@pytest.fixture(scope="session")
def tiny_files() -> dict[str, bytes]:
    """Give the graphs of the tiny bundle by file name."""
    texts = {"generator.onnx": GENERATOR, "energy.onnx": ENERGY, "posterior.onnx": POSTERIOR}
    return {name: model_bytes(text) for name, text in texts.items()}


@pytest.fixture(scope="session")
def _tiny_once(tiny_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    _write(folder, tiny_card(tiny_files), tiny_files)
    return folder


@pytest.fixture
def tiny_bundle(_tiny_once: Path, tmp_path: Path) -> Path:
    """Give a fresh copy of the tiny bundle, free to be damaged."""
    return Path(shutil.copytree(_tiny_once, tmp_path / "tiny"))


@pytest.fixture
def edit_bundle(
    tiny_files: dict[str, bytes], tmp_path: Path
) -> Callable[[Callable[[Card], Card], dict[str, str]], Path]:
    """Give a function that writes a tiny bundle with an edited card and other graph texts.

    Sizes and checksums are right again, so that only the edit is wrong.
    """

    def write(edit: Callable[[Card], Card], texts: dict[str, str]) -> Path:
        files = tiny_files | {name: model_bytes(text) for name, text in texts.items()}
        folder = tmp_path / "edited"
        _write(folder, edit(tiny_card(files)), files)
        return folder

    return write


@pytest.fixture
def energy_text() -> str:
    """Give the text of the tiny energy graph, to be edited."""
    return ENERGY


@pytest.fixture
def fix_texts() -> Callable[[bool, bool], dict[str, str]]:
    """Give a function: texts of the tiny graphs, fixed at the trained size along these axes."""

    def fix(height: bool, width: bool) -> dict[str, str]:
        changes = [("H", "8"), ("h", "2")] * height + [("W", "8"), ("w", "2")] * width
        texts = {"generator.onnx": GENERATOR, "energy.onnx": ENERGY, "posterior.onnx": POSTERIOR}
        for name in texts:
            for axis, size in changes:
                texts[name] = re.sub(rf"\b{axis}\b", size, texts[name])
        return texts

    return fix


@pytest.fixture
def weight() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Give the tiny generator's W, (latent channels, channels, 4, 4)."""
    return WEIGHT


def _write(folder: Path, card: Card, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Give a headless browser, one for all tests of a process, or skip."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    flags = [
        *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    ]
    with api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=flags)
        except api.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield browser
        browser.close()
