from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.onnx._internal.exporter._registration import ONNXRegistry

from coop_trainer.config import Config, configure
from coop_trainer.presets import load_preset

TINY = Path(__file__).parent.parent / "tiny.toml"

TinyConfig = Callable[..., Config]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def one_registry() -> Iterator[None]:
    """Let torch.onnx.export collect its operators once: half a second less for each graph."""
    with pytest.MonkeyPatch.context() as patch:
        once = staticmethod(cache(ONNXRegistry.from_torchlib))
        patch.setattr(ONNXRegistry, "from_torchlib", once)
        yield


@pytest.fixture
def tiny_config() -> TinyConfig:
    def make(*pairs: str) -> Config:
        return configure(load_preset("texture", "quick"), file=TINY, pairs=pairs)

    return make


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A striped grey picture of 40x32 pixels."""
    rng = np.random.default_rng(0)
    rows = np.arange(32)[:, None] + 2 * np.arange(40)[None]
    levels = 120 + 70 * np.sin(rows) + rng.normal(0, 10, rows.shape)
    path = tmp_path / "stripes.png"
    Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).save(path)
    return path
