"""Which device to compute on, and ONNX Runtime sessions that are really there."""

import contextlib
import ctypes
import io
import re
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .arrays import check_whole
from .errors import CoopError, GraphError
from .probe import MATMUL

__all__ = [
    "SessionOptions",
    "choose_device",
    "cuda_devices",
    "cuda_problem",
    "one_line",
    "onnxruntime",
    "open_session",
]

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_MOST_THREADS = 1024
_SILENT = 4  # fatal errors only: every other one becomes a CoopError


def onnxruntime() -> Any:
    """Import onnxruntime, late, so that importing coop_runtime stays quick.

    Raises
    ------
    CoopError
        It is not installed, or cannot be loaded.
    """
    try:
        import onnxruntime as module
    except ImportError as error:
        raise CoopError(
            f"onnxruntime cannot be imported ({one_line(error)}); "
            "pip install 'coopnets[cpu]' or 'coopnets[gpu]'"
        ) from None
    return module


def choose_device(device: str) -> str:
    """Settle what ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"`` means on this machine.

    Returns
    -------
    ``"cpu"`` or ``"cuda:i"``; ``"auto"`` is the first CUDA device if it really works.

    Raises
    ------
    CoopError
        An unknown name, or a device that was asked for by name and cannot be had.

    Examples
    --------
    >>> choose_device("cpu")
    'cpu'
    """
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", device):
        raise CoopError(f"device: expected auto, cpu, cuda or cuda:N, found {device!r}")
    if device == "cpu":
        return "cpu"
    index = int(device.partition(":")[2] or 0)
    problem = cuda_problem(index)
    if problem is None:
        return f"cuda:{index}"
    if device == "auto":
        return "cpu"
    raise CoopError(
        f"device '{device}' cannot be had: {problem}; "
        "take 'cpu' or 'auto' ('coop-run doctor' tells more)"
    )


def cuda_problem(index: int = 0) -> str | None:
    """Say why CUDA device ``index`` cannot be used; None if it works.

    A session is tried only when there is a driver with that device: onnxruntime would
    print warnings and give a CPU session in silence.
    """
    ort = onnxruntime()
    if _CUDA not in ort.get_available_providers():
        return f"onnxruntime {ort.__version__} is built without CUDA (pip install 'coopnets[gpu]')"
    count = cuda_devices()
    if count == 0:
        return "no NVIDIA driver with a device was found"
    if index >= count:
        return f"this machine has {count} CUDA device(s), counted from 0"
    one = np.ones((1, 1), np.float32)
    try:
        with _quiet(ort):
            session = _session(ort, MATMUL, f"cuda:{index}", SessionOptions())
            if session.get_providers()[0] == _CUDA:
                session.run(None, {"a": one, "b": one})
                return None
    except Exception as error:
        return one_line(error)
    return (
        "onnxruntime cannot load its CUDA and cuDNN libraries "
        "(pip install 'onnxruntime-gpu[cuda,cudnn]')"
    )


def cuda_devices() -> int:
    """Count the devices that the NVIDIA driver shows; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value


class SessionOptions(NamedTuple):
    """How ONNX Runtime is to compute.

    Attributes
    ----------
    threads
        Threads of one operation on the CPU, ≥ 1; None for one per core.
    arena
        Whether memory is kept for the next call.
    provider_options
        For the CUDA provider, beside ours.
    """

    threads: int | None = None
    arena: bool = True
    provider_options: Mapping[str, str] = MappingProxyType({})


def open_session(data: bytes, device: str, options: SessionOptions, name: str) -> Any:
    """Create a session from the bytes of a graph on a device of `choose_device`.

    Parameters
    ----------
    data
        The ONNX file.
    device
        ``"cpu"`` or ``"cuda:i"``.
    options
        Threads, memory, and what the CUDA provider is told.
    name
        Name of the file, for errors.

    Raises
    ------
    GraphError
        Not a graph that onnxruntime reads, or not on that device.
    ArgumentError
        A wrong number of threads.
    """
    if options.threads is not None:
        check_whole("threads", options.threads, 1, _MOST_THREADS)
    ort = onnxruntime()
    try:
        session = _session(ort, data, device, options)
    except Exception as error:
        raise GraphError(
            f"{name}: onnxruntime {ort.__version__} cannot load this graph ({one_line(error)}); "
            "update onnxruntime, or export the bundle again"
        ) from None
    if session.get_providers()[0] != (_CPU if device == "cpu" else _CUDA):
        raise GraphError(f"{name}: onnxruntime gave no session on {device}; take the device 'cpu'")
    return session


def _session(ort: Any, data: bytes, device: str, wanted: SessionOptions) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = _SILENT
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = options.enable_mem_pattern = wanted.arena
    if wanted.threads is not None:
        options.intra_op_num_threads = wanted.threads
    providers: list[Any] = [_CPU]
    if device != "cpu":
        # TF32 has 10 bits of mantissa, which breaks the card's parity; the exhaustive search
        # for a convolution's algorithm starts anew at every new picture size.
        cuda = {
            "device_id": device.partition(":")[2],
            "use_tf32": "0",
            "cudnn_conv_algo_search": "HEURISTIC",
            **wanted.provider_options,
        }
        providers.insert(0, (_CUDA, cuda))
    # With a fallback it would print, and go on on the CPU after a failure of the GPU.
    return ort.InferenceSession(data, options, providers=providers, enable_fallback=0)


@contextlib.contextmanager
def _quiet(ort: Any) -> Iterator[None]:
    """Load CUDA libraries of pip packages, if any, and keep onnxruntime from printing.

    What it says about missing libraries comes from its one default logger, so that
    logger is turned down while CUDA is tried, and back to onnxruntime's default.
    """
    ort.set_default_logger_severity(_SILENT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            if hasattr(ort, "preload_dlls"):
                ort.preload_dlls()
            yield
    finally:
        ort.set_default_logger_severity(2)


def one_line(error: BaseException) -> str:
    """Give an error's text on one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
