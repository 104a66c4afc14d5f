import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from coop_runtime import CoopError, read_card
from coop_trainer.config import Config
from coop_trainer.data import load_texture
from coop_trainer.export.from_run import export_run
from coop_trainer.figures import Figures
from coop_trainer.loop import Outcome, run
from coop_trainer.run_folder import RunFolder
from coop_trainer.start import Loader, begin, choose_device, resume
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


def test_same_seed_same_bytes_other_seed_others(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    first, *_ = trained(tmp_path / "a", tiny_config(), picture)
    second, *_ = trained(tmp_path / "b", tiny_config(), picture)
    assert_same(first.state(), second.state())
    other, *_ = trained(tmp_path / "c", tiny_config("seed=1"), picture)
    weight = "columns.0.0.weight"
    assert not torch.equal(
        first.descriptor.state_dict()[weight], other.descriptor.state_dict()[weight]
    )


def test_drawing_sheets_changes_nothing(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coop_trainer.loop.FIRST_SHEET", 1)
    drawn, folder, _ = trained(tmp_path / "a", tiny_config(), picture)
    assert sorted(p.name for p in (folder.path / "samples").iterdir()) == [
        f"step-{k:06d}.png" for k in (1, 2, 4, 8, 12)
    ]
    monkeypatch.setattr("coop_trainer.loop.FIRST_SHEET", 1000)
    plain, *_ = trained(tmp_path / "b", tiny_config(), picture)
    assert_same(drawn.state(), plain.state())
    with Image.open(folder.path / "samples/step-000012.png") as sheet:
        assert sheet.size == (4 * 32 + 3 * 4, 3 * 32 + 2 * 4)


def test_the_log_has_every_figure_of_every_step(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    _, folder, _ = trained(tmp_path / "a", tiny_config(), picture)
    log = folder.read_log()
    assert [line["step"] for line in log] == list(range(1, 13))
    figures = {"f_data", "f_model", "revision", "reconstruction", "drift", "acceptance"}
    figures |= {"saturation", "contrast"}
    assert set(log[0]) == {"step", "seconds", "rate_factor", *figures}
    assert log[0]["rate_factor"] == 1
    assert log[-1]["rate_factor"] < 0.3


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


def test_nan_is_rolled_back_reported_and_survived(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    Broken(monkeypatch, first=10, times=2)
    said: list[str] = []
    training, folder = begin(tmp_path / "a", tiny_config(), texture(picture), CPU)
    outcome = run(training, folder, say=said.append)
    assert (outcome.step, outcome.rollbacks, outcome.finished) == (12, 2, True)
    assert training.shrink == 0.25
    assert said[0].startswith("step 10: not a number: f_model; back to step 8 with 0.5")
    events = [line for line in folder.read_log() if line.get("event") == "rollback"]
    assert [(e["step"], e["to"]) for e in events] == [(10, 8), (10, 4)]
    assert all(torch.isfinite(p).all() for p in training.generator.parameters())


def test_a_suspect_last_step_is_not_kept_and_that_is_said(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Training.advance

    def suspect(training: Training) -> Figures:
        figures = advance(training)
        return figures._replace(f_data=9e9) if training.step == 12 else figures

    monkeypatch.setattr(Training, "advance", suspect)
    said: list[str] = []
    config = tiny_config("guard.snapshot_steps=5")
    training, folder = begin(tmp_path / "a", config, texture(picture), CPU)
    outcome = run(training, folder, say=said.append)
    assert said == ["step 12: this looks wrong; the state of step 10 is kept"]
    assert (outcome.step, outcome.finished) == (10, True)
    assert outcome.sheet == folder.path / "samples/step-000010.png"


def test_rollbacks_are_bounded_and_the_last_good_state_is_saved(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        Broken(patch, first=6, times=99)
        training, folder = begin(
            tmp_path / "a", tiny_config("guard.rollbacks=3"), texture(picture), CPU
        )
        with pytest.raises(CoopError, match=r"diverged at step 6 .* after 3 roll-backs") as caught:
            run(training, folder, say=silent)
    assert "step 4 is saved" in str(caught.value)
    again, folder, good = resume(tmp_path / "a", CPU)
    assert (again.step, again.rollbacks) == (4, 3)
    assert run(again, folder, say=silent, good=good).finished


def test_a_real_explosion_is_seen(tmp_path: Path, picture: Path, tiny_config: TinyConfig) -> None:
    config = tiny_config(
        "descriptor_optimiser.kind=sgd", "descriptor_optimiser.rate=1e6", "guard.rollbacks=1"
    )
    training, folder = begin(tmp_path / "a", config, texture(picture), CPU)
    with pytest.raises(CoopError, match=r"exploding energy|not a number|saturated"):
        run(training, folder, say=silent)
    assert training.step <= 4


def test_the_clock_ends_a_run_and_lets_the_rates_fall(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    config = tiny_config("loop.minutes=0.01", "loop.steps=1000000")
    _, folder, outcome = trained(tmp_path / "a", config, picture)
    assert outcome.finished
    assert 0.6 <= outcome.seconds < 5
    assert folder.read_log()[-1]["rate_factor"] < 0.5


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


def test_a_cut_log_line_is_left_out(tmp_path: Path, picture: Path, tiny_config: TinyConfig) -> None:
    _, folder, _ = trained(tmp_path / "a", tiny_config(), picture)
    log = folder.path / "log.jsonl"
    log.write_text(log.read_text()[:-9])
    assert len(folder.read_log()) == 11
    folder.cut_log(3)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2, 3]


def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, folder, _ = trained(tmp_path / "a", tiny_config(), picture)
    before = (folder.path / "checkpoint.pt").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CoopError, match="No space left"):
        folder.write_checkpoint(training.state(), [training.state()], 12)
    monkeypatch.undo()
    assert (folder.path / "checkpoint.pt").read_bytes() == before
    assert not [p for p in folder.path.iterdir() if "tmp" in p.name]


def test_nothing_is_written_for_what_cannot_be_trained(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    with pytest.raises(CoopError, match="multiple of the generator's stride"):
        begin(tmp_path / "a", tiny_config("data.crop=18"), texture(picture), CPU)
    assert not (tmp_path / "a").exists()


def test_settings_that_do_not_fit_together_are_refused_before_anything_is_written(
    tmp_path: Path, picture: Path, tiny_config: TinyConfig
) -> None:
    config = tiny_config("descriptor.branches=[{pool=128,layers=[[4,4,2]]}]", "data.crop=8")
    with pytest.raises(CoopError, match="the networks do not fit the signals") as caught:
        begin(tmp_path / "a", config, texture(picture), CPU)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a").exists()


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


def test_devices() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda")
    for name in ("gpu", "cpu:1", "cuda:x", "cuda:", "cuda:²", "cuda:99"):
        with pytest.raises(CoopError, match="device"):
            choose_device(name)


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
