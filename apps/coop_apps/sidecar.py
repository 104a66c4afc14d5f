"""Sidecars: beside every result ``out.png`` a file ``out.png.json`` that says how it was made."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import click

import coop_runtime
from coop_runtime import Card, CoopError
from coop_runtime.card import CARD_FILE
from coop_runtime.reading import is_plain, parse_json
from coop_runtime.strict import decode, encode

from .inputs import STANDARD, fingerprint

__all__ = [
    "FILES",
    "Made",
    "Origin",
    "Record",
    "check_names",
    "read_sidecar",
    "sidecar_of",
    "write_sidecar",
]

#: Settings that are names of files.
FILES = ("mask",)
_NOT_SETTINGS = ("out", "as_json", "sidecar", "seed")
_LARGEST = 2**24  # bytes
_LONGEST_PATH = 2**16


@dataclass(frozen=True)
class Origin:
    """The bundle: its folder, its name, and the SHA-256 of its card, which has the other files'."""

    folder: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Made:
    """The result: its name, and its SHA-256."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Record:
    """How a result was made. Paths are relative to the sidecar's folder.

    Attributes
    ----------
    coopnets
        Version.
    command
        Of ``coop-run``.
    bundle, output
        What made it, and what was made.
    seed
        Of the random numbers; 0 where there are none.
    arguments
        The command's arguments after the bundle.
    settings
        Its options by name, as they came to be; None where there is nothing to say.
    files
        SHA-256 of every file that was read, inputs and masks.
    """

    coopnets: str
    command: str
    bundle: Origin
    output: Made
    seed: int
    arguments: tuple[str, ...]
    settings: dict[str, Any]
    files: dict[str, str]

    def moved(self, old: Path, new: Path, file: str) -> "Record":
        """Give the record for a result ``file`` in folder ``new`` instead of ``old``."""

        def there(name: Any) -> Any:
            return _relative(old / name, new) if name in self.files else name

        return replace(
            self,
            bundle=replace(self.bundle, folder=_relative(old / self.bundle.folder, new)),
            output=replace(self.output, file=file),
            arguments=tuple(map(there, self.arguments)),
            settings={k: there(v) if k in FILES else v for k, v in self.settings.items()},
            files={there(name): sha256 for name, sha256 in self.files.items()},
        )

    def made_as(self, sha256: str) -> "Record":
        """Give the record of a result with other bytes, made by this version."""
        if sha256 == self.output.sha256:
            return self
        output = replace(self.output, sha256=sha256)
        return replace(self, output=output, coopnets=coop_runtime.__version__)

    def write(self, path: Path) -> None:
        """Write it to ``path``, whole or not at all."""
        text = json.dumps(encode(self), indent=2, ensure_ascii=False) + "\n"
        coop_runtime.write_atomically(path, text.encode())


def sidecar_of(path: Path) -> Path:
    """Give the name of the sidecar of a result.

    Examples
    --------
    >>> sidecar_of(Path("out.png")).name
    'out.png.json'
    """
    return path.with_name(f"{path.name}.json")


def check_names(*names: str | Path) -> None:
    """Refuse, before computing, names that no sidecar can hold.

    Raises
    ------
    CoopError
        One, or that of a folder it is in, is not UTF-8, or has control characters.
    """
    for name in names:
        if not is_plain(str(Path(name).absolute())):
            raise CoopError(
                f"{str(name)!a}: a sidecar cannot hold names that are not UTF-8, or have "
                "control characters; rename it, or add --no-sidecar"
            )


def write_sidecar(
    path: Path,
    bundle: Path,
    card: Card,
    device: str,
    *,
    arguments: tuple[str, ...] = (),
    files: Mapping[str, str] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Write the sidecar of a result that the present click command has written.

    Parameters
    ----------
    path
        The result.
    bundle, card, device
        Of the model that made it.
    arguments
        Of a command that makes this result alone, after the bundle.
    files
        SHA-256 of the files that were read; they may stand in ``arguments`` and ``changes``.
    changes
        Options of that command where they differ from the present one's.
    """
    context, files = click.get_current_context(), files or {}
    options = [p.name for p in context.command.params if isinstance(p, click.Option)]
    given = context.params | {"device": device} | dict(changes or {})
    settings = {k: given[k] for k in sorted(filter(None, options)) if k not in _NOT_SETTINGS}
    here = {name: name if name == STANDARD else str(Path(name).absolute()) for name in files}
    record = Record(
        coop_runtime.__version__,
        context.command.name or "",
        Origin(str(bundle.absolute()), card.name, fingerprint(bundle / CARD_FILE)),
        Made(path.name, fingerprint(path)),
        int(given.get("seed", 0)),
        tuple(here.get(a, a) for a in arguments),
        {k: here.get(v, v) if k in FILES else v for k, v in _filled(settings, card).items()},
        {here[name]: sha256 for name, sha256 in files.items()},
    )
    folder = path.absolute().parent
    record.moved(folder, folder, path.name).write(sidecar_of(path))


def read_sidecar(path: Path) -> Record:
    """Read a sidecar.

    Raises
    ------
    CoopError
        Not there, or not a sidecar.
    """
    if not path.is_file():
        raise CoopError(f"no such sidecar: '{path}'; give the .json file beside a result")
    if sidecar_of(path).is_file():
        raise CoopError(f"'{path}' is a result; give its sidecar, '{sidecar_of(path)}'")
    if path.stat().st_size > _LARGEST:
        raise CoopError(f"'{path}': no sidecar, it is too large")
    try:
        record = decode(
            Record, parse_json(path.read_bytes(), longest_key=_LONGEST_PATH), "the sidecar"
        )
    except CoopError as error:
        raise CoopError(f"'{path}': {error}") from None
    if record.output.file != PurePath(record.output.file).name:
        raise CoopError(f"'{path}': expected a plain file name, found '{record.output.file}'")
    return record


def _filled(settings: dict[str, Any], card: Card) -> dict[str, Any]:
    """Say what the card chose: Langevin steps of a revision, and whether they have noise."""
    if card.langevin is None:
        return settings
    steps, noise = card.langevin.steps, card.langevin.noise
    chosen = {"refine": steps, "steps": steps, "noise": noise}
    known = {key: value for key, value in chosen.items() if settings.get(key, 0) is None}
    return settings | known


def _relative(path: Path, folder: Path) -> str:
    if path.name == STANDARD:
        return STANDARD
    name = PurePath(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    return f"./{name}" if name.isdigit() else name  # a number alone is a seed
