"""A pool of persistent Langevin chains: long chains seen while learning stay good when sampling."""

import torch
from torch import Tensor

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

    Attributes
    ----------
    states
        (up to ``size``, channels, …); None before the first `renew`.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.states: Tensor | None = None

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Pick ``count`` different chains: their places and states; None while there are fewer."""
        if not count or self.states is None or len(self.states) < count:
            return None
        order = torch.randperm(len(self.states), generator=rng, device=rng.device)
        return order[:count], self.states[order[:count]]

    def put_back(self, places: Tensor, states: Tensor) -> None:
        """Store where the picked chains have got to."""
        if self.states is not None:
            self.states[places] = states

    def renew(self, states: Tensor, rng: torch.Generator) -> None:
        """Take in new chains: append them while there is room, then replace chains at random."""
        if not self.size or not len(states):
            return
        if self.states is None or len(self.states) < self.size:
            old = [] if self.states is None else [self.states]
            self.states = torch.cat([*old, states.clone()])[: self.size]
            return
        places = torch.randperm(self.size, generator=rng, device=rng.device)[: len(states)]
        self.states[places] = states[: len(places)]
