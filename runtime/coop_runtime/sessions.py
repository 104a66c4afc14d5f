"""Which device to compute on, and ONNX Runtime sessions that are really there."""

import contextlib
import ctypes
import re
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arguments import check_switch
from .arrays import check_whole
from .errors import ArgumentError, CoopError, GraphError, TimeLimitError, printable, shown
from .inspect_graph import MEMORY
from .probe import MATMUL
from .watchdog import limited

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
    ArgumentError
        An unknown name, or a device that was asked for by name and cannot be had.

    Examples
    --------
    >>> choose_device("cpu")
    'cpu'
    """
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", str(device)):
        raise ArgumentError("device", f"expected auto, cpu, cuda or cuda:N, found {device!r}")
    if device == "cpu":
        return "cpu"
    index = int(device.partition(":")[2] or 0)
    problem = cuda_problem(index)
    if problem is None:
        return f"cuda:{index}"
    if device == "auto":
        return "cpu"
    raise ArgumentError(
        "device",
        f"'{device}' cannot be had: {problem}; take 'cpu' or 'auto' ('coop-run doctor' tells more)",
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


@dataclass(frozen=True)
class SessionOptions:
    """How ONNX Runtime is to compute, for programs that embed the runtime.

    Attributes
    ----------
    threads
        Threads of one operator on the CPU, ≥ 1; None for one per core.
    inter_threads
        Operators that may run at once, ≥ 1; 1: one after the other.
    spinning
        Whether threads that wait keep a core busy for a moment, which is quickest when a model has
        the machine to itself.
    arena
        Whether memory is kept for the next call; without it calls are slower and the process
        smaller.
    shrink
        Whether each call gives back at its end what the arena has grown by, if there is one.
    arena_limit
        Bytes that the arena of a CUDA device may have; None for no limit. On the CPU, onnxruntime
        knows no limit of one session.
    memory_pattern
        Whether the places of intermediate results are planned ahead for sizes seen before.
    memory
        Bytes that one run of a graph at the size of training may need: a bundle that needs more,
        as far as sizes tell, is refused before anything is allocated.
    provider_options
        For the CUDA provider, beside ours, which keep results close to the CPU's.
    entries
        Onnxruntime's configuration of a session, such as ``session.use_env_allocators``.

    Raises
    ------
    ArgumentError
        A number out of range, or a value of another type.

    Examples
    --------
    >>> SessionOptions(inter_threads=0)
    Traceback (most recent call last):
    ...
    coop_runtime.errors.ArgumentError: inter_threads: expected a whole number ≥ 1, found 0
    """

    threads: int | None = None
    inter_threads: int = 1
    spinning: bool = True
    arena: bool = True
    shrink: bool = False
    arena_limit: int | None = None
    memory_pattern: bool = True
    memory: int = MEMORY
    provider_options: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, most in (
            ("threads", _MOST_THREADS),
            ("inter_threads", _MOST_THREADS),
            ("arena_limit", None),
            ("memory", None),
        ):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), 1, most)
        for name in ("spinning", "arena", "shrink", "memory_pattern"):
            check_switch(name, getattr(self, name))
        for name in ("provider_options", "entries"):
            value = getattr(self, name)
            texts = isinstance(value, Mapping) and [*value, *value.values()]
            if texts is False or not all(isinstance(text, str) for text in texts):
                raise ArgumentError(name, f"expected texts by name, found {shown(value)}")

    def shrunk(self, device: str) -> str | None:
        """Give onnxruntime's name of the arena that each call shrinks; None if it does not."""
        if not self.shrink or not self.arena:
            return None
        return "cpu:0" if device == "cpu" else device.replace("cuda", "gpu")


def open_session(
    data: bytes,
    device: str,
    options: SessionOptions,
    name: str,
    time_limit: float | None = None,
) -> Any:
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
    time_limit
        Seconds that it may take; None for no limit.

    Raises
    ------
    GraphError
        Not a graph that onnxruntime reads, or not on that device.
    TimeLimitError
        It took too long.
    """
    ort = onnxruntime()
    try:
        session = _session(ort, data, device, options, time_limit)
    except TimeLimitError as error:
        raise TimeLimitError(f"{name}: {error}") from None
    except Exception as error:
        raise GraphError(
            f"{name}: onnxruntime {ort.__version__} cannot load this graph ({one_line(error)}); "
            "update onnxruntime, or export the bundle again"
        ) from None
    if session.get_providers()[0] != (_CPU if device == "cpu" else _CUDA):
        raise GraphError(f"{name}: onnxruntime gave no session on {device}; take the device 'cpu'")
    return session


def _session(
    ort: Any, data: bytes, device: str, wanted: SessionOptions, time_limit: float | None = None
) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = _SILENT
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = wanted.arena
    options.enable_mem_pattern = wanted.arena and wanted.memory_pattern
    if wanted.inter_threads > 1:
        options.inter_op_num_threads = wanted.inter_threads
        options.execution_mode = ort.ExecutionMode.ORT_PARALLEL
    # Or bytes could be taken for a file of onnxruntime's own format, which nobody has looked into.
    entries = {"session.load_model_format": "ONNX"}
    if not wanted.spinning:
        entries |= {f"session.{kind}_op.allow_spinning": "0" for kind in ("intra", "inter")}
    for key, value in {**entries, **wanted.entries}.items():
        options.add_session_config_entry(key, value)
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
        }
        if wanted.arena_limit is not None:
            cuda["gpu_mem_limit"] = str(wanted.arena_limit)
        cuda |= wanted.provider_options
        providers.insert(0, (_CUDA, cuda))
    with limited(time_limit, lambda: options.set_load_cancellation_flag(True)) as late:
        try:
            # With a fallback it would print, and go on on the CPU after a failure of the GPU.
            return ort.InferenceSession(data, options, providers=providers, enable_fallback=0)
        except Exception:
            if late.is_set():
                raise TimeLimitError(
                    f"loading it took more than {time_limit:g} s, the time limit"
                ) from None
            raise


@contextlib.contextmanager
def _quiet(ort: Any) -> Iterator[None]:
    """Load CUDA libraries of pip packages, if any, and keep onnxruntime from printing.

    What it says about missing libraries comes from its one default logger, so that
    logger is turned down while CUDA is tried, and back to onnxruntime's default. What it prints
    while it loads them is not printed; other threads' standard output is left alone.
    """
    ort.set_default_logger_severity(_SILENT)
    try:
        if hasattr(ort, "preload_dlls"):
            load = ort.preload_dlls
            speechless = {**load.__globals__, "print": lambda *_, **__: None}
            types.FunctionType(load.__code__, speechless, argdefs=load.__defaults__)()
        yield
    finally:
        ort.set_default_logger_severity(2)


def one_line(error: BaseException) -> str:
    """Give an error's text on one line of at most 200 characters."""
    return printable(" ".join(str(error).split()) or type(error).__name__, 200)
