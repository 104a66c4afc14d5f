"""Memory: settings that no machine of this size can take are refused before they are tried."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from coop_runtime.errors import CoopError

__all__ = ["check_memory", "count_values", "memory_of", "short_of_memory"]

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
FLOAT = 4  # bytes


def count_values(networks: Mapping[str, nn.Module]) -> Counter[str]:
    """Have networks count the values that their layers give from now on, by network."""
    values = Counter[str]()

    def counting(name: str) -> Any:
        def count(_layer: nn.Module, _inputs: Any, output: object) -> None:
            values[name] += output.numel() if isinstance(output, Tensor) else 0

        return count

    for name, network in networks.items():
        for layer in network.modules():
            if not [*layer.children()]:
                layer.register_forward_hook(counting(name))
    return values


def check_memory(sizes: Mapping[str, int], values: int, device: torch.device) -> None:
    """Refuse batches whose values alone, kept for the gradient, exceed the whole memory.

    Parameters
    ----------
    sizes
        Examples or chains that go through a network at once, by the settings that say so.
    values
        What the layers of that network give for one example.

    Raises
    ------
    CoopError
        One line that names the setting. What passes may be too much all the same: iterations
        take some times as much.

    Examples
    --------
    >>> check_memory({"data.batch": 10**9}, 10**6, torch.device("cpu"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CoopError: data.batch = 1000000000 needs more than 4000000 GB of memory, ...
    """
    memory = memory_of(device)
    name = max(sizes, key=lambda key: sizes[key])
    if (needed := sizes[name] * values * FLOAT) > memory:
        raise CoopError(
            f"{name} = {sizes[name]} needs more than {needed / 1e9:.0f} GB of memory, and there "
            f"are {memory / 1e9:.0f} GB: lower it"
        )


def memory_of(device: torch.device) -> int:
    """Give the bytes of memory of a GPU, or of the machine or the container."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = CONTAINER_LIMIT.read_text().strip() if CONTAINER_LIMIT.exists() else "max"
    return min(whole, int(limit)) if limit.isdigit() else whole


@contextmanager
def short_of_memory() -> Iterator[None]:
    """Say in one line that an iteration takes more memory than there is.

    Raises
    ------
    CoopError
        In place of torch's errors of allocation.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise CoopError(
            "not enough memory for an iteration: lower data.batch, data.crop, or the method's "
            "number of chains or samples"
        ) from error
