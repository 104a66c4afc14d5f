"""Bundles without some of the graphs, with an encoder, and of sizes that cannot be extended."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coop_runtime import Card, CoopError, Model, load
from coop_runtime.card import Graph, Langevin, Precision, Signal

F = NDArray[np.float32]
Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]

ENCODER = """<ir_version: 8, opset_import: ["": 18]>
encoder (float[batch, 3, H, W] x)
    => (float[batch, 2, h, w] mean, float[batch, 2, h, w] log_variance)
{
    mean = Conv<strides = [4, 4]>(x, weight)
    log_variance = Neg(mean)
}"""


def signals(*shape: int) -> F:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def only(card: Card, *names: str) -> dict[str, Graph]:
    return {name: card.graphs[name] for name in names}


def drawing(card: Card) -> Card:
    """A generator without an energy."""
    graphs = only(card, "generator", "posterior")
    return replace(card, graphs=graphs, langevin=None, training={"method": "vae"})


def judging(card: Card) -> Card:
    """An energy without a generator."""
    return replace(card, graphs=only(card, "energy"), latent=None, sigma=None)


def encoding(card: Card) -> Card:
    z, x = ("batch", 2, "h", "w"), ("batch", 3, "H", "W")
    graph = Graph("encoder.onnx", (4, 4), {"x": x}, {"mean": z, "log_variance": z})
    return replace(card, graphs=card.graphs | {"encoder": graph})


def sized(extendable: tuple[bool, bool]) -> Callable[[Card], Card]:
    """Give an edit that fixes the axes of every graph that are not ``extendable``."""

    def edit(card: Card) -> Card:
        def fixed(shape: tuple[int | str, ...], size: int) -> tuple[int | str, ...]:
            if len(shape) < 4:
                return shape
            axes = zip(shape[2:], extendable, strict=True)
            return (*shape[:2], *(axis if free else size for axis, free in axes))

        graphs = {
            name: replace(
                graph,
                inputs={k: fixed(v, 2 if k == "z" else 8) for k, v in graph.inputs.items()},
                outputs={
                    k: fixed(v, 2 if (name, k) == ("posterior", "gradient") else 8)
                    for k, v in graph.outputs.items()
                },
            )
            for name, graph in card.graphs.items()
        }
        return replace(card, graphs=graphs, signal=replace(card.signal, extendable=extendable))

    return edit


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.refine(signals(1, 3, 8, 8)),
            r"has no energy \(it was learned by vae\): it dr",
        ),
        (lambda m: m.energy(signals(1, 3, 8, 8)), "'tiny' has no energy"),
        (lambda m: m.energy_and_gradient(signals(1, 3, 8, 8)), "'tiny' has no energy"),
        (lambda m: m.encode(signals(1, 3, 8, 8)), r"has no encoder \(it was learned by vae\)"),
    ],
)
def test_a_model_without_energy(
    edit_bundle: Edit, call: Callable[[Model], object], message: str
) -> None:
    model = load(edit_bundle(drawing, {}), "cpu")
    assert set(model.graphs) == {"generator", "posterior"}
    assert model.generate(2).shape == (2, 3, 8, 8)
    with pytest.raises(CoopError, match=message) as caught:
        call(model)
    assert "\n" not in str(caught.value)


def test_a_model_without_generator(edit_bundle: Edit) -> None:
    model = load(edit_bundle(judging, {}), "cpu")
    start = model.noise(2, seed=3, size=(5, 8))
    *_, last = model.refine(start, 2, seed=3)
    assert last.x.shape == (2, 3, 5, 8)
    x, z = signals(1, 3, 8, 8), signals(1, 2, 2, 2)
    for call in (
        lambda: model.generate(),
        lambda: model.encode(x),
        lambda: model.log_posterior(z, x, x),
    ):
        with pytest.raises(CoopError, match=r"'tiny' has no generator: .*; refine\(\) what noise"):
            call()


def test_noise_is_uniform_and_does_not_depend_on_the_batch(tiny_bundle: Path) -> None:
    model = load(tiny_bundle, "cpu")
    x = model.noise(4, seed=1, size=64)
    assert x.tobytes() == b"".join(model.noise(1, 1, 64, first=k).tobytes() for k in range(4))
    assert (x.min() >= -1, x.max() < 1) == (True, True)
    # Of 49,152 uniform numbers on [−1, 1], of variance 1/3.
    assert abs(x.mean()) < 5 * np.sqrt(1 / 3 / x.size)
    assert x.var() == pytest.approx(1 / 3, rel=0.02)


def test_normal_noise_of_the_card_s_deviation(edit_bundle: Edit) -> None:
    def normal(card: Card) -> Card:
        return replace(judging(card), langevin=Langevin(2, 0.1, start_sd=0.05))

    model = load(edit_bundle(normal, {}), "cpu")
    x = model.noise(4, seed=1, size=64)
    assert x.tobytes() == b"".join(model.noise(1, 1, 64, first=k).tobytes() for k in range(4))
    assert x.std() == pytest.approx(0.05, rel=0.02)
    assert (x**4).mean() == pytest.approx(3 * 0.05**4, rel=0.1)


def test_encode_is_the_encoder_of_the_padded_signal(edit_bundle: Edit, weight: F) -> None:
    model = load(edit_bundle(encoding, {"encoder.onnx": ENCODER}), "cpu")
    x = signals(3, 3, 7, 12)
    code = model.encode(x)
    blocks = np.pad(x, [(0, 0), (0, 0), (0, 1), (0, 0)], "edge").reshape(3, 3, 2, 4, 3, 4)
    np.testing.assert_allclose(code.mean, np.einsum("bohkwl,iokl->bihw", blocks, weight), atol=1e-5)
    np.testing.assert_array_equal(code.log_variance, -code.mean)
    assert model.encode(x[1:2]).mean.tobytes() == code.mean[1].tobytes()
    with pytest.raises(CoopError, match=r"x: expected the shape \(batch, 3, size, size\)"):
        model.encode(signals(3, 1, 8, 8))


def fixed(edit_bundle: Edit, tiny_texts: dict[str, str], *extendable: bool) -> Model:
    return load(edit_bundle(sized((extendable[0], extendable[1])), tiny_texts), "cpu")


@pytest.mark.parametrize("size", [None, 8, (8, 8)])
def test_axes_that_cannot_be_extended(
    edit_bundle: Edit, fix_texts: Callable[[bool, bool], dict[str, str]], size: Any
) -> None:
    model = fixed(edit_bundle, fix_texts(True, True), False, False)
    x = model.generate(2, size=size)
    assert x.shape == (2, 3, 8, 8)
    *_, last = model.refine(x, 1)
    assert last.x.shape == x.shape
    z = signals(2, 2, 2, 2)
    assert model.log_posterior(z, x, np.ones_like(x)).gradient.shape == z.shape
    for other in (9, (8, 9), (16, 8)):
        with pytest.raises(CoopError, match=r"^size: 'tiny' draws 8x8 only; leave size out$"):
            model.generate(size=other)
    for call in (model.energy, model.refine):
        with pytest.raises(CoopError, match=r"x: expected the shape \(batch, 3, 8, 8\), found"):
            call(signals(1, 3, 7, 8))


def test_one_axis_that_can_be_extended(
    edit_bundle: Edit, fix_texts: Callable[[bool, bool], dict[str, str]]
) -> None:
    model = fixed(edit_bundle, fix_texts(False, True), True, False)
    assert model.generate(size=13).shape == (1, 3, 13, 8)
    assert model.noise(size=(5, 8)).shape == (1, 3, 5, 8)
    assert model.energy(signals(1, 3, 5, 8)).shape == (1,)
    with pytest.raises(CoopError, match=r"^size: 'tiny' draws Nx8 only; give any number for N$"):
        model.generate(size=(13, 9))
    with pytest.raises(CoopError, match=r"x: expected the shape \(batch, 3, size, 8\), found"):
        model.energy(signals(1, 3, 8, 9))


def test_a_graph_must_have_the_fixed_sizes(edit_bundle: Edit) -> None:
    def claimed(card: Card) -> Card:
        return replace(card, signal=replace(card.signal, extendable=(True, False)))

    with pytest.raises(CoopError, match=r"expected the shape \(batch, 2, cells, 2\), found"):
        load(edit_bundle(claimed, {}), "cpu")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: replace(c, graphs={}), "expected a generator or an energy, found neither"),
        (lambda c: replace(c, latent=None), "both or none of the generator and 'latent'"),
        (lambda c: replace(c, sigma=None), "both or none of the generator and 'sigma'"),
        (lambda c: replace(c, langevin=None), "both or none of energy and 'langevin'"),
        (
            lambda c: replace(c, graphs=only(c, "generator", "energy")),
            "both or none of the generator and 'posterior'",
        ),
        (lambda c: replace(judging(c), langevin=None), "both or none of energy and 'langevin'"),
        (lambda c: encoding(judging(c)), "an encoder needs a generator"),
        (
            lambda c: replace(c, graphs=c.graphs | {"other": c.graphs["energy"]}),
            "unknown graph 'other'; known: generator",
        ),
        (
            lambda c: replace(
                c, signal=replace(c.signal, trained_shape=(8, 9), extendable=(True, False))
            ),
            "has the trained size 9, no multiple of the stride 4",
        ),
        (
            lambda c: replace(c, signal=replace(c.signal, extendable=(True,))),
            "extendable: expected 2",
        ),
        (lambda c: replace(c, signal=replace(c.signal, rate=0.0)), "rate: expected > 0, found 0"),
        (lambda c: replace(c, sigma=0.0), "sigma: expected > 0, found 0"),
        (
            lambda c: replace(c, latent=replace(c.latent, strides=(2, 4))),
            r"expected the latent's strides \[2, 4\], found \[4, 4\]",
        ),
        (
            lambda c: replace(
                c, graphs=c.graphs | {"energy": replace(c.graphs["energy"], strides=(4,))}
            ),
            "graph 'energy': expected 2 strides, found 1",
        ),
        (
            lambda c: replace(c.latent, strides=()),
            "latent.strides: expected numbers from 1 to",
        ),
        (
            lambda c: replace(c.graphs["energy"], strides=(0, 4)),
            "strides: expected numbers from 1 to 65536",
        ),
    ],
)
def test_rules_of_the_card(tiny_bundle: Path, edit: Callable[[Card], object], message: str) -> None:
    card = load(tiny_bundle, "cpu").card
    with pytest.raises(CoopError, match=message):
        edit(replace(card, files=card.files | {"encoder.onnx": card.files["energy.onnx"]}))


def test_the_card_survives_json(edit_bundle: Edit) -> None:
    card = load(edit_bundle(judging, {}), "cpu").card
    sound = replace(
        card,
        signal=Signal(
            "sound", 1, 1, (-1.0, 1.0), (-0.5, 0.5), (80,), (True,), 16000.0, (0.9, -0.5)
        ),
        graphs={"energy": replace(card.graphs["energy"], strides=(10,))},
        langevin=Langevin(steps=2, step_size=0.1),
        precision=Precision("float16", 0.05, 16, {"mean": 0.1}, 0.5),
    )
    assert Card.from_json(sound.to_json()) == sound
    with pytest.raises(CoopError, match="weights: expected one of float16, bfloat16"):
        Card.from_json(sound.to_json().replace('"float16"', '"float8"'))
    with pytest.raises(CoopError, match="kind: expected one of texture, images, sound, clips"):
        Card.from_json(sound.to_json().replace('"sound"', '"noise"'))
