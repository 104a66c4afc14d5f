"""Peers of completion that look at one picture only: classic interpolation and patch copying.

All take pictures (n, 3, height, width) within [0, 1] and masks (n, 1, height, width), True where
missing, and give the pictures with what is missing filled in; known pixels stay as they are.
CoopNets compares with MATLAB's ``inpaint_nans`` (D'Errico 2004): its discrete Laplacian is
`harmonic` (also the mode of the papers' Markov random field with squared differences), its squared
Laplacian `biharmonic`.
"""

from collections.abc import Callable

import cv2
import numpy as np
import patchmatch as pypatchmatch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve
from skimage.restoration import inpaint_biharmonic

from coop_runtime import CoopError

from ..filling.holes import Mask

__all__ = [
    "PEERS",
    "biharmonic",
    "harmonic",
    "mean_fill",
    "membrane",
    "navier_stokes",
    "patchmatch",
    "telea",
]

Floats = NDArray[np.float32]

RADIUS = 3  # pixels around each that OpenCV's methods look at, as in its documentation
PATCH = 1  # radius of compared patches, best of 1, 2, 3 on training faces; default 15, for photos


def mean_fill(x: Floats, missing: Mask) -> Floats:
    """Fill in the mean colour of what is known of the picture."""
    return _each(x, missing, lambda p, hole: np.broadcast_to(p[~hole].mean(axis=0), p.shape))


def harmonic(x: Floats, missing: Mask) -> Floats:
    """Interpolate so that the Laplacian is 0: each missing pixel is its neighbours' mean."""
    return _each(x, missing, membrane)


def biharmonic(x: Floats, missing: Mask) -> Floats:
    """Interpolate so that the squared Laplacian is 0, by `skimage.restoration`."""
    return _each(x, missing, lambda p, hole: inpaint_biharmonic(p, hole, channel_axis=-1))


def telea(x: Floats, missing: Mask) -> Floats:
    """March inwards from the border: Telea, Journal of Graphics Tools 2004, by OpenCV."""
    return _each(x, missing, lambda p, hole: _opencv(p, hole, cv2.INPAINT_TELEA))


def navier_stokes(x: Floats, missing: Mask) -> Floats:
    """Continue isophotes: Bertalmio, Bertozzi, Sapiro, CVPR 2001, by OpenCV."""
    return _each(x, missing, lambda p, hole: _opencv(p, hole, cv2.INPAINT_NS))


def patchmatch(x: Floats, missing: Mask) -> Floats:
    """Copy patches of the picture's known part: Barnes et al., SIGGRAPH 2009, by PyPatchMatch."""
    if not pypatchmatch.patchmatch_available:
        raise CoopError("PyPatchMatch has no native library here; install one of its wheels")
    pypatchmatch.set_random_seed(0)
    return _each(
        x,
        missing,
        lambda p, hole: pypatchmatch.inpaint(_bytes(p), hole, patch_size=PATCH) / 255,
    )


#: All of them, by the name that tables show.
PEERS: dict[str, Callable[[Floats, Mask], Floats]] = {
    "mean fill": mean_fill,
    "harmonic": harmonic,
    "biharmonic": biharmonic,
    "Telea": telea,
    "Navier–Stokes": navier_stokes,
    "PatchMatch": patchmatch,
}


def membrane(picture: NDArray[np.floating], hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Solve Laplace's equation within a hole; what is known is its boundary.

    Parameters
    ----------
    picture
        (height, width, channels), any units.
    hole
        (height, width), True where missing; something must be known.

    Examples
    --------
    >>> line = np.array([[[1.0], [0.0], [0.0], [4.0]]])
    >>> membrane(line, np.array([[False, True, True, False]])).ravel().round(6).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    height, width = hole.shape
    number = np.full((height + 2, width + 2), -1)  # of the unknowns; −1: known or outside
    number[1:-1, 1:-1][hole] = np.arange(hole.sum())
    inside = np.pad(np.ones_like(hole), 1)
    known = np.pad(picture.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    row, column = (1 + place for place in np.nonzero(hole))
    here = number[row, column]
    neighbours = np.zeros(len(here))
    right = np.zeros((len(here), picture.shape[2]))
    entries = []
    for down, across in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        there = (row + down, column + across)
        neighbours += inside[there]
        unknown = number[there] >= 0
        entries.append((here[unknown], number[there][unknown], -np.ones(unknown.sum())))
        right += known[there] * (inside[there] & ~unknown)[:, None]
    entries.append((here, here, neighbours))
    rows, columns, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    laplacian = coo_array((values, (rows, columns)), shape=(len(here), len(here))).tocsc()
    solved = picture.astype(np.float64).copy()
    solved[hole] = spsolve(laplacian, right).reshape(len(here), -1)
    return solved


def _each(
    x: Floats,
    missing: Mask,
    fill: Callable[[NDArray[np.float64], NDArray[np.bool_]], NDArray[np.floating]],
) -> Floats:
    """Fill picture by picture, which ``fill`` gets as (height, width, 3), float64, holes black."""
    if x.ndim != 4 or x.shape[1] != 3 or missing.shape != (len(x), 1, *x.shape[2:]):
        raise CoopError(
            f"expected pictures (n, 3, height, width) and masks (n, 1, height, width), found "
            f"{x.shape} and {missing.shape}"
        )
    if missing.all(axis=(1, 2, 3)).any():
        raise CoopError("nothing is known of a picture; expected holes that leave something")
    filled = x.copy()
    for k, hole in enumerate(missing[:, 0]):
        known = np.where(hole, 0.0, x[k].astype(np.float64))
        whole = np.clip(fill(np.moveaxis(known, 0, -1), hole), 0, 1)
        filled[k] = np.where(hole, np.moveaxis(whole, -1, 0), x[k])
    return filled


def _opencv(
    picture: NDArray[np.float64], hole: NDArray[np.bool_], method: int
) -> NDArray[np.floating]:
    done = cv2.inpaint(_bytes(picture), hole.astype(np.uint8), RADIUS, method)
    return np.asarray(done, np.float64) / 255


def _bytes(picture: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(picture * 255).astype(np.uint8)
