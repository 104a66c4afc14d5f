"""The card: the frozen, strictly validated contract of a bundle.

A bundle is a folder with ``card.json`` and the graphs that the card names. The
trainer writes the card, the runtime reads it; nothing else passes between them.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from .errors import CoopError
from .strict import decode, encode

__all__ = [
    "CARD_FILE",
    "FORMAT",
    "Card",
    "Entry",
    "Graph",
    "Langevin",
    "Latent",
    "Parity",
    "Signal",
]

FORMAT = 1
CARD_FILE = "card.json"


@dataclass(frozen=True)
class Signal:
    """What the model draws.

    Attributes
    ----------
    kind
        Kind of signal: ``"texture"``.
    dims
        Number of spatial dimensions: 1 (sound), 2 (picture) or 3 (clip).
    channels
        Channels of the signal: 1 for grey, 3 for colour.
    value_range
        Ends of the range in which the graphs take and give signals, e.g. (−1, 1).
    source_range
        What these two ends stand for in the units of the source, e.g. grey levels in [0, 255].
    trained_shape
        Spatial shape of the training crops, ``dims`` numbers.
    """

    kind: str
    dims: int
    channels: int
    value_range: tuple[float, float]
    source_range: tuple[float, float]
    trained_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        _check(self.dims in (1, 2, 3), f"signal.dims: expected 1, 2 or 3, found {self.dims}")
        _check(self.channels >= 1, f"signal.channels: expected ≥ 1, found {self.channels}")
        _check(
            len(self.trained_shape) == self.dims and min(self.trained_shape) >= 1,
            f"signal.trained_shape: expected {self.dims} positive numbers",
        )
        for name in ("value_range", "source_range"):
            low, high = getattr(self, name)
            _check(low < high, f"signal.{name}: expected low < high, found {low}, {high}")


@dataclass(frozen=True)
class Latent:
    """The latent z ~ N(0, I): shape (batch, channels, h, …).

    Each cell stands for ``stride`` signal samples along every axis.
    """

    channels: int
    stride: int

    def __post_init__(self) -> None:
        _check(self.channels >= 1, f"latent.channels: expected ≥ 1, found {self.channels}")
        _check(self.stride >= 1, f"latent.stride: expected ≥ 1, found {self.stride}")


@dataclass(frozen=True)
class Langevin:
    """Defaults of Langevin revision, CoopNets equation (4).

    x ← clamp(x − clip(½δ²∇E(x), ±max_drift) + δ·n), n ~ N(0, I).

    Attributes
    ----------
    steps
        Number of steps, ≥ 0.
    step_size
        δ, > 0, in units of the signal's value range.
    noise
        Whether the δ·n term is added.
    max_drift
        Largest absolute drift of one entry in one step; None for no limit.
    clamp
        Whether states are clamped to the signal's value range.
    """

    steps: int
    step_size: float
    noise: bool = True
    max_drift: float | None = None
    clamp: bool = False

    def __post_init__(self) -> None:
        _check(self.steps >= 0, f"langevin.steps: expected ≥ 0, found {self.steps}")
        _check(self.step_size > 0, f"langevin.step_size: expected > 0, found {self.step_size}")
        _check(
            self.max_drift is None or self.max_drift > 0,
            f"langevin.max_drift: expected > 0, found {self.max_drift}",
        )


@dataclass(frozen=True)
class Entry:
    """Checksum and size of one file of the bundle."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        hexadecimal = len(self.sha256) == 64 and set(self.sha256) <= set("0123456789abcdef")
        _check(hexadecimal, "files: a sha256 is not 64 lower-case hexadecimal digits")
        _check(self.bytes >= 0, f"files: expected a size ≥ 0, found {self.bytes}")


@dataclass(frozen=True)
class Graph:
    """One ONNX graph: file name, and the name and shape of each input and output.

    A shape is a tuple of numbers (fixed) and names (free axes), e.g. ``("batch", 1, "h", "w")``;
    ``stride``: the signal's spatial sizes must be multiples of it (for the generator, which
    takes latent cells, it is the latent stride).
    """

    file: str
    stride: int
    inputs: dict[str, tuple[int | str, ...]]
    outputs: dict[str, tuple[int | str, ...]]

    def __post_init__(self) -> None:
        plain = self.file not in ("", ".", "..") and not set(self.file) & set("/\\:")
        _check(plain, f"graphs: expected a file name inside the bundle, found {self.file!r}")
        _check(self.stride >= 1, f"graphs: expected a stride ≥ 1, found {self.stride}")


@dataclass(frozen=True)
class Parity:
    """How far ONNX Runtime's results were from torch's when the bundle was exported.

    ``max_relative_error`` is the largest |onnx − torch| / max |torch| over all outputs and
    cases; ``cases`` says, for each, the batch, the spatial shape and the error per output.
    """

    max_relative_error: float
    cases: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Card:
    """The contract of a bundle; see the attributes' classes.

    Attributes
    ----------
    format
        Version of this format; this code reads ``FORMAT``.
    name
        Name of the model, one word.
    signal, latent, langevin
        What is drawn, from what, and how drafts are revised.
    sigma
        σ of the generator's residual: x = g(z) + ε, ε ~ N(0, σ² I); > 0.
    graphs
        ``generator``, ``energy`` and ``posterior``.
    files
        Checksum and size of each file but the card.
    parity
        One report per graph.
    training
        Settings of networks and training, and how the training ended. Free form.
    versions
        Versions of the libraries that made the bundle.
    """

    format: int
    name: str
    signal: Signal
    latent: Latent
    langevin: Langevin
    sigma: float
    graphs: dict[str, Graph]
    files: dict[str, Entry]
    parity: dict[str, Parity] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self.sigma > 0, f"sigma: expected > 0, found {self.sigma}")
        for name in ("generator", "energy", "posterior"):
            _check(name in self.graphs, f"graphs: the graph '{name}' is missing")
        for name, graph in self.graphs.items():
            _check(graph.file in self.files, f"files: '{graph.file}' of graph '{name}' is missing")

    def to_json(self) -> str:
        """Give the text of ``card.json``."""
        return json.dumps(encode(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Card":
        """Read the text of ``card.json``.

        Raises
        ------
        CoopError
            Not JSON, an unknown format version, an unknown or missing key, a value out of range.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise CoopError(f"{CARD_FILE}: not JSON ({error}); export the bundle again") from None
        version = data.get("format") if isinstance(data, dict) else None
        if version != FORMAT:
            raise CoopError(
                f"{CARD_FILE}: unknown format version {version!r}; this coopnets reads version "
                f"{FORMAT}. Export the bundle again, or update coopnets."
            )
        return decode(cls, data, CARD_FILE)


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise CoopError(f"{CARD_FILE}: {message}")
