"""Short runs on a small picture, stopped and broken on purpose."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from coop_trainer.config import Config
from coop_trainer.data import load_texture
from coop_trainer.figures import Figures
from coop_trainer.loop import Outcome, run
from coop_trainer.run_folder import RunFolder
from coop_trainer.start import Loader, begin
from coop_trainer.training import Training

TinyConfig = Callable[..., Config]
CPU = torch.device("cpu")


def silent(line: str) -> None:
    """Say nothing."""


def texture(picture: Path) -> Loader:
    return lambda config: load_texture([str(picture)], size=None, crop=16)


def trained(out: Path, config: Config, picture: Path) -> tuple[Training, RunFolder, Outcome]:
    training, folder = begin(out, config, texture(picture), CPU)
    return training, folder, run(training, folder, say=silent)


def assert_same(a: Any, b: Any) -> None:
    """Compare two states to the last bit."""
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            if key != "seconds":
                assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


def figures_of(folder: RunFolder) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in folder.read_log()]


class StopAfter:
    """Send this process a signal when a training has taken some steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int, number: int) -> None:
        advance = Training.advance

        def counted(training: Training) -> Figures:
            figures = advance(training)
            if training.step == steps:
                os.kill(os.getpid(), number)
            return figures

        monkeypatch.setattr(Training, "advance", counted)


class Broken:
    """Let a range of iterations report bad figures and spoil the weights."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int, times: int) -> None:
        self.left = times
        advance = Training.advance

        def broken(training: Training) -> Figures:
            figures = advance(training)
            if training.step >= first and self.left:
                self.left -= 1
                with torch.no_grad():
                    for p in training.generator.parameters():
                        p.fill_(float("nan"))
                return figures._replace(f_model=float("nan"))
            return figures

        monkeypatch.setattr(Training, "advance", broken)
