"""What a recorded graph computes of its weights alone, computed once and stored."""

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

__all__ = ["fold_constants"]

# So many numbers are stored whatever they are made of. More are not if what they are made of is
# stored too: a file need not hold weights and the same weights flipped, which ONNX Runtime
# computes when it loads them.
SMALL = 4096


def fold_constants(graph: GraphModule) -> None:
    """Replace, in place, operations on constants only by their results."""
    known: dict[Node, Tensor] = {}
    weights: dict[int, Node] = {}
    for node in list(graph.graph.nodes):
        if node.op == "get_attr":
            value = _attribute(graph, str(node.target))
            same = weights.setdefault(id(value), node)
            if same is not node:  # each use of a weight was recorded as one of its own
                node.replace_all_uses_with(same)
                graph.graph.erase_node(node)
            elif isinstance(value, Tensor):
                known[node] = value.detach()
        elif node.op == "call_function" and _constant(node, known):
            result = _result(node, known)
            if result is not None:
                known[node] = result
    needed = {node for node in known if any(user not in known for user in node.users)}
    for number, node in enumerate(known):
        if node.op == "get_attr" or node not in needed:
            continue
        if known[node].numel() <= SMALL or not _rests_on(node, needed, known):
            _store(graph, node, f"_folded_{number}", known[node])
    graph.graph.eliminate_dead_code()
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
    """Compute a constant, unless it is only something small, repeated."""
    most = max([SMALL, *(known[source].numel() for source in node.all_input_nodes)])
    if node.meta["val"].numel() > most:
        return None
    args, options = torch.fx.map_arg((node.args, node.kwargs), lambda source: known[source])
    assert callable(node.target)  # noqa: S101  for the type checker
    result = node.target(*args, **options)
    return result if isinstance(result, Tensor) else None


def _rests_on(node: Node, needed: set[Node], known: dict[Node, Tensor]) -> bool:
    """Tell whether something large that is stored anyway goes into a constant."""
    return any(
        known[source].numel() > SMALL if source in needed else _rests_on(source, needed, known)
        for source in node.all_input_nodes
    )


def _store(graph: GraphModule, node: Node, name: str, value: Tensor) -> None:
    graph.register_buffer(name, value.contiguous())
    with graph.graph.inserting_before(node):
        constant = graph.graph.get_attr(name)
    constant.meta = dict(node.meta)
    node.replace_all_uses_with(constant)
