"""Reconstruction, principal components, and recovery of incomplete training pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from coop_eval.filling.completion import hidden_error
from coop_eval.filling.reconstruction import reconstruct, reconstruction_error
from coop_eval.filling.recovery import recovered_pictures
from coop_eval.peers.components import principal_components
from coop_runtime import CoopError, load
from coop_trainer.config import configure
from coop_trainer.data import Signals, hide
from coop_trainer.loop import run
from coop_trainer.presets import load_preset
from coop_trainer.recover import recovered
from coop_trainer.start import begin

TINY = Path(__file__).parent.parent / "tiny-images.toml"


def test_both_ranges_of_the_squared_error() -> None:
    x = np.random.default_rng(0).random((2, 3, 4, 4), np.float32)
    error = reconstruction_error(x, 1 - x)
    assert error.square == pytest.approx(np.square((2 * x - 1) - (1 - 2 * x)).mean(), rel=1e-5)
    assert error.square_unit == pytest.approx(error.square / 4)
    assert error.absolute == pytest.approx(np.abs(1 - 2 * x).mean(), rel=1e-5)
    with pytest.raises(CoopError, match="one shape"):
        reconstruction_error(x, x[:1])


def test_what_a_generator_draws_is_reconstructed_by_its_posterior(tiny_bundle: Path) -> None:
    model = load(tiny_bundle, "cpu", 1)
    x = ((model.generate(3, 0, 8) + 1) / 2).astype(np.float32)
    again = reconstruct(model, x, "posterior", steps=40, settle=60)
    assert again.shape == x.shape
    assert reconstruction_error(x, again).absolute < 0.4 * np.abs(x - 0.5).mean()
    alone = reconstruct(model, x, "posterior", steps=40, settle=60, batch=1)
    np.testing.assert_allclose(alone, again, atol=2 / 255)


def test_components_are_the_librarys_full_decomposition() -> None:
    rng = np.random.default_rng(1)
    train = rng.random((60, 3, 4, 4)).astype(np.float32)
    train *= np.linspace(0.01, 1, 48, dtype=np.float32).reshape(3, 4, 4)
    again = principal_components(train[:50], train[50:], 7)
    exact = PCA(7, svd_solver="full").fit(train[:50].reshape(50, -1))
    wanted = exact.inverse_transform(exact.transform(train[50:].reshape(10, -1)))
    np.testing.assert_allclose(again.reshape(10, -1), np.clip(wanted, 0, 1), atol=2e-3)
    with pytest.raises(CoopError, match="fewer components"):
        principal_components(train, train, 60)


@pytest.mark.parametrize("method", ["abp", "triangle", "vae"])
def test_a_run_tells_what_it_recovers_and_where(method: str, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    signals = hide(Signals("images", ("x",), (images,), (0.0, 255.0)), "P.5", 3)
    pairs = ["data.size=8", f"method={method}"]
    config = configure(load_preset("images", "quick"), file=TINY, pairs=pairs)
    training, folder = begin(tmp_path / "run", config, lambda _: signals, torch.device("cpu"))
    run(training, folder, say=lambda _: None)
    recovered_by_training = recovered(training)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")}

    pictures, missing = recovered_pictures(tmp_path / "run")

    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")} == before
    original = np.moveaxis(images, -1, 1).astype(np.float32) / np.float32(255)
    assert signals.seen is not None
    np.testing.assert_array_equal(missing[:, 0], ~signals.seen[0][..., 0])
    np.testing.assert_array_equal(np.where(missing, 0, pictures), np.where(missing, 0, original))
    assert 0 < hidden_error(original, pictures, missing).mean() < 1
    first = recovered_pictures(tmp_path / "run", 4)
    np.testing.assert_allclose(first.pictures, pictures[:4], atol=2 / 255)
    np.testing.assert_array_equal(first.missing, missing[:4])
    (tmp_path / "file.npz").write_bytes(recovered_by_training)
    with np.load(tmp_path / "file.npz") as file:
        np.testing.assert_array_equal(
            np.moveaxis(file["images"], -1, 1) / np.float32(255), pictures
        )


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CoopError, match="no run here"):
        recovered_pictures(tmp_path)
