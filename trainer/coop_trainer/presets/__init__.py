"""Complete settings by name, as TOML files in this folder: copy one, change it, `--config` it.

``base.toml`` holds what all share; ``SIGNAL/NAME.toml`` overlays it. A preset may take the papers'
networks from ``networks/`` (``networks = "triangle-mnist"``), and overlay itself for one method or
one size of pictures (``[when.abp.data]``, ``[when.64.generator]``). Its tables ``langevin`` and
``contrast`` stand for those of every method that has them.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from coop_runtime.errors import CoopError

REVISING = ("algorithm_d", "coopnets", "triangle", "mcmc_triangle")
SHARED = ("langevin", "contrast")
#: Keys of a preset that `completed` takes out, beside ``when``.
SHORT = ("networks", *SHARED)

__all__ = [
    "REVISING",
    "SHARED",
    "SHORT",
    "completed",
    "load_base",
    "load_networks",
    "load_preset",
    "network_names",
    "overlaid",
    "preset_names",
]


def preset_names(signal: str) -> list[str]:
    """List the presets for a kind of signal, ``quick`` first."""
    names = _names(_folder().joinpath(signal))
    return sorted(names, key=lambda name: (name != "quick", name))


def load_preset(signal: str, name: str) -> dict[str, Any]:
    """Give the table of a preset.

    Raises
    ------
    CoopError
        There is no preset of that name for that kind of signal.
    """
    if name not in preset_names(signal):
        known = ", ".join(preset_names(signal))
        raise CoopError(f"unknown preset '{name}' for {signal}; expected one of {known}")
    base = load_base()
    table = completed(_read(_folder().joinpath(signal, f"{name}.toml")))
    return overlaid(overlaid(base, table), {"signal": signal, "preset": name})


def load_base() -> dict[str, Any]:
    """Give the table that all presets overlay; its networks only hold the place of real ones."""
    return overlaid({}, completed(_read(_folder().joinpath("base.toml"))))


def network_names() -> list[str]:
    """List the papers' networks."""
    return sorted(_names(_folder().joinpath("networks")))


def load_networks(name: str) -> dict[str, Any]:
    """Give the papers' networks of that name: tables ``descriptor``, ``generator``, ``encoder``.

    Only those that the paper gives; as in presets, ``"none"`` stands for no value.

    Raises
    ------
    CoopError
        There are no networks of that name.

    Examples
    --------
    >>> load_networks("abp-sound")["generator"]["levels"]
    [[256, 25, 10], [128, 25, 10], [64, 25, 10]]
    """
    if name not in network_names():
        known = ", ".join(network_names())
        raise CoopError(f"unknown networks '{name}'; expected one of {known}")
    return _read(_folder().joinpath("networks", f"{name}.toml"))


def overlaid(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Overlay tables key by key; anything else is replaced. TOML has no null: write "none".

    Examples
    --------
    >>> overlaid({"data": {"size": 32, "batch": 4}}, {"data": {"size": "none"}})
    {'data': {'size': None, 'batch': 4}}
    """
    merged = dict(base)
    for key, value in overlay.items():
        if isinstance(value, Mapping):
            old = base.get(key)
            merged[key] = overlaid(old if isinstance(old, Mapping) else {}, value)
        else:
            merged[key] = None if value == "none" else value
    return merged


def completed(table: Mapping[str, Any]) -> dict[str, Any]:
    """Put networks in the place of their names, and shared tables into the methods'.

    Raises
    ------
    CoopError
        There are no networks of that name, or ``when`` holds something else than tables.

    Examples
    --------
    >>> table = completed({"langevin": {"steps": 5}, "coopnets": {"chains": 2}})
    >>> table["coopnets"], table["triangle"]
    ({'langevin': {'steps': 5}, 'chains': 2}, {'langevin': {'steps': 5}})
    """
    own = {k: v for k, v in table.items() if k not in ("when", *SHORT)}
    if "networks" in table:
        own = overlaid(load_networks(table["networks"]), own)
    shared = {key: table[key] for key in SHARED if key in table}
    if shared:
        own = overlaid(dict.fromkeys(REVISING, shared), own)
    if "when" in table:
        own["when"] = {case: completed(part) for case, part in _cases(table["when"])}
    return own


def _cases(when: object) -> list[tuple[str, Mapping[str, Any]]]:
    """Give the overlays of a table ``when``, by size or method."""
    cases = list(when.items()) if isinstance(when, Mapping) else []
    if not cases or not all(isinstance(part, Mapping) for _, part in cases):
        raise CoopError("when: expected tables, such as [when.abp.data]")
    return cases


def _folder() -> Traversable:
    return resources.files(__name__)


def _names(folder: Traversable) -> list[str]:
    files = folder.iterdir() if folder.is_dir() else ()
    return [f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml")]


def _read(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))
