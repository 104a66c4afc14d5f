"""How far ONNX Runtime's and TorchScript's results are from torch's, on fresh random inputs."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from coop_runtime.card import Graph, Langevin, Parity, Signal
from coop_runtime.errors import CoopError
from coop_runtime.sessions import SessionOptions, open_session
from coop_runtime.torchscript import open_program

from .chain_parity import ChainSession, chain_blueprint
from .graphs import Blueprint, few_cells
from .kinks import SUSPICIOUS, on_a_kink, relative_errors
from .tracing import Axes, scaled

__all__ = ["check", "measure", "measure_chain"]

BATCHES = (1, 3)

# How often an input that falls on a kink is drawn again: of some 10⁵ ReLUs, every second input has
# one that is zero up to rounding.
ATTEMPTS = 16

# Three sizes, as cells more than the fewest; along two axes or more, two are not square.
MORE = ((0, 0, 0), (1, 2, 1), (3, 0, 2))


def measure(
    graphs: Mapping[str, bytes],
    blueprints: Mapping[str, Blueprint],
    signal: Signal,
    *,
    backend: Literal["onnx", "torchscript"] = "onnx",
    seed: int = 0,
    suspicious: float = SUSPICIOUS,
) -> dict[str, Parity]:
    """Compare each graph with torch's float32 autograd, at two batches and up to three sizes.

    The smallest size is that of `few_cells`; axes that cannot be extended keep it.

    Parameters
    ----------
    graphs
        Bytes by name.
    blueprints
        What each was made of.
    signal
        Shapes; x is drawn uniformly in its value range, the mask from {0, 1} and z from N(0, I).
    backend
        What plays them.
    seed
        Of the random inputs.
    suspicious
        Relative errors up to this are what rounding explains, see `on_a_kink`.

    Returns
    -------
    One report per graph. Each case holds ``batch``, ``shape`` (of the signal), and per output
    ``relative_error``, max |backend − torch| / max |torch|, and ``largest``, max |torch|. Where
    torch gives zeros only, the error is absolute. ``redrawn`` counts inputs that were drawn
    again because torch's own results jump there, see `on_a_kink`.

    Raises
    ------
    CoopError
        The backend does not load one of the graphs.
    """
    rng = torch.Generator().manual_seed(seed)
    reports = {}
    for name, data in graphs.items():
        blueprint, file = blueprints[name], f"the exported graph '{name}'"
        if backend == "onnx":
            session = open_session(data, "cpu", SessionOptions(torch.get_num_threads()), file)
        else:
            session = open_program(data, "cpu", blueprint.inputs, blueprint.outputs, file)
        reports[name] = _compare(session, blueprint, signal, rng, suspicious)
    return reports


def measure_chain(
    data: bytes, spec: Graph, energy: Blueprint, signal: Signal, settings: Langevin
) -> Parity:
    """Compare the chain graph with as many steps on torch's energy, with the same noise.

    Cases are those of `measure`, of the outputs ``end``, ``gradient`` and ``energy`` after
    `chain_parity.STEPS` steps.
    """
    session = ChainSession(data, spec, signal, settings)
    plan = chain_blueprint(energy, signal, settings)
    return _compare(session, plan, signal, torch.Generator().manual_seed(0))


def check(parity: Mapping[str, Parity], *, atol: float, rtol: float) -> None:
    """Refuse graphs whose results differ from torch's.

    Every output of every case must hold max |backend − torch| ≤ atol + rtol · max |torch|.
    ``rtol`` is what counts; ``atol`` spares outputs that are almost zero.

    Raises
    ------
    CoopError
        One line: the graph, the output, the case, the error and the limit.

    Examples
    --------
    >>> case = {"batch": 1, "shape": [8, 8], "relative_error": {"x": 1e-4}, "largest": {"x": 1.0}}
    >>> check({"generator": Parity(1e-4, (case,))}, atol=0.0, rtol=1e-5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CoopError: parity: 'x' of the graph 'generator' is 0.0001 off torch, ...
    """
    for name, report in parity.items():
        for case in report.cases:
            for output, error in case["relative_error"].items():
                largest = case["largest"][output]
                limit = rtol + atol / largest if largest else atol
                # Written so that NaN, which compares false, is refused.
                if not error <= limit:
                    size = "x".join(map(str, case["shape"]))
                    raise CoopError(
                        f"parity: '{output}' of the graph '{name}' is {error:.2g} off torch, "
                        f"relative to its largest value (batch {case['batch']}, size {size}); "
                        f"the limit is {limit:.2g}: raise --rtol if this is good enough"
                    )


def _compare(
    session: Any,
    blueprint: Blueprint,
    signal: Signal,
    rng: torch.Generator,
    suspicious: float = SUSPICIOUS,
) -> Parity:
    """Run a graph and its torch function on the same inputs, for every batch and size."""
    function, outputs = blueprint.function, list(blueprint.outputs)
    cases: list[dict[str, Any]] = []
    for batch in BATCHES:
        for cells in _sizes(blueprint, signal):
            redrawn = 0
            while True:
                inputs = _draw(blueprint.inputs, signal, batch, cells, rng)
                feed = {name: value.numpy() for name, value in inputs.items()}
                found = [torch.from_numpy(value) for value in session.run(outputs, feed)]
                given = list(inputs.values())
                expected = [value.detach() for value in function(*given)]
                errors = relative_errors(found, expected)
                if redrawn == ATTEMPTS or not on_a_kink(
                    function, given, expected, errors, suspicious
                ):
                    break
                redrawn += 1
            largest = [float(value.abs().max()) for value in expected]
            case: dict[str, Any] = {"batch": batch, "shape": scaled(blueprint.strides, cells)}
            case["relative_error"] = dict(zip(outputs, errors, strict=True))
            case["largest"] = dict(zip(outputs, largest, strict=True))
            cases.append(case | {"redrawn": redrawn})
    # Not the built-in max, which may overlook NaN.
    worst = float(np.max([list(case["relative_error"].values()) for case in cases]))
    return Parity(worst, tuple(cases))


def _sizes(blueprint: Blueprint, signal: Signal) -> list[tuple[int, ...]]:
    """Different sizes in cells, each once."""
    least = few_cells(blueprint, signal)
    sizes = (
        tuple(
            n + extra * free for n, extra, free in zip(least, row, signal.extendable, strict=False)
        )
        for row in MORE
    )
    return list(dict.fromkeys(sizes))


def _draw(
    inputs: Mapping[str, Axes],
    signal: Signal,
    batch: int,
    cells: Sequence[int],
    rng: torch.Generator,
) -> dict[str, Tensor]:
    """Draw an input for each name."""
    low, high = signal.value_range
    drawn = {}
    for name, kind in inputs.items():
        if isinstance(kind, float):
            drawn[name] = torch.tensor(kind)
            continue
        shape = (batch, kind[0], *scaled(kind[1], cells))
        if name == "z":
            drawn[name] = torch.randn(shape, generator=rng)
        elif name == "mask":
            drawn[name] = torch.randint(0, 2, shape, generator=rng).float()
        else:
            drawn[name] = low + (high - low) * torch.rand(shape, generator=rng)
    return drawn
