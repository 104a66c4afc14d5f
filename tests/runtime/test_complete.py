"""Completion and reconstruction of a linear generator, whose posterior modes are known."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import Card, Model, load
from coop_runtime.card import Graph
from coop_runtime.tasks.complete import enlarged
from coop_runtime.tasks.resize import resize

F = NDArray[np.float32]
Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]

# z = Wᵀx of each block, a tenth of it, with a deviation of e^½.
ENCODER = """<ir_version: 8, opset_import: ["": 18]>
encoder (float[batch, 3, H, W] x)
    => (float[batch, 2, h, w] mean, float[batch, 2, h, w] log_variance)
<float tenth = {0.1}, float zero = {0.0}, float one = {1.0}>
{
    pulled = Conv<strides = [4, 4]>(x, weight)
    mean = Mul(pulled, tenth)
    nothing = Mul(pulled, zero)
    log_variance = Add(nothing, one)
}"""


def linear(texts: dict[str, str]) -> dict[str, str]:
    """Take tanh, and its slope, out of the tiny generator: g(z) = 0.1·Wz."""
    generator = texts["generator.onnx"].replace("{\n", "<float tenth = {0.1}>\n{\n", 1)
    generator = generator.replace("Tanh(before)", "Mul(before, tenth)")
    posterior = texts["posterior.onnx"].replace("one = {1.0}", "tenth = {0.1}")
    posterior = posterior.replace("Tanh(before)", "Mul(before, tenth)")
    posterior = re.sub(r" *g_square.*\n *slope.*\n", "", posterior)
    posterior = posterior.replace("Mul(pull, slope)", "Mul(pull, tenth)")
    return texts | {"generator.onnx": generator, "posterior.onnx": posterior}


def with_encoder(card: Card) -> Card:
    z, x = ("batch", 2, "h", "w"), ("batch", 3, "H", "W")
    graph = Graph("encoder.onnx", (4, 4), {"x": x}, {"mean": z, "log_variance": z})
    return replace(card, graphs=card.graphs | {"encoder": graph})


@pytest.fixture
def model(edit_bundle: Edit, fix_texts: Callable[[bool, bool], dict[str, str]]) -> Model:
    texts = linear(fix_texts(False, False)) | {"encoder.onnx": ENCODER}
    return load(edit_bundle(with_encoder, texts), "cpu", 1)


@pytest.fixture
def plain(tiny_bundle: Path) -> Model:
    return load(tiny_bundle, "cpu", 1)


def signals(*shape: int, seed: int = 0) -> F:
    x = np.random.default_rng(seed).uniform(-0.5, 0.5, shape)
    return x.astype(np.float32)


def some_missing(*shape: int) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = np.random.default_rng(9).random(shape) < 0.4
    return mask


def mode(x: F, missing: NDArray[np.bool_], weight: F, sigma: float) -> NDArray[np.float64]:
    """Give g(ẑ), ẑ the ridge regression of what is known of each block of 4×4 on 0.1·W."""
    design = 0.1 * weight.reshape(2, -1).T.astype(np.float64)
    drawn = np.empty(x.shape, np.float64)
    for b, i, j in np.ndindex(len(x), x.shape[2] // 4, x.shape[3] // 4):
        at = (b, slice(None), slice(4 * i, 4 * i + 4), slice(4 * j, 4 * j + 4))
        known = ~missing[at].ravel()
        rows = design[known] / sigma
        z = np.linalg.solve(rows.T @ rows + np.eye(2), rows.T @ (x[at].ravel()[known] / sigma))
        drawn[at] = (design @ z).reshape(3, 4, 4)
    return drawn


def test_it_settles_at_the_mode(model: Model, weight: F) -> None:
    x, missing = signals(2, 3, 8, 12), some_missing(2, 3, 8, 12)
    hidden = np.where(missing, np.float32(np.nan), x)
    done = model.complete(hidden, missing, steps=5, settle=400, chains=3, sigma=0.2)
    drawn = mode(x, missing, weight, 0.2)
    assert done.suggestions.shape == (2, 3, 3, 8, 12)
    assert done.z.shape == (2, 3, 2, 2, 3)
    for k in range(3):
        found = done.suggestions[:, k]
        assert found[~missing].tobytes() == x[~missing].tobytes()
        np.testing.assert_allclose(found[missing], drawn[missing], atol=2e-3)
    residual = np.where(missing, 0, x - drawn)
    error = np.sqrt((residual**2).sum((1, 2, 3)) / (~missing).sum((1, 2, 3)))
    np.testing.assert_allclose(done.error, np.repeat(error[:, None], 3, 1), atol=1e-4)
    assert done.energy is not None
    expected = 0.5 * (done.suggestions.astype(np.float64) ** 2).sum((2, 3, 4))
    np.testing.assert_allclose(done.energy, expected, rtol=1e-5)


def test_suggestions_come_best_first_and_differ(model: Model) -> None:
    x, missing = signals(3, 3, 8, 8), some_missing(1, 1, 8, 8)
    done = model.complete(x, missing, steps=10, settle=0, chains=5)
    assert (np.diff(done.error, axis=1) > 0).all()
    assert done.x.tobytes() == done.suggestions[:, 0].tobytes()
    assert len({s.tobytes() for s in done.suggestions.reshape(-1, 192)}) == 15


def test_examples_and_chains_do_not_depend_on_others(plain: Model) -> None:
    x, missing = signals(4, 3, 7, 9), some_missing(4, 1, 7, 9)
    settings = {"steps": 6, "settle": 3, "refine_steps": 3, "seed": 5}
    every = plain.complete(x, missing, chains=2, **settings)  # type: ignore[arg-type]
    again = plain.complete(x, missing, chains=2, **settings)  # type: ignore[arg-type]
    alone = plain.complete(x[2:3], missing[2:3], chains=2, first=2, **settings)  # type: ignore[arg-type]
    assert every.energy is not None
    assert alone.energy is not None
    for a, b in ((every.suggestions, again.suggestions), (every.z, again.z)):
        assert a.tobytes() == b.tobytes()
    assert every.suggestions[2:3].tobytes() == alone.suggestions.tobytes()
    assert every.energy[2:3].tobytes() == alone.energy.tobytes()
    more = plain.complete(x[:1], missing[:1], chains=6, **settings)  # type: ignore[arg-type]
    found = {z.tobytes() for z in more.z[0]}
    assert {z.tobytes() for z in every.z[0]} <= found


def test_only_missing_entries_are_refined(plain: Model) -> None:
    x, missing = 3 * signals(2, 3, 6, 8), some_missing(2, 3, 6, 8)  # beyond the range too
    states = list(
        plain.completing(
            x, missing, steps=4, settle=2, refine_steps=3, noise=False, every=1, chains=2
        )
    )
    assert [s.step for s in states] == list(range(10))
    assert all(s.energy is None for s in states[:7])
    begun = states[6]
    for state in states:
        known = state.suggestions[:, 0][~missing]
        assert known.tobytes() == x[~missing].tobytes()
    for state in states[7:]:  # the closed form of descent on ½‖x‖², δ = 0.1
        shrunk = begun.suggestions * (1 - 0.1**2 / 2) ** (state.step - 6)
        every = np.repeat(missing[:, None], 2, axis=1)
        np.testing.assert_allclose(state.suggestions[every], shrunk[every], rtol=1e-5)
        assert state.energy is not None


def test_every_thins_the_states_out(plain: Model) -> None:
    x, missing = signals(1, 3, 8, 8), some_missing(1, 1, 8, 8)
    states = plain.completing(x, missing, steps=7, settle=2, refine_steps=5, every=4, chains=1)
    assert [s.step for s in states] == [0, 4, 8, 9, 13, 14]


def test_it_starts_from_the_encoder(model: Model, weight: F) -> None:
    x = signals(1, 3, 8, 8)
    missing = np.zeros((1, 1, 8, 8), bool)
    missing[..., :4, :4] = True
    (state,) = model.completing(x, missing, start="encoder", steps=0, settle=0, chains=2)
    blocks = x.reshape(1, 3, 2, 4, 2, 4)
    mean = 0.1 * np.einsum("bchkwl,zckl->bzhw", blocks, weight)[0, :, 1, 1]
    first = np.abs(state.z[0, :, :, 1, 1] - mean).max(axis=1)
    assert first.min() < 1e-5 < first.max()


def test_reconstruct(model: Model, weight: F) -> None:
    x = signals(2, 3, 8, 8)
    nothing = np.zeros(x.shape, bool)
    by = {how: model.reconstruct(x, how, steps=20, settle=300) for how in ("posterior", "both")}
    for read in by.values():
        drawn = mode(x, nothing, weight, 0.3)
        np.testing.assert_allclose(read.x, drawn, atol=2e-3)
        np.testing.assert_allclose(
            read.error, np.sqrt(((x - drawn) ** 2).mean((1, 2, 3))), atol=1e-4
        )
    direct = model.reconstruct(x)
    assert direct.step == 0
    np.testing.assert_array_equal(direct.z, model.encode(x).mean)
    np.testing.assert_allclose(direct.x, model.decode(direct.z), atol=1e-6)
    states = list(model.reconstructing(x, "both", steps=3, settle=2))
    assert [s.step for s in states] == list(range(6))


def fixed(card: Card) -> Card:
    x, z = ("batch", 3, 8, 8), ("batch", 2, 2, 2)
    shapes = {"x": x, "mask": x, "reconstruction": x, "z": z}
    graphs = {}
    for name, graph in card.graphs.items():
        both = ({k: shapes.get(k, s) for k, s in d.items()} for d in (graph.inputs, graph.outputs))
        inputs, outputs = both
        if "gradient" in outputs:
            outputs["gradient"] = z if name == "posterior" else x
        graphs[name] = replace(graph, inputs=inputs, outputs=outputs)
    signal = replace(card.signal, extendable=(False, False), kind="images")
    return replace(card, signal=signal, graphs=graphs)


@pytest.fixture
def small(edit_bundle: Edit, fix_texts: Callable[[bool, bool], dict[str, str]]) -> Model:
    return load(edit_bundle(fixed, linear(fix_texts(True, True))), "cpu", 1)


def test_a_larger_picture_is_scaled_and_pasted_back(small: Model) -> None:
    large = np.repeat(signals(2, 3, 8, 8), 5, axis=2).repeat(3, axis=3)
    missing = np.zeros((1, 1, 40, 24), bool)
    missing[..., 5:30, 3:21] = True
    done = small.complete(large, missing, steps=5, settle=5)
    every = np.broadcast_to(missing, large.shape)
    assert done.suggestions.shape == (2, 4, 3, 40, 24)
    assert done.x[~every].tobytes() == large[~every].tobytes()
    # Inside, farther from the hole's edge than the kernel reaches, there is what z draws, but for
    # a smooth correction, which is the same whatever was drawn inside.
    inside = (..., slice(15, 20), slice(9, 15))
    drawn = [resize(small.decode(done.z[:, k]), (40, 24)) for k in range(4)]
    away = [np.where(every, 0, large - d) for d in drawn]
    for k in range(4):
        correction = (done.suggestions[:, k] - drawn[k])[inside]
        assert np.abs(correction).max() <= np.abs(away[k]).max() + 1e-5


def test_a_scaled_completion_has_no_seam() -> None:
    down, across = np.mgrid[:40, :40].astype(np.float32) / 40
    x = (down - across)[None, None]
    missing = np.zeros(x.shape, bool)
    missing[..., 12:30, 8:20] = True
    draft = resize(x, (10, 10))[:, None] + np.array([0.5, -0.25], np.float32).reshape(1, 2, 1, 1, 1)
    found = enlarged(draft, x, missing)  # an offset is taken away altogether
    np.testing.assert_allclose(
        found[0, :, 0][..., 12:30, 8:20], x[0, 0, 12:30, 8:20][None].repeat(2, 0), atol=0.02
    )


def test_places_of_which_little_is_known_count_little(small: Model) -> None:
    x = np.full((1, 3, 64, 64), 0.25, np.float32)
    missing = np.random.default_rng(0).random((1, 1, 64, 64)) < 0.95
    x[np.broadcast_to(missing, x.shape)] = np.nan
    done = small.complete(x, missing, steps=0, settle=100, chains=2)
    # Averages of what is known are 0.25 everywhere, so the error is that of a whole grey picture
    # to which about a twentieth of each place's weight is given.
    seen = small.reconstruct(
        np.full((1, 3, 8, 8), 0.25, np.float32), steps=0, settle=300, sigma=0.3 * np.sqrt(20)
    )
    np.testing.assert_allclose(done.error, seen.error[0], rtol=0.1)
