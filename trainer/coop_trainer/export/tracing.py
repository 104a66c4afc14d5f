"""Record torch functions that call ``autograd.grad`` as plain graphs with symbolic sizes.

``torch.export`` does not trace ``autograd.grad``; ``make_fx`` does, as it records what
autograd really executes. What is recorded here holds for every batch and, along the axes that can
be extended, every number of cells; unless asked otherwise, it contains only operators that the ONNX
exporter knows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions
from torch._dynamo.source import ConstantSource
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import (
    DimDynamic,
    ShapeEnv,
    StatelessSymbolicContext,
)

from .adjoints import ADJOINTS
from .constants import fold_constants
from .repeated import expanded, repeated
from .rewrites import Rewrites

__all__ = ["Axes", "Cells", "record", "scaled"]

#: Channels and strides of a tensor (batch, channels, stride·h, …), or a scalar's typical value.
Axes = tuple[int, tuple[int, ...]] | float


class Cells(NamedTuple):
    """At how many cells, along each axis, a function is recorded.

    Attributes
    ----------
    numbers
        Numbers of cells; ≥ 2 where free.
    free
        For each axis, whether the recorded graph holds for every other number too.
    """

    numbers: tuple[int, ...]
    free: tuple[bool, ...]


def record(
    function: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Axes],
    cells: Cells,
    decompositions: Mapping[Any, Callable[..., Any]] | None = None,
) -> GraphModule:
    """Record ``function``, gradients included, for any batch and any number of free cells.

    Parameters
    ----------
    function
        Of float32 tensors, one per entry of ``inputs``; may call ``autograd.grad`` with respect to
        them, not to parameters.
    inputs
        Channels and strides of each input; the inputs share the batch and the cells.
    cells
        Where the function is run once, on tensors without data.
    decompositions
        Replacements by operator; None for those that ONNX needs, none for torch's own operators.
    """
    repeat = expanded
    if decompositions is None:
        repeat = repeated
        decompositions = {**core_aten_decompositions(), **ADJOINTS}
    mode = FakeTensorMode(
        allow_fallback_kernels=False,
        allow_non_fake_inputs=True,
        # Two sizes that happen to be equal in the example must not become one symbol.
        shape_env=ShapeEnv(duck_shape=False),
    )
    axes = [DimDynamic.DYNAMIC if free else DimDynamic.STATIC for free in (True, *cells.free)]
    context: Any = StatelessSymbolicContext(dynamic_sizes=axes)
    sizes = mode.from_tensor(
        torch.empty(2, *cells.numbers), source=ConstantSource("cells"), symbolic_context=context
    ).shape
    with mode:
        examples = [
            torch.empty(())
            if isinstance(kind, float)
            else torch.empty(sizes[0], kind[0], *scaled(kind[1], sizes[1:]))
            for kind in inputs
        ]

    def rewritten(*arguments: Tensor) -> tuple[Tensor, ...]:
        with Rewrites(repeat):
            return function(*arguments)

    graph = make_fx(
        rewritten,
        decomposition_table=decompositions,
        tracing_mode="symbolic",
        _allow_non_fake_inputs=True,
    )(*examples)
    graph.graph.eliminate_dead_code()
    fold_constants(graph)
    return graph


def scaled(strides: Sequence[int], cells: Sequence[Any]) -> list[Any]:
    """Give the sizes, numbers or symbols, of so many cells of these strides."""
    return [stride * n for stride, n in zip(strides, cells, strict=True)]
