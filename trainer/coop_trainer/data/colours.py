"""Principal colours of pictures, in which textures are learned."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["principal_colours"]

SPREAD = 1 / 3  # standard deviation of each principal colour: three of them are the range's end
LARGEST_GAIN = 32.0  # against the strongest: weaker ones are noise of the camera's or the file's


def principal_colours(pictures: Sequence[NDArray[np.float32]]) -> tuple[tuple[float, ...], ...]:
    """Give rows (b₁ … b_C, m) of `coop_runtime.colours`, so that x = B⁻¹ (y − m) are uncorrelated.

    The columns of B are the principal components of all pixels, in falling order of variance, each
    as long as three of its standard deviations: x has mean 0 and standard deviation ⅓.

    Parameters
    ----------
    pictures
        Each (…, channels), with two channels or more, not all equal.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> light, hue = rng.normal(size=(2, 1000, 1)) * [[[0.3]], [[0.03]]]
    >>> y = np.concatenate([light + hue, light - hue, light], 1).astype(np.float32)
    >>> rows = np.array(principal_colours([y]))
    >>> x = (y - rows[:, 3]) @ np.linalg.inv(rows[:, :3]).T
    >>> x.std(axis=0).round(2).tolist()  # the third has no spread
    [0.33, 0.33, 0.0]
    """
    pixels = np.concatenate([p.reshape(-1, p.shape[-1]) for p in pictures]).astype(np.float64)
    variances, directions = np.linalg.eigh(np.cov(pixels, rowvar=False))
    deviations = np.sqrt(np.maximum(variances, 0))[::-1]
    directions = directions[:, ::-1]
    largest = np.abs(directions).argmax(axis=0)  # the sign of a direction is LAPACK's: choose one
    directions = directions * np.sign(directions[largest, np.arange(len(largest))])
    deviations = np.maximum(deviations, deviations[0] / LARGEST_GAIN)
    rows = np.concatenate([directions * (deviations / SPREAD), pixels.mean(0)[:, None]], axis=1)
    return tuple(tuple(row) for row in rows.tolist())
