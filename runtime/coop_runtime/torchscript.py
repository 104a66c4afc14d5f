"""The second backend: a bundle's TorchScript programs, played by torch, imported only then.

A TorchScript file is a program, and its parts are stored as pickles that torch reads in its own
way. Its operators can read and write files, so it is run only when it is asked for by name.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .arrays import Array
from .card import Card
from .errors import ArgumentError, BundleError, CoopError
from .graphs import LoadedGraph
from .sessions import one_line

__all__ = ["Program", "open_program", "open_programs"]


@dataclass(frozen=True)
class Program:
    """A TorchScript program that runs as an ``onnxruntime.InferenceSession`` does.

    Attributes
    ----------
    module
        What ``torch.jit.load`` gave.
    outputs
        Names of what it gives, in order.
    device
        Where it runs: ``"cpu"`` or ``"cuda:i"``.
    """

    module: Any
    outputs: tuple[str, ...]
    device: str

    def run(self, outputs: Iterable[str], feed: Mapping[str, Array]) -> list[Array]:
        """Compute the outputs of these names from inputs by name.

        The compiler's optimiser is off: it would watch the first calls, then compile others, which
        round otherwise; where convolutions are most of the work, it gains nothing.
        """
        torch = _torch()
        with torch.inference_mode(), torch.jit.optimized_execution(False), _exact(torch, self):
            given = {
                name: torch.from_numpy(np.require(value, np.float32, ["C", "W"])).to(self.device)
                for name, value in feed.items()
            }
            results = dict(zip(self.outputs, self.module(**given), strict=True))
            return [results[name].cpu().numpy() for name in outputs]


def open_programs(
    card: Card, read: Callable[[str], bytes], device: str, threads: int | None
) -> tuple[dict[str, LoadedGraph], str]:
    """Load every program of a bundle; give them, and the device that they are on.

    Parameters
    ----------
    card
        The bundle's.
    read
        File name to the verified bytes.
    device, threads
        As `load` takes them.

    Raises
    ------
    BundleError
        The bundle has no TorchScript, or a program is not what the card says.
    ArgumentError
        A number of threads, or a device that cannot be had.
    CoopError
        There is no torch.
    """
    if card.torchscript is None:
        raise BundleError(
            f"'{card.name}' has no TorchScript files; take the backend 'onnx', or export it with "
            "--format torchscript"
        )
    if threads is not None:
        raise ArgumentError(
            "threads",
            "torch has one number for the whole process; leave it out, and call "
            "torch.set_num_threads",
        )
    device, graphs = _device(device), {}
    for name, file in card.torchscript.files.items():
        spec = replace(card.graphs[name], file=file)
        program = open_program(read(file), device, spec.inputs, spec.outputs, file)
        graphs[name] = LoadedGraph(spec, program, "torch")
    return graphs, device


def open_program(
    data: bytes, device: str, inputs: Iterable[str], outputs: Iterable[str], name: str
) -> Program:
    """Load a program from the bytes of a TorchScript file.

    Parameters
    ----------
    data
        The file.
    device
        ``"cpu"`` or ``"cuda:i"``.
    inputs, outputs
        Names; those of the inputs must be the program's.
    name
        Name of the file, for errors.

    Raises
    ------
    CoopError
        There is no torch.
    BundleError
        Not a program that torch reads, or one with other inputs or outputs.
    """
    torch = _torch()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.load` is deprecated")
            module = torch.jit.load(io.BytesIO(data), map_location=device)
        schema = module.forward.schema
    except Exception as error:
        raise BundleError(
            f"{name}: torch {torch.__version__} cannot load this graph ({one_line(error)}); "
            "export the bundle again"
        ) from None
    names = tuple(outputs)
    found = [(a.name, str(a.type)) for a in schema.arguments[1:]], str(schema.returns[0].type)
    expected = [(key, "Tensor") for key in inputs], f"Tuple[{', '.join(['Tensor'] * len(names))}]"
    if found != expected:
        raise BundleError(
            f"{name}: expected {_shown(*expected)}, found {_shown(*found)}; export the bundle again"
        )
    return Program(module, names, device)


def _shown(arguments: list[tuple[str, str]], result: str) -> str:
    return f"({', '.join(f'{name}: {kind}' for name, kind in arguments)}) -> {result}"


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise CoopError(
            f"the backend 'torchscript' needs torch ({one_line(error)}); pip install torch, or "
            "take the backend 'onnx'"
        ) from None
    return torch


def _device(device: str) -> str:
    """Settle what a device's name means for torch; one that is asked for is never replaced."""
    torch = _torch()
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", str(device)):
        raise ArgumentError("device", f"expected auto, cpu, cuda or cuda:N, found {device!r}")
    index, count = int(device.partition(":")[2] or 0), torch.cuda.device_count()
    if device != "cpu" and index < count:
        return f"cuda:{index}"
    if device in ("auto", "cpu"):
        return "cpu"
    raise ArgumentError(
        "device",
        f"'{device}' cannot be had: torch {torch.__version__} finds {count} CUDA device(s), "
        "counted from 0; take 'cpu' or 'auto'",
    )


def _exact(torch: Any, program: Program) -> contextlib.AbstractContextManager[Any]:
    """Keep cuDNN from TF32, whose 10 bits of mantissa break the card's parity."""
    if program.device == "cpu":
        return contextlib.nullcontext()
    flags: contextlib.AbstractContextManager[Any] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags
