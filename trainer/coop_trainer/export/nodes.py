"""Writing ONNX nodes by hand, where no torch function records them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["Nodes"]


class Nodes:
    """A list of nodes and constants that grows, with names of its own.

    Parameters
    ----------
    prefix
        Begins every name.

    Examples
    --------
    >>> nodes = Nodes("n_")
    >>> nodes.add("Mul", "x", nodes.constant(np.float32(2)))
    'n_mul_1'
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._words: dict[tuple[int, ...], str] = {}

    def add(self, operator: str, *inputs: str, outputs: Sequence[str] = (), **options: Any) -> str:
        """Add a node; give the name of its first output, its own unless ``outputs`` are given."""
        names = list(outputs) or [f"{self.prefix}{operator.lower()}_{len(self.nodes) + 1}"]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **options))
        return names[0]

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        """Give the name of a constant, the same for the same value."""
        array = np.asarray(value)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"{self.prefix}constant_{len(self.constants) + 1}"
            self.constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def whole(self, *values: int) -> str:
        """Give the name of a list of whole numbers."""
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: int) -> str:
        """Give the name of one whole number, shape ()."""
        return self.constant(np.array(value, np.int64))

    def words(self, *values: int) -> str:
        """Give the name of a list of 32-bit words, as int64; they are stored as uint64.

        A reader of bundles may so take every large int64 for the size of something too large.
        """
        if values not in self._words:
            stored = self.constant(np.array(values, np.uint64))
            self._words[values] = self.cast(stored, TensorProto.INT64)
        return self._words[values]

    def cast(self, name: str, kind: int) -> str:
        """Convert to ``TensorProto.INT64`` or the like."""
        return self.add("Cast", name, to=kind)
