"""One loaded graph: runs a batch example by example and checks what goes in and out."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .binding import run_bound
from .card import Graph
from .errors import CancelledError, ClosedError, CoopError, GraphError, TimeLimitError
from .sessions import one_line, onnxruntime
from .watchdog import limited

__all__ = ["LoadedGraph"]


class LoadedGraph:
    """A graph of the card and the session that runs it; may be shared by threads.

    Parameters
    ----------
    spec
        The card's entry.
    session
        An ``onnxruntime.InferenceSession``, or what runs like one.
    engine
        What computes, for errors.
    time_limit
        Seconds that one example may take; None for no limit. Only for onnxruntime.
    shrink
        Onnxruntime's name of the memory arena that each run shrinks, see `SessionOptions.shrunk`.
    bound
        Device to whose memory inputs and outputs are bound; None to leave that to the engine.
    interrupt
        Asked before each example; True ends the call. None: never.
    """

    def __init__(
        self,
        spec: Graph,
        session: Any,
        engine: str = "onnxruntime",
        time_limit: float | None = None,
        shrink: str | None = None,
        bound: str | None = None,
        interrupt: Callable[[], bool] | None = None,
    ) -> None:
        self.spec = spec
        self.engine = engine
        self._session = session
        self._time_limit = time_limit
        self._shrink = shrink
        self._bound = bound
        self._interrupt = interrupt

    def close(self) -> None:
        """Let go of the session; its memory is free when calls under way have ended."""
        self._session = None

    def run(
        self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, tuple[int, ...]]
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
        GraphError
            A failure of the engine, or an output of a wrong shape.
        TimeLimitError
            It took too long.
        CancelledError
            ``interrupt`` said so.
        ClosedError
            The model is closed.
        CoopError
            A size that the graph does not take.
        """
        session = self._session
        if session is None:
            raise ClosedError("the model is closed: load the bundle again")
        batch = max(len(value) for value in inputs.values() if value.ndim)
        rows = []
        for k in range(batch):
            if self._interrupt is not None and self._interrupt():
                raise CancelledError("the call was cancelled")
            feed = {key: v[k : k + 1] if v.ndim else v for key, v in inputs.items()}
            self._check_fixed(feed)
            rows.append(self._run(session, list(outputs), feed))
        results: list[Array] = [np.concatenate(column) for column in zip(*rows, strict=True)]
        for (name, shape), result in zip(outputs.items(), results, strict=True):
            if result.shape != shape:
                raise GraphError(
                    f"{self.spec.file}: output '{name}': the card promises the shape {shape}, "
                    f"the graph gave {result.shape}; export the bundle again"
                )
        return results

    def _run(self, session: Any, outputs: list[str], feed: dict[str, NDArray[Any]]) -> list[Array]:
        """Compute one example, within the time limit."""
        run = partial(run_bound, session, self._bound) if self._bound else session.run
        if self._time_limit is None and self._shrink is None:
            return self._explained(run, outputs, feed)
        options = onnxruntime().RunOptions()
        if self._shrink is not None:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", self._shrink)
        with limited(self._time_limit, lambda: setattr(options, "terminate", True)) as late:
            try:
                return self._explained(run, outputs, feed, options)
            except GraphError:
                if late.is_set():
                    raise TimeLimitError(
                        f"{self.spec.file}: one example took more than {self._time_limit:g} s, the "
                        "time limit that load() was given"
                    ) from None
                raise

    def _explained(self, run: Callable[..., list[Array]], *arguments: Any) -> list[Array]:
        try:
            return run(*arguments)
        except Exception as error:
            raise GraphError(f"{self.spec.file}: {self.engine} failed: {one_line(error)}") from None

    def _check_fixed(self, feed: Mapping[str, NDArray[Any]]) -> None:
        for name, value in feed.items():
            shape = self.spec.inputs[name]
            if any(isinstance(a, int) and a != n for a, n in zip(shape, value.shape, strict=True)):
                expected = ", ".join(map(str, shape))
                raise CoopError(
                    f"{self.spec.file}: '{name}' takes only the shape ({expected}), "
                    f"found {value.shape}; give a size that fits"
                )
