"""Bundles for the examples."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

COLOURS = ((0.6, 0.2, 0.1, 0.1), (0.6, -0.1, 0.1, 0.0), (0.5, 0.0, -0.2, -0.1))


@pytest.fixture(params=["channels", "principal colours"])
def bundle(request: Any, tiny_bundle: Path, edit_bundle: Callable[..., Path]) -> Path:
    """Give the tiny bundle as it is, and as one of principal colours."""
    if request.param == "channels":
        return tiny_bundle
    return edit_bundle(lambda card: replace(card, signal=replace(card.signal, colours=COLOURS)), {})
