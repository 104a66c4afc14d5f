"""States to go back to: older ones where the newest was bad too, also in a run that was resumed."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from coop_trainer.data import load_texture
from coop_trainer.good_states import GoodStates
from coop_trainer.loop import run
from coop_trainer.run_folder import RunFolder
from coop_trainer.start import begin, resume
from coop_trainer.training import Training

CPU = torch.device("cpu")


def steps(good: GoodStates) -> list[int]:
    return [state["step"] for state in good.states]


def test_older_states_lie_further_apart() -> None:
    good = GoodStates([{"step": 0}], every=10)
    for step in range(10, 2001, 10):
        good.keep({"step": step})
        ages = [step - kept for kept in steps(good)]
        assert len(ages) == min(4, 1 + step // 10)
        assert ages[:2] == [0, 10]
        assert ages == sorted(set(ages))
        if step > 300:
            assert 20 <= ages[2] <= 160
            assert 100 <= ages[3] <= 450


def test_what_fails_again_soon_goes_further_back() -> None:
    good = GoodStates([{"step": step} for step in (100, 80, 0)], every=10)
    assert good.after_failure(105, None)["step"] == 100
    assert good.after_failure(156, (105, 100))["step"] == 100  # it has come further
    assert good.after_failure(155, (105, 100))["step"] == 80
    good.keep({"step": 90})
    assert steps(good) == [90, 80, 0]
    assert good.after_failure(95, (155, 80))["step"] == 0
    assert good.after_failure(5, (95, 0))["step"] == 0


def test_values_are_noted_in_all() -> None:
    good = GoodStates([{"step": 20, "shrink": 1.0}, {"step": 0, "shrink": 1.0}], every=10)
    good.note(shrink=0.5)
    assert [state["shrink"] for state in good.states] == [0.5, 0.5]


def test_checkpoints_of_one_good_state_are_still_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    state, older = {"step": 7}, {"step": 4}
    for good, expected in ((older, [older]), (None, [state])):
        content = {"format": 1, "state": state, "good": good, "lines": 3}
        torch.save(content, tmp_path / "checkpoint.pt")
        assert folder.read_checkpoint() == (state, expected, 3)
    folder.write_checkpoint(state, [state, older], 5)
    assert folder.read_checkpoint() == (state, [state, older], 5)


@pytest.fixture
def sick_at_nine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have step 9 fail until rates are an eighth."""
    advance = Training.advance

    def broken(training: Training) -> Any:
        figures = advance(training)
        sick = training.step == 9 and training.shrink > 1 / 8
        return figures._replace(f_data=float("nan")) if sick else figures

    monkeypatch.setattr(Training, "advance", broken)


@pytest.mark.usefixtures("sick_at_nine")
def test_a_run_goes_back_further_each_time_and_just_so_if_it_is_resumed(
    tmp_path: Path, picture: Path, tiny_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_config("guard.snapshot_steps=2")
    load = lambda config: load_texture([str(picture)], size=None, crop=16)  # noqa: E731
    ends = []
    for name, stops in (("whole", 0), ("parts", 1)):
        training, folder = begin(tmp_path / name, settings, load, CPU)
        with monkeypatch.context() as patch:
            if stops:  # after the first failure, on the way to the second
                stop_after(patch, 10)
            outcome = run(training, folder, say=lambda _: None)
        if not outcome.finished:
            assert outcome.signal == signal.SIGTERM
            training, folder, good = resume(tmp_path / name, CPU)
            outcome = run(training, folder, say=lambda _: None, good=good)
        assert outcome.finished
        events = [(e["step"], e["to"]) for e in folder.read_log() if "event" in e]
        assert events == [(9, 8), (9, 6), (9, 4)]
        loaded = folder.read_checkpoint()
        assert loaded is not None
        ends.append([p.clone() for p in training.generator.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def stop_after(patch: pytest.MonkeyPatch, calls: int) -> None:
    """Send SIGTERM after so many iterations."""
    advance, done = Training.advance, list[int]()

    def counted(training: Training) -> Any:
        figures = advance(training)
        done.append(training.step)
        if len(done) == calls:
            signal.raise_signal(signal.SIGTERM)
        return figures

    patch.setattr(Training, "advance", counted)
