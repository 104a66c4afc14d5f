from collections.abc import Callable
from pathlib import Path

import pytest

from coop_runtime import CoopError
from coop_runtime.strict import decode, encode
from coop_trainer.config import Config, changed_keys, configure
from coop_trainer.presets import load_preset, preset_names

TinyConfig = Callable[..., Config]


@pytest.mark.parametrize("preset", preset_names("texture"))
def test_settings_survive_json(preset: str) -> None:
    config = configure(load_preset("texture", preset))
    assert decode(Config, encode(config), "config.json") == config


def test_file_overlays_preset_and_pairs_overlay_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[coopnets]\nchains = 9\nsigma = 0.5\n[loop]\nminutes = 2\n")
    config = configure(load_preset("texture", "quick"), file=file, pairs=["coopnets.chains=7"])
    assert (config.coopnets.chains, config.coopnets.sigma, config.loop.minutes) == (7, 0.5, 2.0)
    assert config.coopnets.pool == configure(load_preset("texture", "quick")).coopnets.pool


def test_none_and_bare_words() -> None:
    config = configure(
        load_preset("texture", "quick"),
        pairs=[
            "coopnets.langevin.max_drift=none",
            "descriptor.activation=tanh",
            "loop.minutes='none'",
        ],
    )
    assert config.coopnets.langevin.max_drift is None
    assert config.descriptor.activation == "tanh"
    assert config.loop.minutes is None


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("coopnets.chain=3", "did you mean 'chains'"),
        ("nonsense.a=3", "unknown key 'nonsense'"),
        ("langvin.steps=3", r"unknown key 'langvin' \(did you mean 'langevin'\?\)"),
        ("langevin.step=3", r"^langevin: unknown key 'step' \(did you mean 'steps'\?\); known: "),
        ("langevin.steps=few", "^langevin.steps: expected a whole number, found 'few'"),
        ("langevin=3", "^langevin: expected a table, found 3"),
        ("contrast.l3=0.1", "^contrast: unknown key 'l3'; known: l2, gradient"),
        ("when.abp.contrast.l3=0.1", "^when.abp.contrast: unknown key 'l3'"),
        ("coopnets.langevin.step=3", "^settings.coopnets.langevin: unknown key 'step'"),
        ("chains", "expected key=value"),
        ("=3", "expected key=value"),
        ("seed=-1", "seed: expected a number in"),
        ("seed=one", "seed: expected a whole number"),
        ("data.crop=0", "data.crop"),
        ("data=3", "expected a table"),
        ("descriptor.activation=gelu", "expected one of relu"),
        ("generator_optimiser.ema=1.0", "ema"),
        ("generator_optimiser.rate=0.0", "rate"),
        ("loop.steps=0", "loop.steps"),
        ("loop.minutes=-1", "loop.minutes"),
        ("guard.shrink=1.0", "guard.shrink"),
    ],
)
def test_wrong_settings_are_one_line(pair: str, message: str) -> None:
    with pytest.raises(CoopError, match=message) as caught:
        configure(load_preset("texture", "quick"), pairs=[pair])
    assert "\n" not in str(caught.value)


def test_unknown_preset() -> None:
    with pytest.raises(CoopError, match="expected one of quick, paper"):
        load_preset("texture", "slow")


@pytest.mark.parametrize(("text", "message"), [("a = ", "not TOML"), (None, "cannot be read")])
def test_wrong_files(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CoopError, match=message):
        configure(load_preset("texture", "quick"), file=file)


def test_changed_keys_are_named(tiny_config: TinyConfig) -> None:
    assert changed_keys(tiny_config(), tiny_config()) == []
    other = tiny_config("loop.steps=13", "descriptor.gain=2.0")
    assert changed_keys(tiny_config(), other) == ["descriptor.gain", "loop.steps"]
