"""Pictures for the commands to work on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a picture of random pixels."""

    def write(name: str, seed: int = 0, size: tuple[int, int] = (8, 8)) -> Path:
        levels = np.random.default_rng(seed).integers(1, 255, (*size, 3), np.uint8)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(levels).save(tmp_path / name)
        return tmp_path / name

    return write
