"""The linear probe, against scikit-learn; features, against the descriptor's own numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from coop_eval import linear_probe
from coop_runtime import CoopError
from coop_trainer.config import configure
from coop_trainer.data import Signals
from coop_trainer.nets import Branch, Descriptor, DescriptorConfig
from coop_trainer.nets.shapes import Layer
from coop_trainer.presets import load_preset
from coop_trainer.start import begin

CONFIG = DescriptorConfig(
    (Branch(1, (Layer(3, 4, 2), Layer(5, 3, 1), Layer(1, 4, 4))),),
    activation="silu",
    last_activation=False,
    norm=False,
    head="sum",
    weighting="one",
    standardise="off",
    band=0,
    gain=1,
    init_gain=1,
    head_init=1,
    init_sd=None,
)


def groups(n: int, rng: np.random.Generator) -> Any:
    """Three classes in ten dimensions that overlap."""
    labels = np.arange(n) % 3
    return (rng.standard_normal((n, 10)) + 1.5 * np.eye(10)[labels]).astype(np.float32), labels


def test_the_svm_is_that_of_scikit_learn() -> None:
    x, labels = groups(150, np.random.default_rng(0))
    w, classes = linear_probe.l2_svm(x, labels, 0.5)
    peer = LinearSVC(C=0.5, dual=False, fit_intercept=False, tol=1e-8).fit(x, labels)
    np.testing.assert_array_equal(classes, peer.classes_)
    np.testing.assert_allclose(w.T, peer.coef_, atol=2e-3)


def test_errors_are_those_that_the_best_rule_makes() -> None:
    rng = np.random.default_rng(0)
    train, test = groups(3000, rng), groups(3000, rng)
    best = (test[0][:, :3].argmax(1) != test[1]).mean()
    found = linear_probe.probe(*train, *test)
    np.testing.assert_allclose((found.error, found.validation), best, atol=0.03)


def test_constant_features_and_scales_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    (x, labels), (y, others) = groups(300, rng), groups(300, rng)
    plain = linear_probe.probe(x, labels, y, others)
    scaled = linear_probe.probe(
        *(np.concatenate([1000 * x + 5, 0 * x[:, :1] + 3], 1), labels),
        *(np.concatenate([1000 * y + 5, 0 * y[:, :1] + 3], 1), others),
    )
    np.testing.assert_allclose(scaled.error, plain.error, atol=0.02)


def test_as_many_of_each_class() -> None:
    labels = np.random.default_rng(0).integers(0, 10, 2000)
    chosen = linear_probe.labelled(labels, 500, np.random.default_rng(1))
    assert len(set(chosen.tolist())) == 500
    np.testing.assert_array_equal(np.bincount(labels[chosen]), 50)
    with pytest.raises(CoopError, match="multiple of 10"):
        linear_probe.labelled(labels, 505, np.random.default_rng(1))


def test_principal_components_keep_what_varies() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2)) @ rng.standard_normal((2, 48))
    pictures = x.reshape(200, 3, 4, 4).astype(np.float32)
    found = linear_probe.principal_components(pictures, 2)(pictures)
    np.testing.assert_allclose(found.var(0).sum(), x.var(0).sum(), rtol=1e-4)


def test_features_are_the_activations_of_each_layer() -> None:
    torch.manual_seed(0)
    descriptor = Descriptor(CONFIG, channels=2, dims=2)
    pictures = np.random.default_rng(0).random((250, 2, 16, 16), np.float32)
    found = linear_probe.descriptor_features(descriptor, pictures, grid=2)
    assert found.shape == (250, (3 + 5) * 4)
    column: Any = descriptor.columns[0]
    with torch.no_grad():
        low = column[1](column[0](2 * torch.from_numpy(pictures) - 1))
    np.testing.assert_allclose(found[:, 0], low[:, 0, :4, :4].amax((1, 2)), atol=1e-6)
    assert not column[2]._forward_pre_hooks


def test_sounds_are_refused() -> None:
    sounds = Descriptor(CONFIG, channels=1, dims=1)
    with pytest.raises(CoopError, match="of pictures"):
        linear_probe.descriptor_features(sounds, np.zeros((1, 1, 16), np.float32))


def test_the_descriptor_of_a_run(tmp_path: Path) -> None:
    preset = Path(__file__).parents[1] / "tiny-images.toml"
    assert preset.is_file()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8)
    pictures = Signals("images", ("noise",), (pixels,), (0.0, 255.0))
    config = configure(load_preset("images", "quick"), pairs=["data.size=28", "data.batch=4"])
    training, folder = begin(tmp_path / "run", config, lambda _: pictures, torch.device("cpu"))
    with pytest.raises(CoopError, match="nothing learned yet"):
        linear_probe.descriptor_of(tmp_path / "run")
    training.advance()
    state = training.state()
    folder.write_checkpoint(state, [state], 0)
    learned = linear_probe.descriptor_of(tmp_path / "run")
    for name, weight in learned.state_dict().items():
        torch.testing.assert_close(
            weight, training.averages["descriptor"].module.state_dict()[name]
        )
    first, same, other = (
        linear_probe.descriptor_of(tmp_path / "run", trained=False, seed=s) for s in (0, 0, 1)
    )
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(first(x), same(x))
    assert not torch.allclose(first(x), other(x))
