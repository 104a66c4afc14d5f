"""Settings of a run: one frozen dataclass, from a preset, a TOML file and ``key=value`` pairs."""

import dataclasses
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coop_runtime.errors import CoopError
from coop_runtime.strict import decode, encode

from .guard import GuardConfig
from .methods.coopnets import CoopNetsConfig
from .nets import DescriptorConfig, GeneratorConfig

__all__ = ["Config", "DataConfig", "LoopConfig", "OptimiserConfig", "changed_keys", "configure"]


@dataclass(frozen=True)
class DataConfig:
    """What the networks see.

    Attributes
    ----------
    size
        Shorter side in pixels to which a picture is scaled; None keeps its size.
    crop
        Side of the square training crops.
    batch
        Crops per descriptor update.
    noise
        Standard deviation of the noise added to crops, in units of the range [−1, 1].
    """

    size: int | None
    crop: int
    batch: int
    noise: float

    def __post_init__(self) -> None:
        for name in ("size", "crop", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise CoopError(f"data.{name}: expected ≥ 1, found {value}")
        if not 0 <= self.noise < 1:
            raise CoopError(f"data.noise: expected a number in [0, 1), found {self.noise}")


@dataclass(frozen=True)
class OptimiserConfig:
    """How one network takes its steps.

    Attributes
    ----------
    kind
        ``"adam"`` or, as in the paper, ``"sgd"``.
    rate
        Learning rate γ before decay.
    betas
        Adam's moment decays; of SGD, the first is the momentum.
    clip
        Largest gradient norm; None for no limit.
    ema
        Decay per update of the averaged weights that are exported; 0 for none.
    """

    kind: Literal["adam", "sgd"]
    rate: float
    betas: tuple[float, float]
    clip: float | None
    ema: float

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise CoopError(f"rate: expected > 0, found {self.rate}")
        if self.clip is not None and not self.clip > 0:
            raise CoopError(f"clip: expected > 0, found {self.clip}")
        if not (0 <= self.ema < 1 and all(0 <= b < 1 for b in self.betas)):
            raise CoopError("ema and betas: expected numbers in [0, 1)")


@dataclass(frozen=True)
class LoopConfig:
    """How long a run goes on, and how its learning rates fall.

    Attributes
    ----------
    steps
        Number of iterations.
    minutes
        Time limit; the run ends, and the rates fall, by whichever of the two is nearer to its
        end. A run that the clock ends is not reproducible; one that ``steps`` ends is.
    hold
        Share of the run at the full learning rate; then it falls linearly.
    final_rate
        Learning rate at the end, as a share of the first one.
    checkpoint_minutes
        Time between checkpoints.
    """

    steps: int
    minutes: float | None
    hold: float
    final_rate: float
    checkpoint_minutes: float

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise CoopError(f"loop.steps: expected ≥ 1, found {self.steps}")
        if self.minutes is not None and not self.minutes > 0:
            raise CoopError(f"loop.minutes: expected > 0, found {self.minutes}")
        if not (0 <= self.hold <= 1 and 0 <= self.final_rate <= 1):
            raise CoopError("loop.hold and loop.final_rate: expected numbers in [0, 1]")
        if not self.checkpoint_minutes > 0:
            raise CoopError("loop.checkpoint_minutes: expected > 0")


@dataclass(frozen=True)
class Config:
    """All settings of one run; `configure` makes it."""

    method: Literal["coopnets"]
    preset: str
    seed: int
    data: DataConfig
    descriptor: DescriptorConfig
    generator: GeneratorConfig
    coopnets: CoopNetsConfig
    descriptor_optimiser: OptimiserConfig
    generator_optimiser: OptimiserConfig
    loop: LoopConfig
    guard: GuardConfig

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise CoopError(f"seed: expected a number in [0, 2⁶³), found {self.seed}")


def configure(
    preset: Mapping[str, Any], *, file: Path | None = None, pairs: Sequence[str] = ()
) -> Config:
    """Give the settings: ``preset``, overlaid by a TOML file, overlaid by ``key=value`` pairs.

    Parameters
    ----------
    preset
        A complete table, as in `coop_trainer.presets`.
    file
        TOML with the same tables; every key is optional.
    pairs
        Such as ``"coopnets.langevin.steps=30"``; the value is TOML, a bare word is a text.

    Raises
    ------
    CoopError
        No such file, not TOML, an unknown key, a value of the wrong type or out of range.
    """
    table = _merged({}, preset)
    if file is not None:
        try:
            overlay = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CoopError(f"{file}: not TOML ({error})") from None
        except OSError as error:
            raise CoopError(
                f"{file}: cannot be read ({error.strerror}); give a TOML file"
            ) from None
        table = _merged(table, overlay)
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise CoopError(f"--set {pair}: expected key=value, such as coopnets.sigma=0.3")
        nested: Any = _toml_value(text)
        for part in reversed(key.strip().split(".")):
            nested = {part: nested}
        table = _merged(table, nested)
    return decode(Config, table, "settings")


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


def _toml_value(text: str) -> object:
    if text.strip() in ("none", "null"):
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _merged(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Overlay tables key by key; anything else is replaced. TOML has no null: write "none"."""
    merged = dict(base)
    for key, value in overlay.items():
        if isinstance(value, Mapping):
            old = base.get(key)
            merged[key] = _merged(old if isinstance(old, Mapping) else {}, value)
        else:
            merged[key] = None if value == "none" else value
    return merged
