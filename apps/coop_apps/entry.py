"""Where the commands start: a package that is not installed is one line, not a traceback."""

import importlib
import sys

__all__ = ["export", "run", "studio", "train"]


def train() -> None:
    """Start ``coop-train``."""
    _start("train", "train,apps,cpu")


def export() -> None:
    """Start ``coop-export``."""
    _start("export", "train,apps,cpu")


def run() -> None:
    """Start ``coop-run``."""
    _start("run", "apps,cpu")


def studio() -> None:
    """Start ``coop-studio``."""
    _start("studio.command", "studio,cpu")


def _start(name: str, extras: str) -> None:
    try:
        module = importlib.import_module(f"coop_apps.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("coop_"):
            raise
        command = name.partition(".")[0]
        sys.exit(f"Error: coop-{command} needs {error.name}: pip install 'coopnets[{extras}]'")
    module.main()
