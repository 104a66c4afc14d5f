"""From a recorded graph to the bytes of an ONNX file, quietly and reproducibly."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import onnx
import torch
import torch._dynamo.config
from torch.export import Dim
from torch.fx import GraphModule

from .repeated import TRANSLATIONS
from .tracing import Axes, Cells, scaled

__all__ = ["AXES", "to_onnx"]

# The operator set that torch's exporter writes itself: no conversion, and every onnxruntime
# since 1.14 reads it.
OPSET = 18

#: Names of the spatial axes by their number.
AXES: dict[int, tuple[str, ...]] = {1: ("t",), 2: ("h", "w"), 3: ("t", "h", "w")}


def to_onnx(
    graph: GraphModule,
    inputs: dict[str, Axes],
    outputs: Sequence[str],
    cells: Cells,
) -> bytes:
    """Write a recorded graph as a self-contained ONNX model for any batch and any free size.

    Parameters
    ----------
    graph
        What `record` gave.
    inputs
        Name of each input, and its channels and strides as given to `record`.
    outputs
        Name of each output.
    cells
        As given to `record`; the exporter runs the graph once there.

    Returns
    -------
    The same bytes for the same weights and library versions. They hold no source paths.
    """
    batch, names = Dim("batch"), AXES[len(cells.numbers)]
    axes = {k: Dim(name) for k, name in enumerate(names) if cells.free[k]}
    examples: list[torch.Tensor] = []
    sizes: list[dict[int, Any]] = []
    for kind in inputs.values():
        if isinstance(kind, float):
            examples.append(torch.tensor(kind))
            sizes.append({})
            continue
        channels, strides = kind
        examples.append(torch.zeros(2, channels, *scaled(strides, cells.numbers)))
        free = {2 + k: strides[k] * axis if strides[k] > 1 else axis for k, axis in axes.items()}
        sizes.append({0: batch, **free})
    with _quiet():
        program = torch.export.export(graph.eval(), tuple(examples), dynamic_shapes=tuple(sizes))
        # What was recorded is decomposed already; to do it again takes as long as all the rest.
        program.run_decompositions = lambda *_: program
        result = torch.onnx.export(
            program,
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamic_shapes=tuple(sizes),
            external_data=False,
            dynamo=True,
            custom_translation_table=TRANSLATIONS,
            verbose=False,
        )
    assert result is not None  # noqa: S101  for the type checker: dynamo=True gives one
    model = result.model_proto
    _strip(model)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _strip(model: onnx.ModelProto) -> None:
    """Remove what is no computation: stack traces with paths, and hints on inner shapes."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.value_info[:]
    graph.name = "coopnets"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter says about itself, and nothing else."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    disabled, registration.disabled = registration.disabled, True  # torchvision is not installed
    try:
        with (
            warnings.catch_warnings(),
            # A cache of shapes, slower than computing them when they are symbolic.
            torch._dynamo.config.patch(fake_tensor_cache_enabled=False),
        ):
            # The exporter copies its own pytree specifications, a class it has deprecated.
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
            # Two inputs share the axis "batch" on purpose.
            warnings.filterwarnings("ignore", r"# The axis name: .* will not be used", UserWarning)
            yield
    finally:
        registration.disabled = disabled
