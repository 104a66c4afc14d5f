"""Runs that were stopped, by signals, changes or damage, and go on."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from coop_runtime import CoopError, read_card
from coop_trainer.export.from_run import export_run
from coop_trainer.figures import Figures
from coop_trainer.loop import run
from coop_trainer.run_folder import RunFolder
from coop_trainer.start import begin, resume
from coop_trainer.training import Training

from .runs import (
    CPU,
    Broken,
    StopAfter,
    TinyConfig,
    assert_same,
    figures_of,
    silent,
    texture,
    trained,
)


@pytest.mark.parametrize("steps", [4, 7])
def test_an_interrupted_run_goes_on_bit_for_bit(
    tmp_path: Path,
    picture: Path,
    tiny_config: TinyConfig,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    config = tiny_config("data.noise=0.1")
    whole, whole_folder, _ = trained(tmp_path / "whole", config, picture)
    with monkeypatch.context() as patch:
        StopAfter(patch, steps, signal.SIGTERM)
        _, _, outcome = trained(tmp_path / "parts", config, picture)
    assert (outcome.step, outcome.finished, outcome.signal) == (steps, False, signal.SIGTERM)
    picture.unlink()  # the run keeps what it learns from
    parts, folder, good = resume(tmp_path / "parts", CPU)
    assert run(parts, folder, say=silent, good=good).finished
    assert_same(parts.state(), whole.state())
    assert figures_of(folder) == figures_of(whole_folder)
    sheet = "samples/step-000012.png"
    assert (folder.path / sheet).read_bytes() == (whole_folder.path / sheet).read_bytes()


def test_length_may_change_on_resuming_nothing_else(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    trained(tmp_path / "a", tiny_config(), picture)
    with pytest.raises(CoopError, match=r"another coopnets\.chains"):
        resume(tmp_path / "a", CPU, settings=lambda _: tiny_config("coopnets.chains=5"))
    with pytest.raises(CoopError, match=r"the run learns stripes\.png"):
        resume(
            tmp_path / "a",
            CPU,
            load=lambda c: dataclasses.replace(texture(picture)(c), names=("other",)),
        )
    with Image.open(picture) as image:
        turned = image.rotate(180)
    turned.save(picture)
    with pytest.raises(CoopError, match=r"stripes\.png has changed since"):
        resume(tmp_path / "a", CPU, load=texture(picture))
    training, folder, good = resume(
        tmp_path / "a", CPU, settings=lambda _: tiny_config("loop.steps=15")
    )
    assert run(training, folder, say=silent, good=good).step == 15


def test_how_samples_are_refined_may_change_on_resuming_too(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    trained(tmp_path / "a", tiny_config(), picture)
    other = ("coopnets.langevin.refine_steps=7", "coopnets.langevin.refine_noise=false")
    training, folder, good = resume(tmp_path / "a", CPU, settings=lambda _: tiny_config(*other))
    assert run(training, folder, say=silent, good=good).step == 12
    export_run(tmp_path / "a", tmp_path / "bundle")
    chain = read_card(tmp_path / "bundle").langevin
    assert chain is not None
    assert (chain.steps, chain.noise) == (7, False)


@pytest.mark.parametrize("file", ["checkpoint.pt", "config.json", "data.npz"])
def test_damaged_files_are_one_line(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, file: str
) -> None:
    trained(tmp_path / "a", tiny_config(), picture)
    (tmp_path / "a" / file).write_bytes(b"PK\x03\x04 no")
    with pytest.raises(CoopError, match=file) as caught:
        resume(tmp_path / "a", CPU)
    assert "\n" not in str(caught.value)


def test_a_run_of_another_device_is_exported_but_not_resumed(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    training, folder, _ = trained(tmp_path / "a", tiny_config(), picture)
    foreign = {**training.state(), "device": "cuda", "rng": torch.zeros(16, dtype=torch.uint8)}
    folder.write_checkpoint(foreign, [foreign], 12)
    with pytest.raises(CoopError, match="go on with --device cuda"):
        resume(tmp_path / "a", CPU)
    again, _, _ = resume(tmp_path / "a", CPU, writing=False)
    assert again.step == 12
    for name, ours in again.averages.items():
        assert_same(ours.state_dict(), training.averages[name].state_dict())


def test_many_signals_in_a_row_still_save(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore, save = Training.restore, RunFolder.write_checkpoint

    def interrupted_restore(self: Training, state: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        restore(self, state)

    def interrupted_save(self: RunFolder, *content: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        save(self, *content)

    def twice(training: Training) -> Figures:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second signal ends the step")

    training, folder = begin(tmp_path / "a", tiny_config(), texture(picture), CPU)
    with monkeypatch.context() as patch:
        patch.setattr(Training, "advance", twice)
        patch.setattr(Training, "restore", interrupted_restore)
        patch.setattr(RunFolder, "write_checkpoint", interrupted_save)
        outcome = run(training, folder, say=silent)
    assert (outcome.step, outcome.signal) == (0, signal.SIGINT)
    assert resume(tmp_path / "a", CPU)[0].step == 0


def test_lines_of_a_lost_session_are_cut_and_roll_backs_are_kept(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        Broken(patch, first=6, times=1)
        StopAfter(patch, 7, signal.SIGTERM)
        training, folder = begin(tmp_path / "a", tiny_config(), texture(picture), CPU)
        run(training, folder, say=silent)
    folder.append_log([{"step": 8, "lost": True}])
    training, folder, good = resume(tmp_path / "a", CPU)
    run(training, folder, say=silent, good=good)
    told = [(line["step"], line.get("event")) for line in folder.read_log()]
    before = [*((k, None) for k in range(1, 7)), (6, "rollback")]
    assert told == [*before, *((k, None) for k in range(5, 13))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_slow_step_within_ten_seconds(
    tmp_path: Path, picture: Path, number: signal.Signals
) -> None:
    """One iteration of these settings takes minutes; the state before it is saved."""
    out = tmp_path / "slow"
    command = [sys.executable, "-m", "coop_apps.train", "texture", str(picture), "--out", str(out)]
    command += ["--set", "data.size=none", "--set", "data.crop=32"]
    command += ["--set", "coopnets.langevin.steps=1000000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not out.exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(2)
        sent = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert time.monotonic() - sent < 10
    assert process.returncode == 128 + number
    assert f"{number.name} at step 0: saved" in errors
    assert "Traceback" not in errors
    assert resume(out, CPU)[0].step == 0
