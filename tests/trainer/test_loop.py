"""A run from its first step to its last: log, sheets, clock, roll-backs."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from coop_runtime import CoopError
from coop_trainer.figures import Figures
from coop_trainer.loop import run
from coop_trainer.start import begin, choose_device, resume
from coop_trainer.training import Training

from .runs import CPU, Broken, TinyConfig, assert_same, silent, texture, trained


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


def test_devices() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda")
    for name in ("gpu", "cpu:1", "cuda:x", "cuda:", "cuda:²", "cuda:99"):
        with pytest.raises(CoopError, match="device"):
            choose_device(name)
