"""Writing a bundle: three graphs, their parity, samples, a README and the card."""

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

from coop_runtime.card import CARD_FILE, FORMAT, Card, Entry, Graph, Langevin, Latent, Signal
from coop_runtime.files import new_folder, write_atomically

from .graphs import Energy, energy_graph, generator_graph, posterior_graph
from .parity import check, measure
from .readme import model_readme

__all__ = ["README_FILE", "SAMPLES", "write_bundle"]

README_FILE = "README.md"
SAMPLES = "samples/"


def write_bundle(
    folder: Path,
    *,
    name: str,
    energy: Energy,
    generator: nn.Module,
    stride: int,
    signal: Signal,
    latent: Latent,
    langevin: Langevin,
    sigma: float,
    training: Mapping[str, Any],
    samples: Mapping[str, bytes],
    readme: Callable[[Card], str] = model_readme,
    atol: float = 1e-6,
    rtol: float = 1e-5,
) -> Card:
    """Export a model as a new folder, which appears whole or not at all.

    Parameters
    ----------
    folder
        Must not exist.
    name
        Of the model, one word.
    energy
        E, x to (batch,), closed over a frozen descriptor in evaluation mode, on the CPU.
    generator
        g, on the CPU; exported in evaluation mode.
    stride
        The energy's: spatial sizes of x must be multiples of it.
    signal, latent, langevin, sigma, training
        As in `Card`. The graphs are recorded and compared from ``signal.trained_shape`` on.
    samples
        File name to PNG bytes; written to ``samples/``.
    readme
        Gives the text of README.md from the card, which then lacks only README.md's checksum.
    atol, rtol
        Limits on the parity, see `parity.check`.

    Returns
    -------
    The card as written.

    Raises
    ------
    CoopError
        The folder exists or cannot be written, or the parity exceeds its limit.
    """
    with new_folder(folder) as temporary:
        graphs = _graphs(energy, generator, stride, signal, latent)
        parity = measure(
            graphs,
            energy=energy,
            generator=generator,
            signal=signal,
            latent=latent,
            stride=stride,
            sigma=sigma,
        )
        check(parity, atol=atol, rtol=rtol)
        files = {f"{key}.onnx": data for key, data in graphs.items()}
        files |= {SAMPLES + key: data for key, data in samples.items()}
        strides = {"generator": latent.stride, "energy": stride, "posterior": latent.stride}

        def card() -> Card:
            return Card(
                format=FORMAT,
                name=name,
                signal=signal,
                latent=latent,
                langevin=langevin,
                sigma=sigma,
                graphs={k: _described(f"{k}.onnx", graphs[k], strides[k]) for k in graphs},
                files={path: _entry(data) for path, data in files.items()},
                parity=parity,
                training=dict(training),
                versions=_versions(),
            )

        files[README_FILE] = readme(card()).encode()
        (temporary / SAMPLES).mkdir()
        for path, data in files.items():
            write_atomically(temporary / path, data)
        complete = card()
        write_atomically(temporary / CARD_FILE, complete.to_json().encode())
    return complete


def _graphs(
    energy: Energy, generator: nn.Module, stride: int, signal: Signal, latent: Latent
) -> dict[str, bytes]:
    def cells(step: int) -> int:
        # Networks need not work on less than they were trained on.
        return -(-max(signal.trained_shape) // step)

    coarse = cells(latent.stride)
    dims, channels = signal.dims, signal.channels
    return {
        "generator": generator_graph(
            generator, latent_channels=latent.channels, dims=dims, cells=coarse
        ),
        "energy": energy_graph(
            energy, channels=channels, dims=dims, stride=stride, cells=cells(stride)
        ),
        "posterior": posterior_graph(
            generator,
            latent_channels=latent.channels,
            channels=channels,
            dims=dims,
            stride=latent.stride,
            cells=coarse,
        ),
    }


def _described(file: str, data: bytes, stride: int) -> Graph:
    """Read the names and shapes of a graph from its bytes."""
    graph = onnx.load_from_string(data).graph

    def shapes(values: Any) -> dict[str, tuple[int | str, ...]]:
        return {
            value.name: tuple(
                axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim
            )
            for value in values
        }

    return Graph(file, stride, shapes(graph.input), shapes(graph.output))


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
