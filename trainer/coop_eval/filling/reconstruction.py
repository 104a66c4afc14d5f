"""Reconstruction of unseen pictures: by the encoder, by latent Langevin, or one after the other.

Divergence triangle (Han et al. 2018), section 4.2 and Table 2: x → z → g(z), the mean squared error
per pixel. Their range is not said, but must be [−1, 1], that of the generators' tanh: on CIFAR-10
the grey of the mean has an error of 0.24 there and of 0.06 on [0, 1], so that their figures from
0.028 to 0.311 (ALI, which draws another picture) can only be of the former. An error on [0, 1] is a
quarter of it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coop_runtime import CoopError, Model
from coop_runtime.tasks.reconstruct import How

from ..subject import from_model, to_model

__all__ = ["Reconstructed", "reconstruct", "reconstruction_error"]

Floats = NDArray[np.float32]


class Reconstructed(NamedTuple):
    """Errors of reconstructed pictures, means over pictures and entries.

    Attributes
    ----------
    square
        Mean squared error of pictures within [−1, 1], as the triangle paper's Table 2.
    square_unit
        The same of pictures within [0, 1]: a quarter.
    absolute
        Mean absolute error relative to the range, as the slides' dimension reduction.
    """

    square: float
    square_unit: float
    absolute: float


def reconstruct(
    model: Model,
    x: Floats,
    how: How,
    *,
    steps: int = 50,
    settle: int = 50,
    seed: int = 0,
    batch: int = 50,
) -> Floats:
    """Give g(z) of pictures, (n, channels, height, width) within [0, 1].

    Parameters
    ----------
    x
        Like the result.
    how
        ``"encoder"``: the mean of q(z|x); ``"posterior"``: Langevin steps from N(0, I);
        ``"both"``: Langevin steps from the encoder's mean.
    steps, settle
        Langevin steps on z, and steps without noise after them; the encoder takes none.
    batch
        Pictures at once; the result does not depend on it.

    Raises
    ------
    CoopError
        The model has no encoder, or other channels.
    """
    parts = []
    for first in range(0, len(x), batch):
        values = to_model(x[first : first + batch], model)
        done = model.reconstruct(values, how, steps=steps, settle=settle, seed=seed, first=first)
        parts.append(from_model(done.x, model))
    return np.concatenate(parts)


def reconstruction_error(original: Floats, again: Floats) -> Reconstructed:
    """Compare reconstructions with their originals, both within [0, 1].

    Examples
    --------
    >>> reconstruction_error(np.zeros((1, 3, 2, 2)), np.full((1, 3, 2, 2), 0.5))
    Reconstructed(square=1.0, square_unit=0.25, absolute=0.5)
    """
    if original.shape != again.shape or original.ndim != 4:
        raise CoopError(
            f"expected pictures (n, channels, height, width) of one shape, found {original.shape} "
            f"and {again.shape}"
        )
    difference = again.astype(np.float64) - original
    square = float(np.square(difference).mean())
    return Reconstructed(4 * square, square, float(np.abs(difference).mean()))
