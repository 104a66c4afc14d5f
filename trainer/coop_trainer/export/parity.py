"""How far ONNX Runtime's results are from torch's, on fresh random inputs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coop_runtime.card import Latent, Parity, Signal
from coop_runtime.errors import CoopError
from coop_runtime.sessions import open_session

from .graphs import Energy, energy_and_gradient, frozen, log_posterior
from .kinks import Function, on_a_kink, relative_errors

__all__ = ["check", "measure"]

BATCHES = (1, 3)

# How often an input that falls on a kink is drawn again.
ATTEMPTS = 4

Cells = tuple[int, ...]


def measure(
    graphs: Mapping[str, bytes],
    *,
    energy: Energy,
    generator: nn.Module,
    signal: Signal,
    latent: Latent,
    stride: int,
    sigma: float,
    seed: int = 0,
) -> dict[str, Parity]:
    """Compare each graph with torch's float32 autograd, at two batches and three sizes.

    The smallest size is that of training, rounded up to whole cells.

    Parameters
    ----------
    graphs
        ONNX bytes of ``generator``, ``energy`` and ``posterior``.
    energy, generator
        What the graphs were made of.
    signal, latent
        Shapes; x is drawn uniformly in the signal's value range and z from N(0, I).
    stride
        The energy's stride; the generator's is the latent's.
    sigma
        σ of the posterior, > 0.
    seed
        Of the random inputs.

    Returns
    -------
    One report per graph. Each case holds ``batch``, ``shape`` (of the signal), and per output
    ``relative_error``, max |onnx − torch| / max |torch|, and ``largest``, max |torch|. Where
    torch gives zeros only, the error is absolute. ``redrawn`` counts inputs that were drawn
    again because torch's own results jump there, see `on_a_kink`.

    Raises
    ------
    CoopError
        ONNX Runtime does not load one of the graphs.
    """
    g, rng = frozen(generator), torch.Generator().manual_seed(seed)
    low, high = signal.value_range

    def draw_z(batch: int, cells: Cells) -> Tensor:
        return torch.randn(batch, latent.channels, *cells, generator=rng)

    def draw_x(batch: int, cells: Cells, scale: int) -> Tensor:
        sizes = [scale * n for n in cells]
        return low + (high - low) * torch.rand(batch, signal.channels, *sizes, generator=rng)

    def draw_all(batch: int, cells: Cells) -> list[Tensor]:
        x = draw_x(batch, cells, latent.stride)
        mask = torch.randint(0, 2, x.shape, generator=rng).float()
        return [draw_z(batch, cells), x, mask, torch.tensor(sigma)]

    coarse = _sizes(signal.trained_shape, latent.stride)
    return {
        "generator": _compare(
            graphs["generator"],
            lambda z: (g(z).detach(),),
            lambda batch, cells: [draw_z(batch, cells)],
            coarse,
            latent.stride,
        ),
        "energy": _compare(
            graphs["energy"],
            lambda x: energy_and_gradient(energy, x),
            lambda batch, cells: [draw_x(batch, cells, stride)],
            _sizes(signal.trained_shape, stride),
            stride,
        ),
        "posterior": _compare(
            graphs["posterior"],
            lambda *inputs: log_posterior(g, *inputs),
            draw_all,
            coarse,
            latent.stride,
        ),
    }


def check(parity: Mapping[str, Parity], *, atol: float, rtol: float) -> None:
    """Refuse graphs whose results differ from torch's.

    Every output of every case must hold max |onnx − torch| ≤ atol + rtol · max |torch|.
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


def _sizes(trained: Sequence[int], stride: int) -> list[Cells]:
    """Three sizes in cells; with two axes or more, two of them are not square."""
    least = [-(-size // stride) for size in trained]
    more = ((0, 0, 0), (1, 2, 1), (3, 0, 2))
    return [tuple(n + extra for n, extra in zip(least, row, strict=False)) for row in more]


def _compare(
    data: bytes,
    function: Function,
    draw: Callable[[int, Cells], list[Tensor]],
    sizes: Sequence[Cells],
    stride: int,
) -> Parity:
    """Run a graph and its torch function on the same inputs, for every batch and size."""
    session = open_session(data, "cpu", torch.get_num_threads(), "the exported graph")
    names = [node.name for node in session.get_inputs()]
    outputs = [node.name for node in session.get_outputs()]
    cases: list[dict[str, Any]] = []
    for batch in BATCHES:
        for cells in sizes:
            redrawn = 0
            while True:
                inputs = draw(batch, cells)
                feed = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
                found = [torch.from_numpy(value) for value in session.run(outputs, feed)]
                expected = function(*inputs)
                errors = relative_errors(found, expected)
                if redrawn == ATTEMPTS or not on_a_kink(function, inputs, expected, errors):
                    break
                redrawn += 1
            largest = [float(value.abs().max()) for value in expected]
            case: dict[str, Any] = {"batch": batch, "shape": [stride * n for n in cells]}
            case["relative_error"] = dict(zip(outputs, errors, strict=True))
            case["largest"] = dict(zip(outputs, largest, strict=True))
            cases.append(case | {"redrawn": redrawn})
    # Not the built-in max, which may overlook NaN.
    worst = float(np.max([list(case["relative_error"].values()) for case in cases]))
    return Parity(worst, tuple(cases))
