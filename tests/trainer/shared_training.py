"""What each of torchrun's processes does for test_shards.py; the folder to write into is given."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coop_runtime import CoopError
from coop_trainer import loop, run_folder, start
from coop_trainer.config import Config, configure
from coop_trainer.data import Signals
from coop_trainer.figures import Figures
from coop_trainer.presets import load_preset
from coop_trainer.shards import ALONE, LostError, Shard, joined
from coop_trainer.training import Training

TINY = Path(__file__).parent.parent / "tiny.toml"
CPU = torch.device("cpu")
STEPS = 5
EVEN = ("data.batch=4", "coopnets.chains=4", "coopnets.persistent_chains=2", "coopnets.pool=6")
WHOLE = ("data.crop=none", "data.batch=6")
ENCODER = ("encoder.layers=[[4,4,2],[4,4,2]]", "encoder.norm=false")
PLAIN = ("generator.norm=false", "data.noise=0.1")
GROWTH = (
    "growth.shares=[1, 1, 1]",
    "growth.fade=0.6",
    "growth.batches=[6, 4, 2]",
    "loop.steps=5",
    "descriptor.branches=[{pool=1, layers=[[4,1,1], [4,4,2], [4,4,2], [4,4,4]]}]",
    "generator.levels=[[6,3,4], [4,3,2], [4,3,2]]",
    "generator.latents=[3, 0, 0]",
    "generator.draw=[1, 1]",
    "generator.calibrated=false",
    "encoder.layers=[[4,1,1], [4,4,2], [4,4,2]]",
    "encoder.head=[4, 4]",
    "encoder.norm=false",
)
FAST = "coopnets.langevin.metropolis=true"
#: Method and settings of the trainings that are compared.
JOBS: dict[str, tuple[str, ...]] = {
    "coopnets": ("method=coopnets", *PLAIN, "coopnets.latent_steps=2", "coopnets.restart=0.5"),
    "metropolis": ("method=coopnets", *PLAIN, FAST, "descriptor_optimiser.clip=0.1"),
    "descriptor": ("method=descriptor", *PLAIN, "algorithm_d.restart=0.5"),
    "abp": ("method=abp", *PLAIN, *WHOLE),
    "mcmc-triangle": ("method=mcmc-triangle", *PLAIN, *WHOLE, *ENCODER),
    "triangle": ("method=triangle", *PLAIN, *ENCODER),
    "vae": ("method=vae", *PLAIN, *WHOLE, *ENCODER),
    "gan": ("method=gan", *PLAIN),
    "grow": ("method=triangle", *PLAIN, *WHOLE, *GROWTH),
    "norm": ("method=coopnets", "generator.norm=true", "descriptor.norm=true"),
}


def config_of(*pairs: str) -> Config:
    """Give the tiny settings, for two processes."""
    return configure(load_preset("texture", "quick"), file=TINY, pairs=(*EVEN, *pairs))


def signals_of(config: Config) -> Signals:
    """Give ten striped pictures, for mcmc-triangle with hidden entries."""
    rng = np.random.default_rng(0)
    rows = np.arange(16)[None, :, None] + rng.uniform(0, 9, (10, 1, 16))
    pictures = (120 + 90 * np.sin(rows) + rng.normal(0, 10, rows.shape)).clip(0, 255)
    hidden = config.method == "mcmc-triangle"
    seen = (rng.random((10, 16, 16, 1)) < 0.7,) if hidden else None
    array = pictures.astype(np.uint8)[..., None]
    return Signals("images", ("stripes",), (array,), (0.0, 255.0), None, seen)


def learned(config: Config, shard: Shard) -> tuple[dict[str, Any], list[Figures]]:
    """Train for some steps."""
    training = Training(config, signals_of(config), CPU, shard)
    figures = [training.advance() for _ in range(STEPS)]
    return training.state(), figures


def methods(out: Path, shard: Shard) -> None:
    """Train by every method, together, and the first process alone too."""
    for name, pairs in JOBS.items():
        config = config_of(*pairs)
        torch.save(learned(config, shard)[0], out / f"{name}-{shard.rank}.pt")
        if shard.first:
            torch.save(learned(config, ALONE)[0], out / f"{name}-alone.pt")


def refuse_to_write(*_: object) -> None:
    """Stand for what writes, in the process that must not."""
    raise AssertionError("only the first process writes")


def runs(out: Path, shard: Shard) -> None:
    """Learn in one go, then with an interruption of the second process only."""
    config = config_of(*JOBS["coopnets"])
    if not shard.first:
        for name in ("write_atomically", "new_folder"):
            setattr(run_folder, name, refuse_to_write)
        setattr(loop, "sample_files", refuse_to_write)  # noqa: B010  not a name of the module's own
    said: list[str] = []
    with shard.together():
        training, folder = start.begin(out / "whole", config, signals_of, CPU, shard)
    loop.run(training, folder, say=said.append)
    with shard.together():
        training, folder = start.begin(out / "parts", config, signals_of, CPU, shard)
    outcome = loop.run(stopping(training, 7, shard), folder, say=said.append)
    with shard.together():
        training, folder, good = start.resume(out / "parts", CPU, shard=shard)
    ended = loop.run(training, folder, say=said.append, good=good)
    found = [outcome.step, outcome.signal, outcome.finished, ended.step, ended.finished]
    (out / f"runs-{shard.rank}.json").write_text(json.dumps(found))


def stopping(training: Training, step: int, shard: Shard) -> Training:
    """Have the second process meet SIGTERM after a step."""
    advance = training.advance

    def counted() -> Figures:
        figures = advance()
        if training.step == step and not shard.first:
            os.kill(os.getpid(), signal.SIGTERM)
        return figures

    training.advance = counted  # type: ignore[method-assign]
    return training


def failures(out: Path, shard: Shard) -> None:
    """Note what each process says when one fails, and last when one is gone."""
    said = []
    try:
        with shard.together():
            if not shard.first:
                raise CoopError("there is no such GPU")
    except CoopError as error:
        said.append(str(error))
    try:
        Training(config_of("data.batch=3"), signals_of(config_of()), CPU, shard)
    except CoopError as error:
        said.append(str(error))
    with shard.together():
        training, folder = start.begin(out / "lost", config_of(), signals_of, CPU, shard)
    advance = training.advance

    def leaving() -> Figures:
        if training.step == 6 and not shard.first:
            (out / "said-1.json").write_text(json.dumps(said))
            os._exit(0)
        return advance()

    training.advance = leaving  # type: ignore[method-assign]
    try:
        loop.run(training, folder, say=said.append)
    except LostError as error:
        said.append(str(error))
    (out / "said-0.json").write_text(json.dumps(said))
    os._exit(0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined() as part:
        target = Path(sys.argv[1])
        for scenario in (methods, runs, failures):
            scenario(target, part)
