"""Running a session with inputs and outputs bound to the memory of its device."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from .sessions import onnxruntime

__all__ = ["run_bound"]


def run_bound(
    session: Any,
    device: str,
    outputs: Sequence[str],
    feed: Mapping[str, NDArray[Any]],
    options: Any = None,
) -> list[NDArray[Any]]:
    """Do as ``session.run`` does, each array copied to the device once, each result from it once.

    Parameters
    ----------
    session
        An ``onnxruntime.InferenceSession`` on the device.
    device
        ``"cpu"`` or ``"cuda:i"``.
    outputs
        Names of the outputs wanted.
    feed
        Arrays by name.
    options
        ``onnxruntime.RunOptions``, or None.
    """
    values, (kind, _, index) = onnxruntime().OrtValue, device.partition(":")
    binding = session.io_binding()
    for name, array in feed.items():
        held = values.ortvalue_from_numpy(array, kind, int(index or 0))
        binding.bind_ortvalue_input(name, held)
    for name in outputs:
        binding.bind_output(name, kind, int(index or 0))
    binding.synchronize_inputs()
    session.run_with_iobinding(binding, options)
    binding.synchronize_outputs()
    results: list[NDArray[Any]] = binding.copy_outputs_to_cpu()
    return results
