"""Principal components, the linear peer of a generator with as many latents."""

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from coop_runtime import CoopError

__all__ = ["principal_components"]

Floats = NDArray[np.float32]


def principal_components(train: Floats, x: Floats, count: int) -> Floats:
    """Reconstruct pictures from their first principal components.

    Parameters
    ----------
    train
        (n, channels, height, width) within [0, 1], what the components are learned from.
    x
        Like these, unseen.
    count
        d, fewer than n. The components are those of scikit-learn's randomised solver, with more
        iterations than it takes by itself: exact to some 1e-4 of the error.

    Returns
    -------
    Like x, cut to [0, 1].

    Examples
    --------
    >>> line = np.linspace(0, 1, 5, dtype=np.float32)[:, None, None, None] * np.ones((3, 4, 4))
    >>> bool(np.allclose(principal_components(line, line[:2], 1), line[:2], atol=1e-6))
    True
    """
    if train.shape[1:] != x.shape[1:] or not 0 < count < len(train):
        raise CoopError(
            f"expected pictures of one size and fewer components than pictures, found "
            f"{train.shape}, {x.shape} and {count} components"
        )
    solver = PCA(count, svd_solver="randomized", iterated_power=7, random_state=0)
    flat = train.reshape(len(train), -1).astype(np.float32)
    solver.fit(flat)
    codes = solver.transform(x.reshape(len(x), -1).astype(np.float32))
    again = np.clip(solver.inverse_transform(codes), 0, 1)
    return np.asarray(again, np.float32).reshape(x.shape)
