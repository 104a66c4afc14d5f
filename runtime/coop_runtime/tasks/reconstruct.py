"""Latents of signals, and what the generator makes of them.

From an encoder (Han et al., "Divergence Triangle", 2018), by Langevin dynamics on the posterior
(Han, Lu, Zhu, Wu, "Alternating Back-Propagation", AAAI 2017, equation (10)), or one after the
other (Cui, Han, "Dual-MCMC Teaching", NeurIPS 2023).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from ..arguments import check_choice
from ..arrays import Array, check_array, signal_shape
from ..core import Core
from .infer import Chains, Inference, infer

__all__ = ["How", "Reconstruction", "reconstructing"]

How = Literal["encoder", "posterior", "both"]


class Reconstruction(NamedTuple):
    """Latents of signals.

    Attributes
    ----------
    step
        Number of Langevin steps taken so far; 0 is the start.
    z
        (batch, latent channels, *cells).
    x
        g(z), (batch, channels, *size), within the card's ``value_range``.
    error
        Root mean square of the difference, in units of x, (batch,).
    """

    step: int
    z: Array
    x: Array
    error: Array


def reconstructing(
    core: Core, x: Any, how: How | None, settings: Chains
) -> Iterator[Reconstruction]:
    """Infer latents, yielding every state; see `Model.reconstruct`.

    Raises
    ------
    ArgumentError, MissingGraphError
        At the call.
    """
    if how is None:
        how = "encoder" if "encoder" in core.graphs else "posterior"
    check_choice("how", how, "encoder", "posterior", "both")
    if how == "encoder":
        settings = replace(settings, chains=1, steps=0, settle=0)
    if how != "posterior":
        settings = replace(settings, start="encoder")
    core.require("generator")
    x = check_array("x", x, signal_shape(core.card))
    inferred = infer(core, x, np.ones_like(x), settings)

    def shown(best: Inference) -> Reconstruction:
        again = np.clip(best.reconstruction[:, 0], *core.card.signal.value_range)
        return Reconstruction(best.step, best.z[:, 0], again, best.error[:, 0])

    return (shown(state.ranked()) for state in inferred)
