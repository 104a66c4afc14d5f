"""Checking a graph before onnxruntime sees it: its operators, and the room that it needs.

The graph is gone through once, with the sizes of training, as if it were run, but on sizes only
(see `operators`). So sizes that would exhaust memory are found before anything is allocated.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .errors import GraphError
from .onnx_file import HALVES, TYPES, Body, File, Node, Value
from .operators import CHAIN_OPERATORS, LOOP, OPERATORS, Inputs, Known, Rule, known

__all__ = ["MEMORY", "inspect_graph"]

#: Bytes that one run may need, unless the caller says otherwise.
MEMORY = 1 << 32

IR_VERSIONS = range(8, 14)
OPSETS = range(18, 24)

_MOST_ELEMENTS = 1 << 28  # of one tensor
_MOST_WORK = 1 << 40  # multiplications of one operator: it cannot be stopped midway
_CONSTANTS = 1 << 26  # numbers that onnxruntime may compute while it loads a graph
_CONSTANT_WORK = 1 << 30


Shape = tuple[int | str, ...]


def inspect_graph(
    file: File,
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    *,
    numbers: Mapping[str, Sequence[int]] | None = None,
    chain: bool = False,
    memory: int = MEMORY,
) -> None:
    """Check that a graph is one that coop-export could have written.

    Parameters
    ----------
    file
        What `read_file` gave.
    inputs, outputs
        Shape of each, in a run at the size of training.
    numbers
        Whole numbers that a run may be given as inputs, from which it makes sizes; by name.
    chain
        Whether it may have a loop, and the operators of random numbers.
    memory
        Bytes that a run with these inputs may need.

    Raises
    ------
    GraphError
        Something that coop-export does not write (another version, an operator that is not
        allowed, a subgraph), sizes that do not fit together, or too much memory.
    """
    for what, version, allowed in (
        ("version of the format", file.ir_version, IR_VERSIONS),
        ("version of the operators", file.opset, OPSETS),
    ):
        if version not in allowed:
            raise GraphError(
                f"{what}: expected {allowed.start} to {allowed.stop - 1}, found {version}"
            )
    graph = file.graph
    given = []
    for value in graph.inputs:
        shape, known_numbers = _sizes(inputs[value.name]), (numbers or {}).get(value.name)
        values = None if known_numbers is None else np.reshape(known_numbers, shape)
        given.append(Known(value.type, shape, values))
    results = _Walk(chain, memory).run(graph, given, {})
    for value, one in zip(graph.outputs, results, strict=True):
        if one.shape != outputs[value.name]:
            raise GraphError(
                f"output '{value.name}': expected the shape {outputs[value.name]}, "
                f"it gives {one.shape}"
            )


class _Walk:
    """One walk through a graph, and what it may still take."""

    def __init__(self, chain: bool, memory: int) -> None:
        self.rules: Mapping[str, Rule] = {**OPERATORS, **CHAIN_OPERATORS} if chain else OPERATORS
        self.loops = int(chain)
        self.memory = memory
        self.live = 0
        self.constants, self.constant_work = _CONSTANTS, _CONSTANT_WORK
        self.names: set[str] = set()

    def run(self, body: Body, given: list[Known], outer: Mapping[str, Known]) -> list[Known]:
        """Go through a graph, or the body of a loop, which sees what is around it."""
        scope = dict(outer)
        for value, one in zip(body.inputs, given, strict=True):
            _check_declared(value, one)
            self._define(scope, value.name, one)
        for tensor in body.constants:
            self._define(scope, tensor.name, known(tensor))
        uses = [*(node.inputs for node in body.nodes), tuple(v.name for v in body.outputs)]
        last = {name: k for k, names in enumerate(uses) for name in names}
        for k, node in enumerate(body.nodes):
            for name, one in zip(node.outputs, self._apply(node, scope), strict=True):
                self._define(scope, name, one)
            for name in {*node.inputs, *node.outputs} - outer.keys():
                if name in scope and last.get(name, k) == k:
                    self.live -= _bytes(scope[name])
                    last[name] = len(uses)  # freed once
        results = [self._find(scope, value.name) for value in body.outputs]
        for value, one in zip(body.outputs, results, strict=True):
            _check_declared(value, one)
        return results

    def _define(self, scope: dict[str, Known], name: str, one: Known) -> None:
        """Give a name its meaning, for the first time, and its tensor room."""
        if not name or name in self.names:
            raise GraphError(f"the name '{name}' is given twice, or empty")
        self.names.add(name)
        sound = min(one.shape, default=0) >= 0 and math.prod(one.shape) <= _MOST_ELEMENTS
        if not sound or one.work > _MOST_WORK:
            raise GraphError(f"'{name}' is too large, of the shape {one.shape}")
        scope[name] = one
        self.live += _bytes(one)
        if self.live + one.scratch * TYPES[one.type].itemsize > self.memory:
            raise GraphError(
                f"a run at the size of training needs more than {self.memory >> 20} MiB; if you "
                "trust it, give it more with SessionOptions(memory=…)"
            )

    def _find(self, scope: Mapping[str, Known], name: str) -> Known:
        if name not in scope:
            raise GraphError(f"'{name}' is used before it is computed")
        return scope[name]

    def _apply(self, node: Node, scope: Mapping[str, Known]) -> list[Known]:
        """Give what an operator makes of its inputs."""
        inputs = [self._find(scope, name) if name else None for name in node.inputs]
        if node.op != "Cast" and any(one.type in HALVES for one in inputs if one is not None):
            raise GraphError(f"the operator '{node.op}' is given numbers of 16 bits")
        if node.op == LOOP and self.loops:
            self.loops -= 1
            results = self._loop(node, inputs, scope)
        elif node.op not in self.rules:
            raise GraphError(f"the operator '{node.op}' is not allowed here")
        elif any(isinstance(value, Body) for value in node.attributes.values()):
            raise GraphError(f"the operator '{node.op}' cannot have a subgraph")
        else:
            try:
                results = self.rules[node.op](node, inputs)
            except GraphError as error:
                raise GraphError(f"the operator '{node.op}': {error}") from None
        if len(results) != len(node.outputs):
            raise GraphError(f"the operator '{node.op}' has {len(results)} output(s)")
        constant = all(one.constant for one in inputs if one is not None)
        if constant:
            self.constants -= sum(math.prod(one.shape) for one in results)
            self.constant_work -= sum(one.work for one in results)
            if min(self.constants, self.constant_work) < 0:
                raise GraphError("too much would be computed while it is loaded")
        return [one._replace(constant=constant) for one in results]

    def _loop(self, node: Node, inputs: Inputs, scope: Mapping[str, Known]) -> list[Known]:
        """Go through a loop's body once; it must carry on what it was given."""
        body, rest = node.attributes.get("body"), inputs[2:]
        steps = inputs[0] if inputs else None
        carried = [Known(one.type, one.shape) for one in rest if one is not None]
        if not isinstance(body, Body) or len(carried) != len(rest) or len(node.attributes) != 1:
            raise GraphError("a loop without a body, or without what it starts from")
        if steps is None or steps.constant or steps.shape:
            raise GraphError("a loop whose number of steps is not the caller's")
        (number,) = steps.numbers()
        if len(body.inputs) != 2 + len(rest) or len(body.outputs) < 1 + len(rest):
            raise GraphError("a loop whose body takes or gives something else than it carries")
        _, *after = self.run(body, [Known(7, ()), Known(9, ()), *carried], scope)
        for before, now in zip(carried, after, strict=False):
            if (before.type, before.shape) != (now.type, now.shape):
                raise GraphError(f"a loop that makes {now.shape} of {before.shape}")
        collected = [one._replace(shape=(number, *one.shape)) for one in after[len(carried) :]]
        return [one._replace(values=None) for one in (*carried, *collected)]


def _sizes(shape: Shape) -> tuple[int, ...]:
    return tuple(axis for axis in shape if isinstance(axis, int))


def _bytes(one: Known) -> int:
    return math.prod(one.shape) * TYPES[one.type].itemsize


def _check_declared(value: Value, one: Known) -> None:
    """Check what a graph says about an input or output against what it is."""
    shape = value.shape
    fits = shape is None or (
        len(shape) == len(one.shape)
        and all(n is None or n == m for n, m in zip(shape, one.shape, strict=True))
    )
    if value.type != one.type or not fits:
        raise GraphError(f"'{value.name}' is not of the type and shape that are said")
