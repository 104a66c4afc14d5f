"""Complete settings by name, as TOML files in this folder: copy one, change it, `--config` it."""

import tomllib
from importlib import resources
from typing import Any

from coop_runtime.errors import CoopError

__all__ = ["PRESETS", "load_preset"]

PRESETS = ("quick", "paper")


def load_preset(name: str) -> dict[str, Any]:
    """Give the table of a preset.

    Raises
    ------
    CoopError
        There is no preset of that name.
    """
    if name not in PRESETS:
        raise CoopError(f"unknown preset '{name}'; expected one of {', '.join(PRESETS)}")
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
