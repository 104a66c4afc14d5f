"""What is known of a tensor before anything is computed, and of an operator's inputs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import GraphError
from ..onnx_file import Node, Tensor

__all__ = [
    "BOOL",
    "FEW",
    "FLOAT",
    "INT64",
    "WHOLE",
    "Inputs",
    "Known",
    "Rule",
    "at",
    "axes_of",
    "axis_of",
    "broadcast",
    "known",
    "optional",
    "values_of",
    "whole",
    "wholes",
]

FLOAT, INT64, BOOL = 1, 7, 9
WHOLE = (2, 3, 5, 6, INT64, 12, 13)
FEW = 64


class Known(NamedTuple):
    """What is known of a tensor before anything is computed.

    Attributes
    ----------
    type
        Element type, one of `onnx_file.TYPES`.
    shape
        Its sizes.
    values
        The numbers, if they are few and depend on sizes only; whole ones as int64.
    constant
        Whether it depends on no input, so that onnxruntime may compute it when it loads the graph.
    work
        Multiplications of which it is the result, about.
    scratch
        Numbers that onnxruntime keeps meanwhile, besides inputs and outputs.
    """

    type: int
    shape: tuple[int, ...]
    values: NDArray[Any] | None = None
    constant: bool = False
    work: int = 0
    scratch: int = 0

    def numbers(self) -> list[int]:
        """Give the numbers.

        Raises
        ------
        GraphError
            They are not known.
        """
        if self.values is None or self.type not in WHOLE:
            raise GraphError("a size depends on data")
        return [int(n) for n in self.values.ravel()]


Inputs = Sequence[Known | None]
Rule = Callable[[Node, Inputs], list[Known]]


def known(tensor: Tensor) -> Known:
    """Describe a constant."""
    values: NDArray[Any] | None = None
    if tensor.values.size <= FEW:
        if tensor.type == FLOAT:
            values = tensor.values
        # Numbers of 2⁶³ and more are no sizes.
        elif tensor.type in WHOLE and all(int(n) < 1 << 63 for n in tensor.values.ravel()):
            values = tensor.values.astype(np.int64)
    return Known(tensor.type, tensor.shape, values, constant=True)


def at(inputs: Inputs, k: int) -> Known:
    """Give an input that must be there."""
    found = inputs[k] if k < len(inputs) else None
    if found is None:
        raise GraphError(f"input {k + 1} is missing")
    return found


def optional(inputs: Inputs, k: int) -> Known | None:
    """Give an input; None where it is left out."""
    return inputs[k] if k < len(inputs) else None


def whole(node: Node, name: str, default: int | None = None) -> int:
    """Give an attribute that is a whole number."""
    value = node.attributes.get(name, default)
    if not isinstance(value, int):
        raise GraphError(f"expected a whole number as the attribute '{name}'")
    return value


def wholes(node: Node, name: str, default: Sequence[int]) -> tuple[int, ...]:
    """Give an attribute of as many whole numbers as its default has."""
    value = node.attributes.get(name, tuple(default))
    if not isinstance(value, tuple) or len(value) != len(default):
        raise GraphError(f"expected {len(default)} whole numbers as the attribute '{name}'")
    return tuple(int(n) for n in value)


def axis_of(axis: int, rank: int) -> int:
    """Count an axis from the front."""
    if not -rank <= axis < rank:
        raise GraphError(f"there is no axis {axis} of {rank}")
    return axis % rank


def axes_of(inputs: Inputs, rank: int) -> list[int] | None:
    """Give the axes that the second input counts; None without it."""
    axes = optional(inputs, 1)
    return None if axes is None else [axis_of(n, rank) for n in axes.numbers()]


def broadcast(inputs: Inputs) -> tuple[int, ...]:
    """Give the shape that the inputs have together."""
    shapes = [one.shape for one in inputs if one is not None]
    sizes = []
    for k in range(-max(map(len, shapes), default=0), 0):
        axis = {shape[k] for shape in shapes if len(shape) >= -k} - {1}
        if len(axis) > 1:
            raise GraphError(f"the shapes {shapes} do not fit together")
        sizes.append(axis.pop() if axis else 1)
    return tuple(sizes)


def values_of(inputs: Inputs) -> list[NDArray[Any]] | None:
    """Give the numbers of all inputs; None if those of one are not known."""
    found = [one.values for one in inputs if one is not None]
    return [v for v in found if v is not None] if all(v is not None for v in found) else None
