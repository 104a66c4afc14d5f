"""Whether samples differ from each other, and from what was learned from."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from coop_runtime import Array, CoopError

__all__ = ["Memorised", "Neighbours", "memorised", "nearest", "pairwise_similarity"]

Numbers = NDArray[np.floating[Any]]
_ssim: Any = structural_similarity  # untyped


def pairwise_similarity(pictures: Array, pairs: int = 200, seed: int = 0) -> float:
    """Give the mean structural similarity of random pairs of pictures: less is more diverse.

    After Odena et al., ICML 2017, section 4.2, who take several scales and pairs of one class, and
    Wang et al. 2004, who weight windows: here one scale and plain windows of 7×7, as
    `skimage.metrics` does it unless told otherwise. To be compared with that of real pictures.

    Parameters
    ----------
    pictures
        (n, channels, height, width) in [0, 1], n ≥ 2, at least 7×7.
    pairs
        Number of pairs of different pictures.
    seed
        Which pairs.

    Returns
    -------
    In [−1, 1]; 1 if all are the same.
    """
    if pictures.ndim != 4 or len(pictures) < 2:
        raise CoopError(f"pictures: expected at least 2 in 4 dimensions, found {pictures.shape}")
    rng, values = np.random.default_rng(seed), []
    for _ in range(pairs):
        a, b = pictures[rng.choice(len(pictures), 2, replace=False)]
        values.append(_ssim(a, b, channel_axis=0, data_range=1.0))
    return float(np.mean(values))


class Neighbours(NamedTuple):
    """The nearest training example of each example: its number and its distance, both (n,)."""

    indices: NDArray[np.intp]
    distances: NDArray[np.float64]


def nearest(examples: Numbers, train: Numbers) -> Neighbours:
    """Find the nearest training example of each example, by the root mean square difference.

    Parameters
    ----------
    examples, train
        (n, …) and (m, …): pictures, or features.

    Examples
    --------
    >>> found = nearest(np.array([[0.0, 1.0]]), np.array([[0.0, 3.0], [0.0, 0.0]]))
    >>> found.indices.tolist(), found.distances.round(3).tolist()
    ([1], [0.707])
    """
    if examples.shape[1:] != train.shape[1:] or not len(train):
        raise CoopError(
            f"train: expected examples of shape {examples.shape[1:]}, found {train.shape[1:]}"
        )
    x, y = (np.asarray(a).reshape(len(a), -1) for a in (examples, train))
    squares = np.einsum("nd,nd->n", y, y)
    indices = np.concatenate(
        [np.argmin(squares - 2 * (x[k : k + 250] @ y.T), axis=1) for k in range(0, len(x), 250)]
    )
    # The expanded square loses digits where examples are equal: only the winner's is taken exactly.
    difference = x.astype(np.float64) - y[indices]
    return Neighbours(indices, np.sqrt((difference**2).mean(axis=1)))


class Memorised(NamedTuple):
    """How much nearer to the training examples samples are than held-out real examples.

    Attributes
    ----------
    samples, held_out
        The nearest training example of each.
    share
        Of samples nearer than 95 of 100 held-out examples are: 0.05 if samples are as new as
        real ones, 1 if they are copies. Blurred samples are near to everything, so look at pairs.
    ratio
        Median distance of samples ÷ that of held-out examples.
    """

    samples: Neighbours
    held_out: Neighbours
    share: float
    ratio: float


def memorised(samples: Numbers, held_out: Numbers, train: Numbers) -> Memorised:
    """Compare the distances of samples and of held-out examples from the training examples.

    Parameters
    ----------
    samples, held_out, train
        Pictures, or features, (n, …), (m, …), (l, …).
    """
    ours, theirs = nearest(samples, train), nearest(held_out, train)
    share = float((ours.distances < np.quantile(theirs.distances, 0.05)).mean())
    middle = float(np.median(theirs.distances))
    ratio = float(np.median(ours.distances)) / middle if middle else float("inf")
    return Memorised(ours, theirs, share, ratio)
