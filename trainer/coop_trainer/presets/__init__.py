"""Complete settings by name, as TOML files in this folder: copy one, change it, `--config` it.

The folder ``networks`` has the papers' networks alone: the tables that each paper gives.
"""

import tomllib
from importlib import resources
from typing import Any

from coop_runtime.errors import CoopError

__all__ = ["NETWORKS", "PRESETS", "load_networks", "load_preset"]

PRESETS = ("quick", "paper")

NETWORKS = (
    "abp-objects",
    "abp-sound",
    "abp-textures224",
    "coopnets-faces64",
    "coopnets-scenes224",
    "coopnets-scenes64",
    "coopnets-textures224",
    "triangle-celeba64",
    "triangle-cifar10",
    "triangle-clips64",
    "triangle-mnist",
    "triangle-textures224",
)


def load_preset(name: str) -> dict[str, Any]:
    """Give the table of a preset.

    Raises
    ------
    CoopError
        There is no preset of that name.
    """
    return _table("preset", name, PRESETS, f"{name}.toml")


def load_networks(name: str) -> dict[str, Any]:
    """Give a paper's networks: those tables of descriptor, generator and encoder that it has.

    As in presets, the text ``"none"`` stands for no value (`coop_trainer.config.configure`).

    Raises
    ------
    CoopError
        There are no networks of that name.

    Examples
    --------
    >>> load_networks("abp-sound")["generator"]["levels"]
    [[256, 25, 10], [128, 25, 10], [64, 25, 10]]
    """
    return _table("networks", name, NETWORKS, f"networks/{name}.toml")


def _table(kind: str, name: str, names: tuple[str, ...], file: str) -> dict[str, Any]:
    if name not in names:
        raise CoopError(f"unknown {kind} '{name}'; expected one of {', '.join(names)}")
    text = resources.files(__name__).joinpath(file).read_text(encoding="utf-8")
    return tomllib.loads(text)
