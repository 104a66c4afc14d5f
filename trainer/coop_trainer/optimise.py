"""How the methods' training steps have their networks take a step on a loss."""

from typing import Literal, Protocol

from torch import Tensor

__all__ = ["Network", "Optimise"]

Network = Literal["descriptor", "generator", "encoder"]


class Optimise(Protocol):
    """Takes one gradient step of the named networks, and of no other, on a loss."""

    def __call__(self, loss: Tensor, *networks: Network) -> None:  # noqa: D102
        ...
