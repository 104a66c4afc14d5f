"""Settings of a run: one frozen dataclass, from a preset, a TOML file and ``key=value`` pairs."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coop_runtime.errors import CoopError
from coop_runtime.strict import decode, encode

from .asked import asked_for
from .compute import ComputeConfig
from .data import Kind
from .growth import GrowthConfig
from .guard import GuardConfig
from .langevin import LangevinConfig
from .methods.abp import AbpConfig
from .methods.coopnets import CoopNetsConfig
from .methods.descriptor import AlgorithmDConfig
from .methods.gan import GanConfig
from .methods.mcmc_triangle import McmcTriangleConfig
from .methods.triangle import TriangleConfig
from .methods.vae import VaeConfig
from .nets import DescriptorConfig, EncoderConfig, GeneratorConfig
from .optimise import Network
from .presets import SHORT, load_base, overlaid
from .sections import DataConfig, LoopConfig, OptimiserConfig

__all__ = [
    "METHODS",
    "TABLES",
    "Config",
    "Method",
    "changed_keys",
    "configure",
]

Method = Literal["descriptor", "abp", "coopnets", "triangle", "mcmc-triangle", "vae", "gan"]

#: The learning algorithms, and the networks that each of them learns, in the order of building.
METHODS: dict[Method, tuple[Network, ...]] = {
    "descriptor": ("descriptor",),
    "abp": ("generator",),
    "coopnets": ("descriptor", "generator"),
    "triangle": ("descriptor", "generator", "encoder"),
    "mcmc-triangle": ("descriptor", "generator", "encoder"),
    "vae": ("generator", "encoder"),
    "gan": ("descriptor", "generator"),
}

#: The table of each method's own settings.
TABLES: dict[Method, str] = {
    "descriptor": "algorithm_d",
    "abp": "abp",
    "coopnets": "coopnets",
    "triangle": "triangle",
    "mcmc-triangle": "mcmc_triangle",
    "vae": "vae",
    "gan": "gan",
}

#: The key that describes the layers of a network.
LAYOUT = {"descriptor": "branches", "generator": "levels", "encoder": "layers"}


@dataclass(frozen=True)
class Config:
    """All settings of one run; `configure` makes it.

    Settings of networks and methods that the run does not use are there and mean nothing.
    ``growth`` is None where networks are whole from the beginning.
    """

    signal: Kind
    method: Method
    preset: str
    seed: int
    data: DataConfig
    descriptor: DescriptorConfig
    generator: GeneratorConfig
    encoder: EncoderConfig
    algorithm_d: AlgorithmDConfig
    abp: AbpConfig
    coopnets: CoopNetsConfig
    triangle: TriangleConfig
    mcmc_triangle: McmcTriangleConfig
    vae: VaeConfig
    gan: GanConfig
    descriptor_optimiser: OptimiserConfig
    generator_optimiser: OptimiserConfig
    encoder_optimiser: OptimiserConfig
    loop: LoopConfig
    guard: GuardConfig
    compute: ComputeConfig = dataclasses.field(default_factory=ComputeConfig)
    growth: GrowthConfig | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise CoopError(f"seed: expected a number in [0, 2⁶³), found {self.seed}")
        if self.method == "abp" and self.data.crop is not None:
            raise CoopError(
                "data.crop: abp keeps a latent of each example, which must be whole: "
                "--set data.crop=none"
            )

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that the method learns."""
        return METHODS[self.method]

    @property
    def langevin(self) -> LangevinConfig | None:
        """How the method's descriptor revises signals; None where it has no energy."""
        match self.method:
            case "descriptor":
                return self.algorithm_d.langevin
            case "coopnets":
                return self.coopnets.langevin
            case "triangle":
                return self.triangle.langevin if self.triangle.energy else None
            case "mcmc-triangle":
                return self.mcmc_triangle.langevin
            case _:
                return None

    @property
    def sigma(self) -> float:
        """σ of the generator's residual, for the posterior; a GAN has none and takes CoopNets'."""
        match self.method:
            case "abp":
                return self.abp.sigma
            case "triangle":
                return self.triangle.sigma
            case "mcmc-triangle":
                return self.mcmc_triangle.sigma
            case "vae":
                return self.vae.sigma
            case _:
                return self.coopnets.sigma


def configure(
    preset: Mapping[str, Any],
    *,
    file: Path | None = None,
    pairs: Sequence[str] = (),
) -> Config:
    """Give the settings: ``preset``, overlaid by a TOML file, overlaid by ``key=value`` pairs.

    Parameters
    ----------
    preset
        A complete table, as in `coop_trainer.presets`. Its tables ``when.SIZE`` and
        ``when.METHOD`` overlay it if ``data.size`` and ``method`` turn out to be these.
    file
        TOML with the same tables; every key is optional. Whatever a preset may say, it may too:
        ``networks``, ``langevin`` and ``contrast`` for all methods, ``when``.
    pairs
        Such as ``"coopnets.langevin.steps=30"``; the value is TOML, a bare word is a text.

    Raises
    ------
    CoopError
        No such file, not TOML, an unknown key, a value of the wrong type or out of range; or
        neither preset nor file describe a network that the method learns, for pictures of a set
        of their size.
    """
    *files, changes = asked_for(file, pairs)
    wanted = _overlaid_all([preset, *files, changes])
    data = wanted.get("data")
    size = data.get("size") if isinstance(data, Mapping) else None
    cases = (str(size), str(wanted.get("method")))

    def parts(layer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [layer, *(layer.get("when", {}).get(case, {}) for case in cases)]

    own = _overlaid_all([*(part for layer in files for part in parts(layer)), changes])
    config = decode(Config, _overlaid_all([*parts(preset), own]), "settings", (*SHORT, "when"))
    _check_networks(config)
    _check_size(config, preset, own)
    return config


def _check_networks(config: Config) -> None:
    """Refuse a method that learns a network which the preset does not describe."""
    base = load_base()
    for name in config.networks:
        network = getattr(config, name)
        if network == decode(type(network), base[name], name):
            raise CoopError(
                f"{config.method} learns a network '{name}', and the preset '{config.preset}' for "
                f"{config.signal} describes none: give --preset quick, another --method, or a "
                f"table [{name}] in a --config file"
            )


def _check_size(config: Config, preset: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse whole pictures of a size that neither the preset's networks nor ``own`` are for.

    On pictures of a multiple of their size, networks would draw tiles that know nothing of each
    other.
    """
    sizes = {preset["data"]["size"], *(int(c) for c in preset.get("when", {}) if c.isdigit())}
    whole, size = config.signal == "images" and config.data.crop is None, config.data.size
    lacking = [name for name in config.networks if LAYOUT[name] not in own.get(name, {})]
    if whole and size not in sizes and lacking:
        raise CoopError(
            f"the preset '{config.preset}' has networks for squares of "
            f"{', '.join(map(str, sorted(sizes)))} pixels, not for {size or 'other pictures'}: "
            "give --size with one of these, another --preset, or your own "
            f"{' and '.join(f'{name}.{LAYOUT[name]}' for name in lacking)} in a --config file"
        )


def _overlaid_all(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Overlay each table by the next, but for what they hold for some cases only."""
    whole: dict[str, Any] = {}
    for layer in layers:
        whole = overlaid(whole, {key: value for key, value in layer.items() if key != "when"})
    return whole


def changed_keys(old: object, new: object, prefix: str = "") -> list[str]:
    """Name the settings in which two configs differ, dotted.

    Examples
    --------
    >>> changed_keys({"loop": {"steps": 1, "hold": 0.5}}, {"loop": {"steps": 2, "hold": 0.5}})
    ['loop.steps']
    """
    old, new = (encode(o) if dataclasses.is_dataclass(o) else o for o in (old, new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(k for k in new if k not in old)]
        return [
            name
            for key in keys
            for name in changed_keys(old.get(key), new.get(key), f"{prefix}{key}.")
        ]
    return [] if old == new else [prefix.rstrip(".")]
