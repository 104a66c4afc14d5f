"""How networks are computed while learning: precision, and torch's compiler."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

__all__ = ["ComputeConfig", "autocast", "compile_networks"]


@dataclass(frozen=True)
class ComputeConfig:
    """How networks are computed while learning; what is shown and exported is float32.

    Attributes
    ----------
    precision
        ``"bfloat16"``: convolutions by torch's autocast in 16 bits; parameters, states, latents,
        energies and losses stay float32.
    compile
        Compile the networks by ``torch.compile``: minutes at the start, then faster on a GPU;
        slower than without on the CPU of `benchmarks/energy_step.py`.
    """

    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False


def autocast(config: ComputeConfig, device: torch.device) -> torch.autocast:
    """Give the context in which an iteration is computed.

    Weights are cast at each use: an iteration changes them more than once, and torch's cache of
    cast weights would not see it.
    """
    on = config.precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=on, cache_enabled=False)


def compile_networks(
    config: ComputeConfig, networks: Iterable[nn.Module], device: torch.device
) -> None:
    """Have torch compile the networks, if the settings ask for it, each at its first use.

    What is called on a network beside itself, as `Descriptor.density` in the descriptor's step,
    whose gradient penalty torch cannot compile, stays as it is.

    Raises
    ------
    CoopError
        Torch cannot compile on this machine.
    """
    if not config.compile:
        return
    try:
        torch.compile(_double)(torch.zeros(1, device=device))
    except Exception as error:  # a compiler can fail in every way
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CoopError(
            f"compute.compile: torch.compile does not work here ({why[:150]}); install a C++ "
            "compiler, or --set compute.compile=false"
        ) from None
    for network in networks:
        network.compile()


def _double(x: Tensor) -> Tensor:
    return 2 * x
