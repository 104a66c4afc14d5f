"""What a recorded graph computes of its weights alone, computed once and stored."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

__all__ = ["fold_constants"]

# A constant may be this much larger than what it is made of, as weights spread over the phases of
# a stride are; what is merely repeated stays an operation.
GROWTH = 4
#: Numbers that may be stored whatever they are made of.
SMALL = 65536


def fold_constants(graph: GraphModule) -> None:
    """Replace, in place, every operation on constants only by its result."""
    known: dict[Node, Tensor] = {}
    for node in list(graph.graph.nodes):
        if node.op == "get_attr":
            value = _attribute(graph, str(node.target))
            if isinstance(value, Tensor):
                known[node] = value.detach()
        elif node.op == "call_function" and _constant(node, known):
            result = _result(node, known)
            if result is not None:
                known[node] = result
    for number, (node, value) in enumerate(known.items()):
        if node.op == "get_attr" or all(user in known for user in node.users):
            continue
        name = f"_folded_{number}"
        graph.register_buffer(name, value.contiguous())
        with graph.graph.inserting_before(node):
            constant = graph.graph.get_attr(name)
        constant.meta = dict(node.meta)
        node.replace_all_uses_with(constant)
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()


def _attribute(graph: GraphModule, target: str) -> Any:
    value: Any = graph
    for part in target.split("."):
        value = getattr(value, part)
    return value


def _constant(node: Node, known: dict[Node, Tensor]) -> bool:
    made = node.meta.get("val")
    fixed = isinstance(made, Tensor) and all(isinstance(n, int) for n in made.shape)
    return fixed and all(source in known for source in node.all_input_nodes)


def _result(node: Node, known: dict[Node, Tensor]) -> Tensor | None:
    def given(value: Node) -> Any:
        return known[value]

    largest = max((known[source].numel() for source in node.all_input_nodes), default=0)
    if math.prod(node.meta["val"].shape) > max(SMALL, GROWTH * largest):
        return None
    args, options = torch.fx.map_arg((node.args, node.kwargs), given)
    assert callable(node.target)  # noqa: S101  for the type checker
    result = node.target(*args, **options)
    return result if isinstance(result, Tensor) else None
