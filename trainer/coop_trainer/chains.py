"""A pool of persistent Langevin chains: long chains seen while learning stay good when sampling."""

import torch
from torch import Tensor

from .chance import uniform
from .shards import ALONE, Shard

__all__ = ["ChainPool"]


class ChainPool:
    """States of chains that go on from one iteration to the next.

    CoopNets' own chains are a few steps long and start from fresh drafts; a descriptor that has
    only seen such states knows nothing of where longer chains go. A share of persistent chains
    (Tieleman, 2008) shows it, as the paper's Algorithm D does with all its chains.

    Parameters
    ----------
    size
        Number of chains kept; 0 for none.
    shard
        Several processes keep the same pool, and each moves its share of the picked chains.

    Attributes
    ----------
    states
        (up to ``size``, channels, …); None before the first `fill`.
    """

    def __init__(self, size: int, shard: Shard = ALONE) -> None:
        self.size, self.shard = size, shard
        self.states: Tensor | None = None

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Pick ``count`` different chains: their places and states; None while there are fewer."""
        joined = count * self.shard.count
        if not count or self.states is None or len(self.states) < joined:
            return None
        order = torch.randperm(len(self.states), generator=rng, device=rng.device)
        places = order[:joined][self.shard.rows]
        return places, self.states[places]

    def put_back(
        self, places: Tensor, states: Tensor, fresh: Tensor, restart: float, rng: torch.Generator
    ) -> None:
        """Store where the picked chains have got to.

        Each is restarted with probability ``restart``: its state is then the one of ``fresh``,
        as many and of the same shape.
        """
        if self.states is not None:
            again = uniform((len(states),), rng) < restart
            kept = torch.where(again.view(-1, *[1] * (states.dim() - 1)), fresh, states)
            self.states[self.shard.whole(places)] = self.shard.whole(kept)

    def fill(self, states: Tensor) -> None:
        """Take in new chains while there is room."""
        kept = 0 if self.states is None else len(self.states)
        if kept < self.size:
            new = self.shard.whole(states)[: self.size - kept].clone()
            self.states = new if self.states is None else torch.cat([self.states, new])
