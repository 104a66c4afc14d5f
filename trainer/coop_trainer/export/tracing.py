"""Record torch functions that call ``autograd.grad`` as plain graphs with symbolic sizes.

``torch.export`` does not trace ``autograd.grad``; ``make_fx`` does, as it records what
autograd really executes. What is recorded here holds for every batch and every number of
cells, and contains only operators that the ONNX exporter knows.
"""

from collections.abc import Callable, Sequence
from typing import Any

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
from .rewrites import Rewrites

__all__ = ["Axes", "record"]

#: Channels and stride of a tensor (batch, channels, stride·h, …), or None for a scalar.
Axes = tuple[int, int] | None


def record(
    function: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Axes], cells: Sequence[int]
) -> GraphModule:
    """Record ``function``, gradients included, for any batch and any number of cells.

    Parameters
    ----------
    function
        Of float32 tensors, one per entry of ``inputs``; may call ``autograd.grad`` with respect to
        them, not to parameters.
    inputs
        Channels and stride of each input; the inputs share the batch and the cells.
    cells
        Numbers of cells at which the function is run once, on tensors without data.
    """
    mode = FakeTensorMode(
        allow_fallback_kernels=False,
        allow_non_fake_inputs=True,
        # Two sizes that happen to be equal in the example must not become one symbol.
        shape_env=ShapeEnv(duck_shape=False),
    )
    context: Any = StatelessSymbolicContext(dynamic_sizes=[DimDynamic.DYNAMIC] * (1 + len(cells)))
    sizes = mode.from_tensor(
        torch.empty(2, *cells), source=ConstantSource("cells"), symbolic_context=context
    ).shape
    with mode:
        examples = [
            torch.empty(())
            if axes is None
            else torch.empty(sizes[0], axes[0], *(axes[1] * n for n in sizes[1:]))
            for axes in inputs
        ]

    def rewritten(*arguments: Tensor) -> tuple[Tensor, ...]:
        with Rewrites():
            return function(*arguments)

    graph = make_fx(
        rewritten,
        decomposition_table={**core_aten_decompositions(), **ADJOINTS},
        tracing_mode="symbolic",
        _allow_non_fake_inputs=True,
    )(*examples)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph
