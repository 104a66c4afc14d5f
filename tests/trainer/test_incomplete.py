"""Learning from incomplete examples: nothing hidden is looked at, and it is filled in."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from coop_runtime import CoopError
from coop_trainer.config import TABLES, Config, configure
from coop_trainer.data import Signals, draw_masks
from coop_trainer.export.from_run import export_run
from coop_trainer.figures import Figures
from coop_trainer.loop import run
from coop_trainer.posterior import negative_log_joint
from coop_trainer.presets import load_preset
from coop_trainer.recover import explaining, latents_of, recovered
from coop_trainer.run_folder import RunFolder
from coop_trainer.start import begin, resume
from coop_trainer.training import Training

CPU = torch.device("cpu")
TINY = Path(__file__).parent.parent / "tiny-images.toml"
INFERRING = ("abp", "triangle", "mcmc-triangle", "vae")
COUNT = 10


def config(method: str, *pairs: str) -> Config:
    preset = load_preset("images", "quick")
    return configure(preset, file=TINY, pairs=["data.size=8", f"method={method}", *pairs])


def pictures(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (COUNT, 8, 8, 3), dtype=np.uint8)


def blocks() -> NDArray[np.bool_]:
    """Hide a block of 4x4 pixels in each picture, as B20 does of 64x64."""
    seen, rng = np.ones((COUNT, 8, 8, 1), np.bool_), np.random.default_rng(0)
    for mask in seen:
        top, left = rng.integers(0, 5, 2)
        mask[top : top + 4, left : left + 4] = False
    return seen


MASKS = {"P.5": draw_masks("P.5", COUNT, (8, 8), seed=0), "blocks": blocks()}


def incomplete(masks: str, values: NDArray[np.uint8] | None = None) -> Signals:
    whole = Signals("images", ("x",), (pictures() if values is None else values,), (0.0, 255.0))
    return whole.with_masks([MASKS[masks]])


def trained(out: Path, method: str, signals: Signals, *pairs: str) -> tuple[Training, RunFolder]:
    training, folder = begin(out, config(method, *pairs), lambda _: signals, CPU)
    run(training, folder, say=lambda _: None)
    return training, folder


def leaves(state: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(state, dict):
        for key, value in state.items():
            if key != "seconds":
                yield from leaves(value, f"{name}.{key}")
    elif isinstance(state, torch.Tensor):
        yield name, (tuple(state.shape), state.contiguous().numpy().tobytes())
    else:
        yield name, state


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("method", INFERRING)
def test_observed_entries_are_given_back_and_hidden_ones_filled(
    tmp_path: Path, method: str, masks: str
) -> None:
    training, _ = trained(tmp_path / "run", method, incomplete(masks))
    with np.load(io.BytesIO(recovered(training))) as content:
        images, seen = content["images"], content["seen"]
    assert (images.dtype, images.shape) == (np.uint8, (COUNT, 8, 8, 3))
    np.testing.assert_array_equal(seen, MASKS[masks])
    observed = np.broadcast_to(MASKS[masks], images.shape)
    np.testing.assert_array_equal(images[observed], pictures()[observed])
    drawn = (filled_by(training) + 1) * 127.5
    np.testing.assert_array_equal(images[~observed], np.rint(drawn.numpy())[~observed])


def filled_by(training: Training) -> torch.Tensor:
    """What the averaged generator makes of the latents that explain the examples."""
    _, g, _ = training.averaged()
    assert g is not None
    with torch.no_grad():
        drawn: torch.Tensor = g(explaining(training, torch.arange(COUNT))).movedim(1, -1)
    return drawn


@pytest.mark.parametrize("method", INFERRING)
def test_what_explains_an_example_is_more_likely_than_where_it_began(
    tmp_path: Path, method: str
) -> None:
    training, _ = trained(tmp_path / "run", method, incomplete("P.5"))
    places, (_, g, _) = torch.arange(COUNT), training.averaged()
    x, _, seen = training.examples.take(places)
    began = latents_of(training, places)
    assert began is not None
    assert g is not None
    sigma = getattr(training.config, TABLES[training.config.method]).sigma
    energy = negative_log_joint(g, x, sigma, seen)
    with torch.no_grad():
        assert (energy(explaining(training, places)) < energy(began)).all()
    again = explaining(training, places[3:5])
    torch.testing.assert_close(again, explaining(training, places)[3:5], atol=1e-4, rtol=1e-4)


def test_half_of_a_grey_picture_tells_the_other_half(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(30, 226, (60, 1, 1, 1), dtype=np.uint8)
    values, seen = levels.repeat(8, 1).repeat(8, 2), draw_masks("P.5", 60, (8, 8), seed=0)
    signals = Signals("images", ("x",), (values,), (0.0, 255.0)).with_masks([seen])
    pairs = ["generator.norm=false", "generator_optimiser.rate=2e-2", "data.batch=30"]
    pairs += ["generator_optimiser.ema=0.0", "abp.steps=10", "loop.steps=80", "data.noise=0.0"]
    training, _ = trained(tmp_path / "run", "abp", signals, *pairs)
    with np.load(io.BytesIO(recovered(training))) as content:
        error = np.abs(content["images"].astype(int) - values)[~seen].mean()
    assert error < 0.3 * np.abs(128 - values.astype(int))[~seen].mean()


@pytest.mark.parametrize("method", ["descriptor", "coopnets", "gan"])
def test_methods_without_latents_refuse_incomplete_data(tmp_path: Path, method: str) -> None:
    with pytest.raises(CoopError, match=f"{method} cannot learn from incomplete data") as caught:
        begin(tmp_path / "run", config(method), lambda _: incomplete("P.5"), CPU)
    assert "--method abp, triangle, mcmc-triangle or vae" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_incomplete_examples_are_not_cropped(tmp_path: Path) -> None:
    with pytest.raises(CoopError, match=r"--set data\.crop=none"):
        begin(tmp_path / "run", config("vae", "data.crop=8"), lambda _: incomplete("P.5"), CPU)


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("method", INFERRING)
def test_an_interrupted_run_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, masks: str
) -> None:
    whole, _ = trained(tmp_path / "whole", method, incomplete(masks), "loop.steps=6")
    advance = Training.advance

    def stopped(training: Training) -> Figures:
        figures = advance(training)
        if training.step == 4:  # in the middle of an epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return figures

    with monkeypatch.context() as patch:
        patch.setattr(Training, "advance", stopped)
        first, folder = trained(tmp_path / "parts", method, incomplete(masks), "loop.steps=6")
    assert first.step == 4
    parts, folder, good = resume(folder.path, CPU, load=lambda _: incomplete(masks))
    run(parts, folder, say=lambda _: None, good=good)
    assert dict(leaves(parts.state())) == dict(leaves(whole.state()))
    assert recovered(parts) == recovered(whole)


@pytest.mark.parametrize("method", INFERRING)
def test_what_is_hidden_changes_nothing(tmp_path: Path, method: str) -> None:
    other = np.where(MASKS["blocks"], pictures(), pictures(seed=1))
    assert not np.array_equal(other, pictures())
    runs = {}
    for name, values in (("a", pictures()), ("b", other)):
        training, folder = trained(tmp_path / name, method, incomplete("blocks", values))
        sheet = (folder.path / "samples/step-000004.png").read_bytes()
        data = (folder.path / "data.npz").read_bytes()
        figures = [{k: v for k, v in f.items() if k != "seconds"} for f in folder.read_log()]
        runs[name] = (dict(leaves(training.state())), recovered(training), sheet, data, figures)
    assert runs["a"] == runs["b"]


def test_other_masks_are_other_data(tmp_path: Path) -> None:
    _, folder = trained(tmp_path / "run", "vae", incomplete("P.5"))
    with pytest.raises(CoopError, match="has changed since the run began"):
        resume(folder.path, CPU, load=lambda _: incomplete("blocks"))
    complete = Signals("images", ("x",), (pictures(),), (0.0, 255.0))
    with pytest.raises(CoopError, match="has changed since the run began"):
        resume(folder.path, CPU, load=lambda _: complete)


def test_a_run_of_incomplete_data_is_exported(tmp_path: Path) -> None:
    _, folder = trained(tmp_path / "run", "abp", incomplete("P.5"))
    card = export_run(folder.path, tmp_path / "bundle")
    assert set(card.graphs) == {"generator", "posterior"}


def test_sounds_are_given_back_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sounds = rng.normal(0, 0.2, (3, 1, 160, 1)).astype(np.float32)
    seen = [draw_masks("P.5", 1, (160,), seed=k) for k in range(3)]
    signals = Signals("sound", ("a", "b", "c"), tuple(sounds), (-1.3, 1.3), 8000.0)
    preset = load_preset("sound", "quick")
    settings = configure(preset, file=TINY.with_name("tiny-sound.toml"), pairs=["method=abp"])
    training, folder = begin(tmp_path / "run", settings, lambda _: signals.with_masks(seen), CPU)
    run(training, folder, say=lambda _: None)
    with np.load(io.BytesIO(recovered(training))) as content:
        samples, observed = content["samples"], content["seen"] > 0
    assert (samples.dtype, samples.shape) == (np.float32, (3, 160, 1))
    np.testing.assert_array_equal(samples[observed], sounds[:, 0][observed])
    assert not np.isin(samples[~observed], 0).any()


def test_complete_data_have_nothing_to_recover(tmp_path: Path) -> None:
    complete = Signals("images", ("x",), (pictures(),), (0.0, 255.0))
    training, _ = trained(tmp_path / "run", "abp", complete, "loop.steps=1")
    with pytest.raises(CoopError, match="nothing to recover"):
        recovered(training)
