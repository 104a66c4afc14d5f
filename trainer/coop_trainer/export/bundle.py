"""Writing a bundle: its graphs, their parity, samples, a README and the card."""

import hashlib
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from coop_runtime.bundle import read_card, read_graph
from coop_runtime.card import (
    CARD_FILE,
    FORMAT,
    Card,
    Entry,
    Graph,
    HalfType,
    Langevin,
    Latent,
    Precision,
    Signal,
    TorchScript,
)
from coop_runtime.errors import CoopError
from coop_runtime.files import new_folder, write_atomically

from .chain import chain_graph
from .graphs import (
    Blueprint,
    Energy,
    encoder_graph,
    energy_graph,
    export_graph,
    export_torchscript,
    generator_graph,
    posterior_graph,
)
from .halves import LIMITS, halved
from .parity import check, measure, measure_chain
from .readme import model_readme
from .statistics import SAMPLES as DRAWN
from .statistics import SHARE, check_statistics, compare

__all__ = ["README_FILE", "SAMPLES", "write_bundle"]

#: Largest difference from torch in float32 that is accepted, relative to an output's largest value.
RTOL = 1e-5
README_FILE = "README.md"
SAMPLES = "samples/"


def write_bundle(
    folder: Path,
    *,
    name: str,
    energy: Energy | None,
    generator: nn.Module | None,
    encoder: nn.Module | None,
    strides: tuple[int, ...],
    signal: Signal,
    latent: Latent | None,
    langevin: Langevin | None,
    sigma: float | None,
    training: Mapping[str, Any],
    samples: Mapping[str, bytes],
    readme: Callable[[Card], str] = model_readme,
    torchscript: bool = False,
    chain: bool = False,
    precision: HalfType | None = None,
    atol: float = 1e-6,
    rtol: float | None = None,
) -> Card:
    """Export a model as a new folder, which appears whole or not at all.

    Parameters
    ----------
    folder
        New or empty.
    name
        Of the model, one word.
    energy
        E, x to (batch,), closed over a frozen descriptor in evaluation mode, on the CPU; None if
        the model has none, and then no ``langevin``.
    generator
        g, on the CPU; exported in evaluation mode; None if the model has none, and then no
        ``latent``, ``sigma`` or ``encoder``.
    encoder
        x to (μ, log σ²) of q(z|x), each like z, on the CPU; None if the model has none.
    strides
        The energy's: spatial sizes of x must be multiples of these, one per axis.
    signal, latent, langevin, sigma, training
        As in `Card`.
    samples
        File name to the bytes of a picture, clip or sound; written to ``samples/``.
    readme
        Gives the text of README.md from the card, which then lacks only README.md's checksum.
    torchscript
        Whether to add the same graphs as TorchScript.
    chain
        Whether to add the graph that takes all Langevin steps in one call; needs an energy.
    precision
        How weights are stored; None for float32. Float32 graphs must keep their parity first.
    atol, rtol
        Limits on the parity, see `parity.check`; ``rtol`` None: 1e-5, or `LIMITS` of a precision.

    Returns
    -------
    The card as written.

    Raises
    ------
    CoopError
        The folder exists or cannot be written, the parity exceeds its limit, rounded weights draw
        other samples, or the runtime would refuse the bundle.
    ValueError
        A part lacks what it needs, or something is given for a part that is not there.
    """
    if (energy is None) != (langevin is None):
        raise ValueError("energy and langevin: give both or none")
    if not (generator is None) == (latent is None) == (sigma is None):
        raise ValueError("generator, latent and sigma: give all or none")
    if generator is None and encoder is not None:
        raise ValueError("encoder: give it only with a generator")
    if chain and energy is None:
        raise CoopError("a chain of Langevin steps needs an energy, which this model has not")
    if torchscript and precision is not None:
        raise CoopError(f"TorchScript's weights are float32, not {precision}: export them apart")
    with new_folder(folder) as temporary:
        blueprints = _blueprints(energy, generator, encoder, strides, signal, latent, sigma)
        graphs = {key: export_graph(plan, signal) for key, plan in blueprints.items()}
        parity = measure(graphs, blueprints, signal)
        limit = RTOL if rtol is None else rtol
        check(parity, atol=atol, rtol=limit if precision is None else RTOL)
        full, rounded = graphs, None
        if precision is not None:
            limit = LIMITS[precision] if rtol is None else rtol
            graphs = {key: halved(data, precision) for key, data in full.items()}
            parity = measure(graphs, blueprints, signal, suspicious=limit)
        strides_of = {key: plan.strides for key, plan in blueprints.items()}
        if chain and langevin is not None:
            graphs["chain"], strides_of["chain"] = chain_graph(graphs["energy"]), strides
            spec = _described("chain.onnx", graphs["chain"], strides)
            parity["chain"] = measure_chain(
                graphs["chain"], spec, blueprints["energy"], signal, langevin
            )
        check(parity, atol=atol, rtol=limit)
        files = {f"{key}.onnx": data for key, data in graphs.items()}
        programs = None
        if torchscript:
            compiled = {key: export_torchscript(plan, signal) for key, plan in blueprints.items()}
            found = measure(compiled, blueprints, signal, backend="torchscript")
            check({f"{key}.pt": report for key, report in found.items()}, atol=atol, rtol=limit)
            programs = TorchScript({key: f"{key}.pt" for key in compiled}, found)
            files |= {f"{key}.pt": data for key, data in compiled.items()}
        files |= {SAMPLES + key: data for key, data in samples.items()}

        def card() -> Card:
            return Card(
                format=FORMAT,
                name=name,
                signal=signal,
                latent=latent,
                langevin=langevin,
                sigma=sigma,
                graphs={
                    key: _described(f"{key}.onnx", data, strides_of[key])
                    for key, data in graphs.items()
                },
                files={path: _entry(data) for path, data in files.items()},
                parity=parity,
                training=dict(training),
                versions=_versions(),
                torchscript=programs,
                precision=rounded,
            )

        if precision is not None:
            statistics = compare(card(), full, graphs)
            check_statistics(statistics)
            rounded = Precision(precision, limit, DRAWN, statistics, SHARE)

        files[README_FILE] = readme(card()).encode()
        (temporary / SAMPLES).mkdir()
        for path, data in files.items():
            write_atomically(temporary / path, data)
        complete = card()
        write_atomically(temporary / CARD_FILE, complete.to_json().encode())
        for key in read_card(temporary).graphs:  # what the runtime refuses is not exported
            read_graph(temporary, complete, key, memory=1 << 62)
    return complete


def _blueprints(
    energy: Energy | None,
    generator: nn.Module | None,
    encoder: nn.Module | None,
    strides: tuple[int, ...],
    signal: Signal,
    latent: Latent | None,
    sigma: float | None,
) -> dict[str, Blueprint]:
    """Plan the graphs of each part of the model that there is."""
    plans = {}
    if generator is not None and latent is not None and sigma is not None:
        plans["generator"] = generator_graph(generator, latent)
        plans["posterior"] = posterior_graph(generator, signal, latent, sigma)
    if energy is not None:
        plans["energy"] = energy_graph(energy, signal, strides)
    if encoder is not None and latent is not None:
        plans["encoder"] = encoder_graph(encoder, signal, latent)
    return plans


def _described(file: str, data: bytes, strides: tuple[int, ...]) -> Graph:
    """Read the names and shapes of a graph from its bytes."""
    graph = onnx.load_from_string(data).graph

    def shapes(values: Any) -> dict[str, tuple[int | str, ...]]:
        return {
            value.name: tuple(
                axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim
            )
            for value in values
        }

    return Graph(file, strides, shapes(graph.input), shapes(graph.output))


def _entry(data: bytes) -> Entry:
    return Entry(hashlib.sha256(data).hexdigest(), len(data))


def _versions() -> dict[str, str]:
    return {
        "coopnets": version("coopnets"),
        "torch": str(torch.__version__),
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
