"""The parts of a card: what is drawn, from what, how it is revised, and its files."""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .errors import CardError

__all__ = [
    "CARD_FILE",
    "Entry",
    "Graph",
    "HalfType",
    "Langevin",
    "Latent",
    "Parity",
    "Precision",
    "Signal",
    "TorchScript",
    "check",
    "check_scale",
]

CARD_FILE = "card.json"

#: How numbers of 16 bits are stored.
HalfType = Literal["float16", "bfloat16"]

# What a stranger's card may claim: arrays of these sizes are made of it.
_MOST_CHANNELS, _LARGEST_STRIDE, _MOST_ENTRIES = 2**12, 2**16, 2**26
_MOST_STEPS = 10**6
_MOST_COLOURS, _MOST_UNEVEN = 16, 1e6
_LARGEST_REACH = 2**20  # no network of this size looks further

# What float32 computes with, squared and divided by.
_SMALLEST, _LARGEST = 1e-9, 1e9


@dataclass(frozen=True)
class Signal:
    """What the model draws.

    Attributes
    ----------
    kind
        What it was learned from.
    dims
        Number of spatial dimensions. Axes are (time,), (height, width) or (time, height, width).
    channels
        Channels of the signal, e.g. 1 for grey, 3 for colour.
    value_range
        Ends of the range in which the graphs take and give signals, e.g. (−1, 1).
    source_range
        What these two ends stand for in the units of the source, e.g. grey levels in [0, 255].
    trained_shape
        Spatial shape of the training examples, ``dims`` numbers.
    extendable
        For each axis, whether other sizes than that of ``trained_shape`` can be drawn and judged.
    rate
        Samples per second of a sound, or frames per second of a clip, > 0; None if unknown, and
        for pictures.
    whitening
        Of a whitened sound, the prediction that it lacks (`coop_runtime.whitening`): the graphs,
        ``value_range`` and ``source_range`` are about what remains. Empty: the sound itself.
    colours
        Of pictures in principal colours, what their channels are mixed of (`coop_runtime.colours`):
        for each channel a row b₁ … b_C, m. The graphs take and give x within ``value_range``; the
        channels are m + Σ bₖ xₖ, in units in which ``value_range`` stands for ``source_range``.
        Empty: x are the channels.
    """

    kind: Literal["texture", "images", "sound", "clips"]
    dims: int
    channels: int
    value_range: tuple[float, float]
    source_range: tuple[float, float]
    trained_shape: tuple[int, ...]
    extendable: tuple[bool, ...]
    rate: float | None = None
    whitening: tuple[float, ...] = ()
    colours: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        check(self.dims in (1, 2, 3), f"signal.dims: expected 1, 2 or 3, found {self.dims}")
        check(
            1 <= self.channels <= _MOST_CHANNELS,
            f"signal.channels: expected 1 to {_MOST_CHANNELS}, found {self.channels}",
        )
        check(
            len(self.trained_shape) == self.dims and min(self.trained_shape) >= 1,
            f"signal.trained_shape: expected {self.dims} positive numbers",
        )
        check(
            math.prod(self.trained_shape) * self.channels <= _MOST_ENTRIES,
            f"signal.trained_shape: expected at most {_MOST_ENTRIES} entries",
        )
        check(len(self.extendable) == self.dims, f"signal.extendable: expected {self.dims} values")
        if self.rate is not None:
            check_scale("signal.rate", self.rate)
        check(not self.whitening or self.kind == "sound", "signal.whitening: only sounds have it")
        for name in ("value_range", "source_range"):
            low, high = getattr(self, name)
            check(low < high, f"signal.{name}: expected low < high, found {low}, {high}")
            check(max(-low, high) <= _LARGEST, f"signal.{name}: expected at most ±{_LARGEST:g}")
        check(max(map(abs, self.whitening), default=0) <= _LARGEST, "signal.whitening: too large")
        if self.colours:
            self._check_colours()

    def _check_colours(self) -> None:
        n = self.channels
        check(1 < n <= _MOST_COLOURS, f"signal.colours: not of {n} channels")
        check(not self.whitening, "signal.colours: whitened sounds have none")
        check(
            [len(row) for row in self.colours] == [n + 1] * n,
            f"signal.colours: expected {n} rows of {n + 1} numbers",
        )
        check(max(abs(b) for row in self.colours for b in row) <= 1e3, "signal.colours: too large")
        matrix = [row[:-1] for row in self.colours]
        check(bool(np.linalg.cond(matrix) <= _MOST_UNEVEN), "signal.colours: not to be undone")


@dataclass(frozen=True)
class Latent:
    """The latent z ~ N(0, I): shape (batch, channels, h, …).

    Attributes
    ----------
    channels
        Of each cell.
    strides
        Signal samples that a cell stands for, along each axis.
    reach
        Along each axis, the cells on either side of a cell on which its signal samples depend; None
        if unknown, and then what is larger than memory cannot be drawn.
    wraps
        Whether the generator takes the cells at one end for neighbours of those at the other
        (circular padding), so that what it draws continues into itself.
    """

    channels: int
    strides: tuple[int, ...]
    reach: tuple[int, ...] | None = None
    wraps: bool = False

    def __post_init__(self) -> None:
        check(
            1 <= self.channels <= _MOST_CHANNELS,
            f"latent.channels: expected 1 to {_MOST_CHANNELS}, found {self.channels}",
        )
        _check_strides("latent.strides", self.strides)
        _check_reach("latent", self.reach)


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
    reach
        Along each axis, the samples on either side of an entry on which its ∇E depends; None if
        unknown, and then what is larger than memory cannot be revised.
    start_sd
        Without a generator, chains start from N(0, ``start_sd``² I), > 0; None: from uniform noise
        in the signal's value range.
    """

    steps: int
    step_size: float
    noise: bool = True
    max_drift: float | None = None
    clamp: bool = False
    reach: tuple[int, ...] | None = None
    start_sd: float | None = None

    def __post_init__(self) -> None:
        check(self.steps >= 0, f"langevin.steps: expected ≥ 0, found {self.steps}")
        check(self.steps <= _MOST_STEPS, f"langevin.steps: expected ≤ {_MOST_STEPS}")
        for name in ("step_size", "max_drift", "start_sd"):
            value = getattr(self, name)
            if value is not None:
                check_scale(f"langevin.{name}", value)
        _check_reach("langevin", self.reach)


@dataclass(frozen=True)
class Entry:
    """Checksum and size of one file of the bundle."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        hexadecimal = len(self.sha256) == 64 and set(self.sha256) <= set("0123456789abcdef")
        check(hexadecimal, "files: a sha256 is not 64 lower-case hexadecimal digits")
        check(self.bytes >= 0, f"files: expected a size ≥ 0, found {self.bytes}")


@dataclass(frozen=True)
class Graph:
    """One ONNX graph: file name, and the name and shape of each input and output.

    A shape is a tuple of numbers (fixed) and names (free axes), e.g. ``("batch", 1, "h", "w")``;
    ``strides``: along each axis, the signal's size must be a multiple of that number (for the
    generator, which takes latent cells, they are the latent's).
    """

    file: str
    strides: tuple[int, ...]
    inputs: dict[str, tuple[int | str, ...]]
    outputs: dict[str, tuple[int | str, ...]]

    def __post_init__(self) -> None:
        _check_plain("graphs", self.file)
        _check_strides("graphs: strides", self.strides)
        for shape in (*self.inputs.values(), *self.outputs.values()):
            fixed = [axis for axis in shape if isinstance(axis, int)]
            check(
                all(1 <= n <= _MOST_ENTRIES for n in fixed),
                f"graphs: expected sizes from 1 to {_MOST_ENTRIES}, found {fixed[:8]}",
            )


@dataclass(frozen=True)
class Parity:
    """How far a backend's results were from torch's when the bundle was exported.

    The backend is ONNX Runtime or, in a `TorchScript`, TorchScript. ``max_relative_error`` is the
    largest |backend − torch| / max |torch| over all outputs and cases; ``cases`` says, for each,
    the batch, the spatial shape and the error per output.
    """

    max_relative_error: float
    cases: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Precision:
    """How the graphs' weights are stored, if not in float32, and what that does to samples.

    Attributes
    ----------
    weights
        Type of the weights in the files. All else is float32, and so is what is computed.
    parity_limit
        Largest relative error that the parity report was allowed.
    samples
        Number of samples drawn and revised by these graphs and by those of float32, from the same
        seeds; each is described by a few statistics.
    statistics
        For each statistic, |mean over these graphs' samples − mean over float32's|, as a share of
        the standard deviation between float32's samples.
    statistics_limit
        Largest such share that was allowed.
    """

    weights: HalfType
    parity_limit: float
    samples: int
    statistics: dict[str, float]
    statistics_limit: float


@dataclass(frozen=True)
class TorchScript:
    """The same graphs as programs for torch: files by graph, and one parity report per graph.

    Inputs, outputs and strides are those of the `Graph` of that name; ``forward`` gives a tuple of
    the outputs, in order.
    """

    files: dict[str, str]
    parity: dict[str, Parity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for file in self.files.values():
            _check_plain("torchscript", file)


def _check_reach(where: str, reach: tuple[int, ...] | None) -> None:
    if reach is not None:
        fits = all(0 <= n <= _LARGEST_REACH for n in reach)
        check(fits, f"{where}.reach: expected numbers from 0 to {_LARGEST_REACH}")


def _check_strides(where: str, strides: tuple[int, ...]) -> None:
    found = min(strides, default=0) >= 1 and max(strides, default=0) <= _LARGEST_STRIDE
    check(found, f"{where}: expected numbers from 1 to {_LARGEST_STRIDE}")


def _check_plain(where: str, file: str) -> None:
    plain = bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", file))
    check(plain, f"{where}: expected a file name inside the bundle, found {file!r}")


def check(holds: bool, message: str) -> None:
    """Refuse a card that breaks a rule.

    Raises
    ------
    CardError
        ``message``, if ``holds`` is false.
    """
    if not holds:
        raise CardError(f"{CARD_FILE}: {message}")


def check_scale(name: str, value: float) -> None:
    """Refuse a scale that is not positive, or so small or large that float32 fails.

    Raises
    ------
    CardError
        One line that names it.
    """
    check(value > 0, f"{name}: expected > 0, found {value}")
    check(
        _SMALLEST <= value <= _LARGEST,
        f"{name}: expected {_SMALLEST:g} to {_LARGEST:g}, found {value}",
    )
