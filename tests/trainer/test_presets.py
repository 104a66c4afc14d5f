"""Presets: what they overlay, and networks that fit their signals."""

from pathlib import Path

import pytest
import torch

from coop_runtime import CoopError
from coop_trainer import presets
from coop_trainer.build import Networks, strides
from coop_trainer.config import METHODS, Config, configure
from coop_trainer.data import Kind
from coop_trainer.nets import Descriptor, Encoder, Generator
from coop_trainer.presets import (
    completed,
    load_base,
    load_networks,
    load_preset,
    network_names,
    overlaid,
    preset_names,
)

KINDS: tuple[Kind, ...] = ("texture", "images", "sound", "clips")
PRESETS = [(kind, name) for kind in KINDS for name in preset_names(kind)]
SIZES = {("images", "quick"): (28, 32, 64)}
CASES = [
    (kind, name, method, size)
    for kind, name in PRESETS
    for method in METHODS
    for size in SIZES.get((kind, name), (None,))
]
#: Of these presets' papers no encoder is known, of the sound's no descriptor either.
LACKING = {
    ("texture", "paper"): ("mcmc-triangle", "vae"),
    ("images", "faces64"): ("triangle", "mcmc-triangle", "vae"),
    ("images", "scenes64"): ("triangle", "mcmc-triangle", "vae"),
    ("images", "scenes224"): ("triangle", "mcmc-triangle", "vae"),
    ("images", "objects"): ("descriptor", "coopnets", "triangle", "mcmc-triangle", "vae", "gan"),
    ("sound", "paper"): ("descriptor", "coopnets", "triangle", "mcmc-triangle", "vae", "gan"),
}


def signal_shape(config: Config) -> tuple[int, ...]:
    """Five seconds of sound, seventy frames, or a square picture, of the preset's size."""
    side = config.data.size or 0
    whole = {"sound": (5 * config.data.rate,), "clips": (70, side, side)}
    return whole.get(config.signal, (side, side))


@pytest.mark.parametrize(("kind", "name", "method", "size"), CASES)
def test_networks_fit_the_signals_and_each_other(
    kind: str, name: str, method: str, size: int | None
) -> None:
    pairs = [f"method={method}"] + ([] if size is None else [f"data.size={size}"])
    if method in LACKING.get((kind, name), ()):
        with pytest.raises(CoopError, match=f"{method} learns a network '.*describes none"):
            configure(load_preset(kind, name), pairs=pairs)
        return
    config = configure(load_preset(kind, name), pairs=pairs)
    whole, channels = signal_shape(config), 1 if kind == "sound" or size == 28 else 3
    dims, used = len(whole), config.networks
    with torch.device("meta"), torch.no_grad():
        f = g = q = None
        if "descriptor" in used:
            f = Descriptor(config.descriptor, channels=channels, dims=dims).eval()
        if "generator" in used:
            g = Generator(config.generator, channels=channels, dims=dims).eval()
        if "encoder" in used:
            assert g is not None
            latents = g.latent_channels
            q = Encoder(
                config.encoder, channels=channels, latent_channels=latents, dims=dims
            ).eval()
        multiples = zip(whole, strides(Networks(f, g, q)), strict=True)
        shape = config.data.crop_shape(dims) or tuple(n // by * by for n, by in multiples)
        assert min(shape) > 0
        x = torch.zeros(2, channels, *shape)
        if g is not None:
            z = torch.zeros(2, *g.latent_shape(shape))
            assert g(z).shape == x.shape
            if q is not None:
                assert q(x).mean.shape == z.shape
        if f is not None:
            assert f(x).shape == (2,)


@pytest.mark.parametrize(("kind", "name"), PRESETS)
def test_a_preset_says_what_it_is(kind: str, name: str) -> None:
    config = configure(load_preset(kind, name))
    assert (config.signal, config.preset) == (kind, name)
    assert config.data.crop is None or config.method != "abp"


def test_quick_is_first() -> None:
    assert [preset_names(kind)[0] for kind in KINDS] == ["quick"] * 4
    assert preset_names("nonsense") == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_preset_lists_those_of_the_signal(kind: str) -> None:
    with pytest.raises(CoopError, match=f"for {kind}; expected one of quick, ") as caught:
        load_preset(kind, "fast")
    assert all(name in str(caught.value) for name in preset_names(kind))


def test_networks_are_taken_by_name_and_overlaid() -> None:
    table = completed({"networks": "abp-sound", "generator": {"norm": False}})
    known = load_networks("abp-sound")["generator"]
    assert table["generator"] == overlaid(known, {"norm": False})
    assert "networks" not in table
    with pytest.raises(CoopError, match=r"unknown networks 'abp'; expected one of abp-objects"):
        completed({"networks": "abp"})


def test_shared_tables_stand_for_every_methods_and_yield_to_its_own() -> None:
    table = completed({"contrast": {"l2": 3}, "coopnets": {"contrast": {"penalty_every": 2}}})
    assert table["coopnets"] == {"contrast": {"l2": 3, "penalty_every": 2}}
    assert table["triangle"] == table["mcmc_triangle"] == {"contrast": {"l2": 3}}
    assert table["algorithm_d"] == {"contrast": {"l2": 3}}
    assert "contrast" not in table


@pytest.mark.parametrize("when", [3, {}, {"abp": 3}])
def test_cases_are_tables(when: object) -> None:
    with pytest.raises(CoopError, match=r"expected tables, such as \[when\.abp\.data\]"):
        completed({"when": when})


def test_cases_overlay_by_method_and_size_and_yield_to_what_is_asked_for() -> None:
    preset = overlaid(
        load_preset("texture", "quick"),
        {"when": {"gan": {"seed": 5, "loop": {"steps": 7}}, "99": {"seed": 6}}},
    )
    assert configure(preset).seed == 0
    assert configure(preset, pairs=["method=gan"]).seed == 5
    assert configure(preset, pairs=["data.size=99"]).seed == 6
    both = configure(preset, pairs=["method=gan", "data.size=99", "loop.steps=8"])
    assert (both.seed, both.loop.steps) == (5, 8)


def test_a_file_may_say_what_a_preset_may(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'networks = "triangle-cifar10"\nmethod = "vae"\nlangevin = { steps = 3 }\n'
        "[data]\nsize = 32\n[when.gan]\nseed = 9\n[when.gan.data]\nbatch = 4\n"
    )
    preset = load_preset("images", "quick")
    config = configure(preset, file=file)
    assert (config.method, config.seed, config.data.batch) == ("vae", 0, preset["data"]["batch"])
    layers = load_networks("triangle-cifar10")["encoder"]["layers"]
    assert [list(layer)[:3] for layer in config.encoder.layers] == [layer[:3] for layer in layers]
    assert config.coopnets.langevin.steps == config.triangle.langevin.steps == 3
    gan = configure(preset, file=file, pairs=["method=gan", "data.batch=5", "langevin.steps=2"])
    assert (gan.seed, gan.data.batch, gan.coopnets.langevin.steps) == (9, 5, 2)


def test_whole_pictures_have_a_size_that_the_networks_are_for(tmp_path: Path) -> None:
    quick, file = load_preset("images", "quick"), tmp_path / "mine.toml"
    for size in ("96", "none"):
        with pytest.raises(CoopError, match="'quick' has networks for squares of 28, 32, 64 pix"):
            configure(quick, pairs=[f"data.size={size}"])
    assert configure(quick, pairs=["data.size=96", "data.crop=32"]).data.size == 96
    file.write_text('networks = "triangle-celeba64"\n')
    assert configure(quick, file=file, pairs=["data.size=96"]).data.size == 96
    file.write_text("[when.96.descriptor]\nbranches = [{ pool = 1, layers = [[1, 96, 96]] }]\n")
    with pytest.raises(CoopError, match=r"not for 96: .* your own generator\.levels in"):
        configure(quick, file=file, pairs=["data.size=96"])


@pytest.mark.parametrize(("kind", "name"), PRESETS)
def test_a_copy_of_a_preset_is_a_file(kind: Kind, name: str) -> None:
    file = Path(presets.__file__).parent / kind / f"{name}.toml"
    wanted = configure(load_preset(kind, name))
    overlay = {**load_base(), "signal": kind, "preset": name}
    assert configure(overlay, file=file) == wanted


def test_every_preset_of_networks_is_named() -> None:
    assert "triangle-mnist" in network_names()
    assert network_names() == sorted(network_names())
