"""The report of a model of pictures: one chain each, a null, and models that lack a part."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coop_eval.pictures.features import Classifier, train
from coop_eval.pictures.quality import quality, report, states
from coop_eval.refinement import own_steps
from coop_runtime import Array, Card, CoopError, Model, load

Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]


def _real(n: int, seed: int) -> Array:
    return np.random.default_rng(seed).random((n, 3, 16, 16), np.float32)


def _sized(card: Card) -> Card:
    return replace(card, signal=replace(card.signal, trained_shape=(16, 16)))


def _descriptor(card: Card) -> Card:
    graphs = {"energy": card.graphs["energy"]}
    assert card.langevin is not None
    langevin = replace(card.langevin, start_sd=0.25)
    return replace(_sized(card), latent=None, sigma=None, graphs=graphs, langevin=langevin)


def _generator(card: Card) -> Card:
    graphs = {name: graph for name, graph in card.graphs.items() if name != "energy"}
    return replace(_sized(card), langevin=None, graphs=graphs)


@pytest.fixture(scope="module")
def features() -> Classifier:
    return train(_real(40, 0), _real(40, 1), steps=2)


@pytest.fixture
def model(edit_bundle: Edit) -> Model:
    return load(edit_bundle(_sized, {}), "cpu", 1)


def test_states_are_those_of_one_chain_in_the_units_of_pictures(model: Model) -> None:
    kept = states(model, 60, {3, 0}, seed=7)
    assert [*kept] == [0, 3]
    drafts = model.generate(60, 7)
    np.testing.assert_array_equal(kept[0], (drafts + 1) / 2)
    *_, last = model.refine(drafts, 3, 7)
    np.testing.assert_allclose(kept[3], (last.x + 1) / 2, atol=1e-6)


def test_steps_without_noise_are_descent(model: Model) -> None:
    kept = states(model, 4, {0, 2}, noise=False)
    # ∇E = x and δ = 0.1: each step takes x to (1 − δ²/2) x.
    np.testing.assert_allclose(2 * kept[2] - 1, 0.995**2 * (2 * kept[0] - 1), atol=1e-6)


def test_a_descriptor_alone_starts_from_the_noise_of_its_card(edit_bundle: Edit) -> None:
    model = load(edit_bundle(_descriptor, {}), "cpu", 1)
    kept = states(model, 8, {0, 2}, seed=1)
    np.testing.assert_array_equal(kept[0], (model.noise(8, 1) + 1) / 2)
    assert (2 * kept[0] - 1).std() == pytest.approx(0.25, rel=0.1)


def test_a_generator_alone_has_drafts_only(edit_bundle: Edit, features: Classifier) -> None:
    model = load(edit_bundle(_generator, {}), "cpu", 1)
    assert own_steps(model) == 0
    found = report(model, features, _real(30, 0), _real(30, 1), n=12)
    assert [*found.samples] == [*found.quality] == [0]
    assert found.energies is None


def test_a_report_has_every_state_and_the_null(model: Model, features: Classifier) -> None:
    real, test = _real(30, 0), _real(20, 1)
    found = report(model, features, real, test, n=12, steps=(0, 2), others={"black": 0 * test})
    assert [*found.samples] == [*found.quality] == [0, 2, 5]  # the card asks for 5
    assert found.own_steps == 5
    kernel = {k: q.kernel.mean for k, q in found.quality.items()}
    assert kernel[found.best_steps] == min(kernel.values())
    null = quality(real[np.random.default_rng(0).permutation(30)[:12]], test, features)
    assert found.real == null
    assert abs(found.real.kernel.mean) < abs(found.quality[0].kernel.mean)
    assert found.energies is not None
    assert set(found.energies.auroc) == {"train", "generated", "noise", "black"}
    assert found.energies.auroc["black"] == 1  # ½‖x‖² is largest at the ends of the range
    assert found.memorised_pixels.share <= 1
    assert found.quality[0].sliced.keys() == {16}


def test_pictures_of_another_size_are_refused(model: Model, features: Classifier) -> None:
    with pytest.raises(CoopError, match="expected those of the model"):
        report(model, features, _real(30, 0)[..., :14], _real(30, 1), n=12)
