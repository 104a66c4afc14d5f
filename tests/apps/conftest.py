"""Pictures for the commands to work on, and a bundle with an encoder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coop_runtime import Card
from coop_runtime.card import Graph

ENCODER = """<ir_version: 8, opset_import: ["": 18]>
encoder (float[batch, 3, H, W] x)
    => (float[batch, 2, h, w] mean, float[batch, 2, h, w] log_variance)
{
    mean = Conv<strides = [4, 4]>(x, weight)
    log_variance = Neg(mean)
}"""


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a picture of random pixels."""

    def write(name: str, seed: int = 0, size: tuple[int, int] = (8, 8)) -> Path:
        levels = np.random.default_rng(seed).integers(1, 255, (*size, 3), np.uint8)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(levels).save(tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def encoding_bundle(edit_bundle: Callable[..., Path]) -> Path:
    """Give the tiny bundle with an encoder."""

    def encoding(card: Card) -> Card:
        z, x = ("batch", 2, "h", "w"), ("batch", 3, "H", "W")
        graph = Graph("encoder.onnx", (4, 4), {"x": x}, {"mean": z, "log_variance": z})
        return replace(card, graphs=card.graphs | {"encoder": graph})

    return edit_bundle(encoding, {"encoder.onnx": ENCODER})
