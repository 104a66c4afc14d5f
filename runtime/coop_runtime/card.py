"""The card: the frozen, strictly validated contract of a bundle.

A bundle is a folder with ``card.json`` and the graphs that the card names. The
trainer writes the card, the runtime reads it; nothing else passes between them.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from .errors import BundleError, CardError, CoopError
from .parts import (
    CARD_FILE,
    Entry,
    Graph,
    HalfType,
    Langevin,
    Latent,
    Parity,
    Precision,
    Signal,
    TorchScript,
    check,
    check_scale,
)
from .reading import parse_json
from .strict import decode, encode

__all__ = [
    "CARD_FILE",
    "FORMAT",
    "GRAPHS",
    "READ",
    "Card",
    "Entry",
    "Graph",
    "HalfType",
    "Langevin",
    "Latent",
    "Parity",
    "Precision",
    "Signal",
    "TorchScript",
]

#: The version that is written; docs/format.md says what may change, and when.
FORMAT = 2
#: The versions that are read.
READ = (1, 2)

_LONGEST_NAME = 200

#: The graphs that a bundle may have.
GRAPHS = ("generator", "energy", "posterior", "encoder", "chain")


@dataclass(frozen=True)
class Card:
    """The contract of a bundle; see the attributes' classes.

    Attributes
    ----------
    format
        Version of this format, one of ``READ``.
    name
        Name of the model, one word.
    signal
        What is drawn.
    latent
        What the generator draws from; None without a generator.
    langevin
        How drafts are revised; None without an energy.
    sigma
        σ of the generator's residual: x = g(z) + ε, ε ~ N(0, σ² I); > 0; None without a generator.
    graphs
        ``generator`` and ``posterior`` (both or none), ``energy``, ``encoder`` (only with a
        generator), ``chain`` (only with an energy, whose strides it has); a generator or an energy
        at least.
    files
        Checksum and size of each file but the card.
    parity
        One report per graph.
    training
        Settings of networks and training, and how the training ended. Free form, but ``method``,
        if there, names the learning method.
    versions
        Versions of the libraries that made the bundle.
    torchscript
        The same graphs for torch; None if the bundle has only ONNX.
    precision
        How weights are stored in 16 bits, and how that was judged; None: all is float32.
    """

    format: int
    name: str
    signal: Signal
    latent: Latent | None
    langevin: Langevin | None
    sigma: float | None
    graphs: dict[str, Graph]
    files: dict[str, Entry]
    parity: dict[str, Parity] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    torchscript: TorchScript | None = None
    precision: Precision | None = None

    def __post_init__(self) -> None:
        check(
            0 < len(self.name) <= _LONGEST_NAME and self.name.isprintable(),
            f"name: expected 1 to {_LONGEST_NAME} printable characters, found {self.name!r}",
        )
        if self.sigma is not None:
            check_scale("sigma", self.sigma)
        self._check_parts()
        for path in self.files:
            inside = all(part.strip(" .") for part in path.split("/"))
            plain = inside and not set(path) & set("\\:")
            check(plain, f"files: expected paths inside the bundle, found {path!r}")
        for name, graph in self.graphs.items():
            check(graph.file in self.files, f"files: '{graph.file}' of graph '{name}' is missing")
            self._check_strides(f"graph '{name}'", graph.strides)
            if name == "chain":
                check(
                    graph.strides == self.graphs["energy"].strides,
                    "graph 'chain': expected the energy's strides",
                )
            elif self.latent is not None and name != "energy":
                check(
                    graph.strides == self.latent.strides,
                    f"graph '{name}': expected the latent's strides {list(self.latent.strides)}, "
                    f"found {list(graph.strides)}",
                )

        for where, part in (("latent", self.latent), ("langevin", self.langevin)):
            if part is not None and part.reach is not None:
                found, dims = len(part.reach), self.signal.dims
                check(found == dims, f"{where}.reach: expected {dims} numbers, found {found}")
        if self.torchscript is not None:
            self._check_torchscript(self.torchscript)

    def _check_torchscript(self, programs: TorchScript) -> None:
        graphs = {*self.graphs} - {"chain"}
        found, expected = (", ".join(sorted(names)) for names in (programs.files, graphs))
        check(found == expected, f"torchscript: expected the graphs {expected}; found {found}")
        for name, file in programs.files.items():
            check(file in self.files, f"files: '{file}' of the program '{name}' is missing")

    def _check_parts(self) -> None:
        """Check that each graph has what it needs, and nothing is there for a missing one."""
        for name in self.graphs:
            check(name in GRAPHS, f"graphs: unknown graph '{name}'; known: {', '.join(GRAPHS)}")
        generator, energy = "generator" in self.graphs, "energy" in self.graphs
        check(generator or energy, "graphs: expected a generator or an energy, found neither")
        for name, there in (
            ("posterior", "posterior" in self.graphs),
            ("latent", self.latent is not None),
            ("sigma", self.sigma is not None),
        ):
            check(there == generator, f"expected both or none of the generator and '{name}'")
        check(
            (self.langevin is not None) == energy, "expected both or none of energy and 'langevin'"
        )
        check(generator or "encoder" not in self.graphs, "graphs: an encoder needs a generator")
        check(energy or "chain" not in self.graphs, "graphs: a chain needs an energy")

    def _check_strides(self, where: str, strides: tuple[int, ...]) -> None:
        """Check strides against the signal: whole cells along axes that cannot be extended."""
        signal = self.signal
        check(
            len(strides) == signal.dims,
            f"{where}: expected {signal.dims} strides, found {len(strides)}",
        )
        for size, free, stride in zip(
            signal.trained_shape, signal.extendable, strides, strict=True
        ):
            check(
                free or size % stride == 0,
                f"{where}: an axis that cannot be extended has the trained size {size}, "
                f"no multiple of the stride {stride}",
            )

    def to_json(self) -> str:
        """Give the text of ``card.json``."""
        return json.dumps(encode(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Card":
        """Read the text of ``card.json``.

        Raises
        ------
        CardError
            Not JSON, an unknown format version, an unknown or missing key, a value out of range.
        """
        try:
            data = parse_json(text.encode() if isinstance(text, str) else text)
        except BundleError as error:
            raise CardError(f"{CARD_FILE}: {error}; fetch or export the bundle again") from None
        version = data.get("format") if isinstance(data, dict) else None
        if isinstance(version, bool) or version not in READ:
            raise CardError(
                f"{CARD_FILE}: unknown format version {repr(version)[:40]}; this coopnets "
                f"reads {' and '.join(map(str, READ))}. Export the bundle again, or update coopnets"
            )
        try:
            return decode(cls, data, CARD_FILE)
        except CardError:
            raise
        except CoopError as error:
            raise CardError(str(error)) from None
