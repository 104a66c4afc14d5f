"""One loaded graph: runs a batch example by example and checks what goes in and out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import Array
from .card import Graph
from .errors import CoopError
from .sessions import one_line

__all__ = ["LoadedGraph"]


@dataclass(frozen=True)
class LoadedGraph:
    """A graph of the card and the session that runs it.

    Attributes
    ----------
    spec
        The card's entry.
    session
        An ``onnxruntime.InferenceSession``, or what runs like one.
    engine
        What computes, for errors.
    """

    spec: Graph
    session: Any
    engine: str = "onnxruntime"

    def run(
        self, inputs: Mapping[str, Array], outputs: Mapping[str, tuple[int, ...]]
    ) -> list[Array]:
        """Compute the outputs, one example after the other.

        ONNX Runtime may choose another kernel for another batch size, and so round
        otherwise; one example per run makes its bytes independent of the batch.

        Parameters
        ----------
        inputs
            Arrays by name, batch first; a scalar (shape ()) goes to every example.
        outputs
            Names of the outputs wanted and the shape that each must have.

        Raises
        ------
        CoopError
            A size that the graph does not take, a failure of the engine, or an output
            of a wrong shape.
        """
        batch = max(len(value) for value in inputs.values() if value.ndim)
        rows = []
        for k in range(batch):
            feed = {key: v[k : k + 1] if v.ndim else v for key, v in inputs.items()}
            self._check_fixed(feed)
            try:
                rows.append(self.session.run(list(outputs), feed))
            except Exception as error:
                raise CoopError(
                    f"{self.spec.file}: {self.engine} failed: {one_line(error)}"
                ) from None
        results: list[Array] = [np.concatenate(column) for column in zip(*rows, strict=True)]
        for (name, shape), result in zip(outputs.items(), results, strict=True):
            if result.shape != shape:
                raise CoopError(
                    f"{self.spec.file}: output '{name}': the card promises the shape {shape}, "
                    f"the graph gave {result.shape}; export the bundle again"
                )
        return results

    def _check_fixed(self, feed: Mapping[str, Array]) -> None:
        for name, value in feed.items():
            shape = self.spec.inputs[name]
            if any(isinstance(a, int) and a != n for a, n in zip(shape, value.shape, strict=True)):
                expected = ", ".join(map(str, shape))
                raise CoopError(
                    f"{self.spec.file}: '{name}' takes only the shape ({expected}), "
                    f"found {value.shape}; give a size that fits"
                )
