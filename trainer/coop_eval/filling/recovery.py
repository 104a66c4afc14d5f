"""Recovery of incomplete training pictures: what a run, having learned them, puts into their holes.

Alternating back-propagation (Han, Lu, Zhu, Wu, AAAI 2017), and the divergence triangle (Han et al.
2018), section 4.4 and Table 3: the per-pixel absolute difference relative to the range on the
hidden pixels of the training pictures, which is `coop_eval.filling.completion.hidden_error`.
"""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from coop_runtime import CoopError
from coop_trainer.recover import recovered
from coop_trainer.start import resume

from ..subject import unit_pictures
from .holes import Mask

__all__ = ["Recovered", "recovered_pictures"]

Floats = NDArray[np.float32]


class Recovered(NamedTuple):
    """Training pictures of a run, their hidden entries filled in, and where these are.

    Attributes
    ----------
    pictures
        (n, channels, height, width) within [0, 1].
    missing
        (n, 1, height, width), True where hidden.
    """

    pictures: Floats
    missing: Mask


def recovered_pictures(run: Path, count: int | None = None) -> Recovered:
    """Read what a run recovers: the arrays that ``coop-train … --recover FILE`` writes.

    Parameters
    ----------
    run
        The run's folder, which is left as it is.
    count
        Of the first so many pictures only; None of all.

    Raises
    ------
    CoopError
        No run there, of complete data, or of a method that infers no latents.
    """
    training, _, _ = resume(run, torch.device("cpu"), writing=False)
    if training.signals.kind != "images":
        raise CoopError(f"{run}: learned {training.signals.kind}; expected a set of images")
    with np.load(io.BytesIO(recovered(training, count))) as arrays:
        images, seen = arrays["images"], arrays["seen"]
    return Recovered(unit_pictures(images), np.moveaxis(seen, -1, 1) == 0)
