"""Several processes that learn one model together, each from its share of every batch.

All processes hold the whole model and the same random state. Rows of a batch are dealt like
cards: process r of N has rows r, r + N, …, so that a share of two batches laid one after the
other is their shares one after the other. Nothing is exchanged during Langevin dynamics;
gradients, figures and what is kept of single examples are exchanged after it.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from coop_runtime.errors import CoopError

from .chance import SharedGenerator
from .figures import Figures

__all__ = ["ALONE", "LostError", "Shard", "first_to_be", "joined", "statistics"]


class LostError(CoopError):
    """Another process of the training is gone."""


@dataclass(frozen=True)
class Shard:
    """One process's part in a training; the default is the training of one process.

    Attributes
    ----------
    rank, count
        Number of this process, from 0, and number of processes.
    local_rank
        Number of this process on its machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def rows(self) -> slice:
        """The rows of a joined batch that are this process's."""
        return slice(self.rank, None, self.count)

    def sizes(self, joined: Mapping[str, int]) -> dict[str, int]:
        """Give the sizes of the shares of batches, by the settings that name them.

        Raises
        ------
        CoopError
            Processes would get shares of different sizes; all such settings are named.
        """
        uneven = {name: size for name, size in joined.items() if size % self.count}
        if uneven:
            found = ", ".join(f"{name}: {size}" for name, size in uneven.items())
            changes = " ".join(f"--set {name}={self.even(n)}" for name, n in uneven.items())
            raise CoopError(
                f"{found} cannot be shared evenly by {self.count} processes; give {changes}, or "
                "another --nproc-per-node"
            )
        return {name: size // self.count for name, size in joined.items()}

    def even(self, size: int) -> int:
        """Give a size near this one that the processes can share.

        Examples
        --------
        >>> Shard(0, 2).even(5), Shard(0, 4).even(3)
        (4, 4)
        """
        return max(self.count, size // self.count * self.count)

    def generator(self, device: torch.device, seed: int) -> torch.Generator:
        """Give the source of noise for this process's rows."""
        rng = SharedGenerator(device)
        rng.rank, rng.count = self.rank, self.count
        return rng.manual_seed(seed)

    def whole(self, x: Tensor) -> Tensor:
        """Join the processes' rows of x (share, …) to the joined batch's, (joined, …)."""
        if self.count == 1:
            return x
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in self._all()]
        _exchange(lambda: dist.all_gather(parts, x.contiguous()))
        return torch.stack(parts, 1).flatten(0, 1)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of this process by the mean over all processes, in one exchange."""
        if self.count == 1 or not tensors:
            return
        with torch.no_grad():
            flat = torch.cat([t.flatten() for t in tensors])
            _exchange(lambda: dist.all_reduce(flat))
            parts = (flat / self.count).split_with_sizes([t.numel() for t in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def averaged(self, figures: Figures) -> Figures:
        """Give the means of figures over all processes, so that all decide alike."""
        if self.count == 1:
            return figures
        known = figures.known()
        values = torch.tensor([*known.values()], dtype=torch.float64)
        self.average([values])
        return figures._replace(**dict(zip(known, values.tolist(), strict=True)))

    def agree(self, signal: int | None, seconds: float) -> tuple[int | None, float]:
        """Give a signal that any process has met, and the first process's clock."""
        if self.count == 1:
            return signal, seconds
        # All times are ≥ 0: the others' count as none.
        values = torch.tensor([signal or 0, seconds if self.first else 0], dtype=torch.float64)
        _exchange(lambda: dist.all_reduce(values, dist.ReduceOp.MAX))
        return int(values[0]) or None, float(values[1])

    def wait(self) -> None:
        """Go on only when all processes have got so far."""
        if self.count > 1:
            _exchange(dist.barrier)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one process's failure everyone's, and go on only when all have got so far."""
        error: Exception | None = None
        try:
            yield
        except Exception as caught:
            error = caught
        if self.count > 1:
            told: list[Any] = [None for _ in self._all()]
            why = None if error is None else str(error) or type(error).__name__
            _exchange(lambda: dist.all_gather_object(told, why))
            for rank, other in enumerate(told):
                if error is None and other is not None:
                    error = CoopError(f"process {rank}: {other}")
        if error is not None:
            raise error

    def _all(self) -> range:
        return range(self.count)


#: The training of one process.
ALONE = Shard()


def first_to_be() -> bool:
    """Whether this process will be the first of `joined`, which writes and speaks."""
    return not dist.is_torchelastic_launched() or os.environ["RANK"] == "0"


@contextmanager
def joined() -> Iterator[Shard]:
    """Take part in the training that torchrun has started; without torchrun, a training alone."""
    if not dist.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield ALONE
        return
    # Small agreements go through the CPU: they need not wait for the GPU.
    both = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(both)
    try:
        yield Shard(dist.get_rank(), dist.get_world_size(), int(os.environ["LOCAL_RANK"]))
    finally:
        dist.destroy_process_group()


def statistics(network: nn.Module) -> list[Tensor]:
    """Give the running statistics of a network's batch normalisations."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    found = [t for m in norms for t in (m.running_mean, m.running_var)]
    return [t for t in found if t is not None]


def _exchange(step: Callable[[], Any]) -> None:
    """Exchange with the other processes; RuntimeError of torch means that one is gone."""
    try:
        step()
    except RuntimeError as error:
        raise LostError(
            "another process of this training is gone; the last good state is saved: --resume"
        ) from error
