"""Where the commands start: a package that is not installed is one line, not a traceback."""

import importlib
import sys

__all__ = ["evaluate", "export", "run", "studio", "train"]


def train() -> None:
    """Start ``coop-train``."""
    _start("train", "coop-train", "train,apps,cpu")


def export() -> None:
    """Start ``coop-export``."""
    _start("export", "coop-export", "train,apps,cpu")


def run() -> None:
    """Start ``coop-run``."""
    _start("run", "coop-run", "apps,cpu")


def evaluate() -> None:
    """Start ``coop-eval``."""
    _start("evaluate", "coop-eval", "eval,cpu")


def studio() -> None:
    """Start ``coop-studio``."""
    _start("studio.command", "coop-studio", "studio,cpu")


def _start(name: str, command: str, extras: str) -> None:
    try:
        module = importlib.import_module(f"coop_apps.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("coop_"):
            raise
        sys.exit(f"Error: {command} needs {error.name}: pip install 'coopnets[{extras}]'")
    module.main()
