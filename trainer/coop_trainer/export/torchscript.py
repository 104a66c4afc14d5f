"""From a recorded graph to the bytes of a TorchScript file.

``torch.jit.script`` compiles no function that calls ``autograd.grad`` on networks like ours; it
compiles what `record` made of one: torch's own operators, gradients included, line by line.
"""

import io
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch._ops import OpOverload
from torch.fx import Graph, GraphModule, Node

__all__ = ["to_torchscript"]

aten = torch.ops.aten

#: Operators that only matter to autograd: their results are their inputs.
SAME = (aten.alias.default, aten.detach.default)
#: Options that say where new memory lies; it shall lie where the inputs do.
PLACES = ("device", "layout", "pin_memory")
#: Functions of sizes, and what they are among whole numbers.
OF_SIZES: dict[Any, Any] = {torch.sym_float: float, torch.sym_max: max, torch.sym_min: min}


def to_torchscript(recorded: GraphModule, inputs: Sequence[str]) -> bytes:
    """Write a recorded graph as a TorchScript program for any batch and any free size.

    Its method ``forward`` takes the inputs, by position or name, and gives a tuple of the outputs,
    on the device that it was loaded to. Weights are constants of it.

    Parameters
    ----------
    recorded
        What `record` gave, with torch's own operators.
    inputs
        Name of each input.

    Returns
    -------
    What ``torch.jit.load`` reads; torch numbers the program's type by what it compiled before in
    the same process, all else depends on the weights and torch's version only.
    """
    program = GraphModule(recorded, _compilable(recorded.graph, inputs)).eval()
    file = io.BytesIO()
    with warnings.catch_warnings():
        # torch.export, to which torch points, makes no file that other languages play.
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        # GraphModule annotates an attribute of its own, which freezing removes.
        warnings.filterwarnings("ignore", "The TorchScript type system", UserWarning)
        frozen = torch.jit.freeze(torch.jit.script(program), optimize_numerics=False)
        torch.jit.save(frozen, file)
    return file.getvalue()


def _compilable(recorded: Graph, inputs: Sequence[str]) -> Graph:
    """Copy a graph, in words that the compiler knows."""
    graph, names = Graph(), iter(inputs)
    values: dict[Node, Node] = {}
    for node in recorded.nodes:
        if node.op == "placeholder":
            values[node] = graph.placeholder(next(names))
        elif node.target in SAME:
            values[node] = values[node.args[0]]
        else:
            copy = values[node] = graph.node_copy(node, lambda n: values[n])
            if node.op == "call_function":
                _translate(copy, next(iter(graph.nodes)))
    graph.lint()
    return graph


def _translate(node: Node, first: Node) -> None:
    """Replace what the compiler does not know; ``first`` is the graph's first input."""
    operator, args = node.target, node.args
    node.kwargs = {key: value for key, value in node.kwargs.items() if key not in PLACES}
    if operator is aten.sym_size.int:
        node.op, node.target = "call_method", "size"
    elif operator is aten.full.default:
        node.target, node.args = aten.new_full, (first, *args)
    elif operator is aten.scalar_tensor.default:
        node.target, node.args = aten.new_full, (first, [], *args)
    elif operator is aten.sum.dim_IntList and not args[1]:
        node.target, node.args = aten.sum, args[:1]
    elif isinstance(operator, OpOverload):
        node.target = operator.overloadpacket
    else:
        node.target = OF_SIZES.get(operator, operator)
