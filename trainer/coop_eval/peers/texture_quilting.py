"""Image quilting: patches of the picture, sewn together along the seams that show least."""

import cv2
import numpy as np
from numpy.typing import NDArray

from coop_runtime.errors import CoopError

from ..textures.crops import check_texture

__all__ = ["cheapest_seam", "image_quilting"]

Floats = NDArray[np.floating]
Block = NDArray[np.float32]

BLOCK = 36
TOLERANCE = 0.1


def image_quilting(
    picture: Floats, size: tuple[int, int], rng: np.random.Generator, block: int = BLOCK
) -> Block:
    """Synthesise a texture by quilting.

    A. A. Efros, W. T. Freeman, "Image quilting for texture synthesis and transfer", SIGGRAPH 2001,
    section 2, with the paper's settings: blocks overlap by a sixth of their side, one is drawn
    among those whose error in the overlap is within 0.1 of the best one's, and is cut along the
    path of least error. The block's side is the one parameter left to the user: about the largest
    element of the texture. Blocks that merely go on where a neighbour was cut out are left out:
    their error is 0, and the result would be the picture itself.

    Parameters
    ----------
    picture
        (channels, height, width), at least twice as large as a block.
    size
        Height and width of the result.
    rng
        Draws the blocks.
    block
        Side of a block, in pixels.

    Returns
    -------
    (channels, *size), float32, made of values of the picture.

    Raises
    ------
    CoopError
        The picture is too small for the blocks.
    """
    check_texture(picture)
    if min(picture.shape[1:]) < 2 * block:
        raise CoopError(f"the picture is smaller than two blocks of {block}; give a smaller block")
    source = np.ascontiguousarray(picture.transpose(1, 2, 0), dtype=np.float32)
    overlap = block // 6
    step = block - overlap
    rows, columns = (-(-(side - overlap) // step) for side in size)
    quilt = np.zeros((*(overlap + n * step for n in (rows, columns)), source.shape[2]), np.float32)
    taken: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(rows):
        for j in range(columns):
            place = quilt[i * step : i * step + block, j * step : j * step + block]
            filled = _overlap(block, overlap, above=i > 0, left=j > 0)
            errors = _errors(source, place, filled)
            for r, c in _continuations(taken, i, j, step):
                if r < errors.shape[0] and c < errors.shape[1]:
                    errors[r, c] = np.inf
            taken[i, j] = r, c = _draw(errors, rng)
            piece = source[r : r + block, c : c + block]
            old = _kept(((piece - place) ** 2).sum(2), overlap, above=i > 0, left=j > 0)
            place[~old] = piece[~old]
    return np.ascontiguousarray(quilt[: size[0], : size[1]].transpose(2, 0, 1))


def cheapest_seam(errors: Floats) -> NDArray[np.intp]:
    """Column of the path of least summed error through each row, from top to bottom.

    Steps go straight down or to a neighbouring column (section 2.1).

    Parameters
    ----------
    errors
        (rows, columns), not negative.

    Examples
    --------
    >>> cheapest_seam(np.array([[9.0, 1, 9], [1, 9, 9], [9, 1, 9]]))
    array([1, 0, 1])
    """
    total = errors.astype(np.float64)
    for row in range(1, len(total)):
        before = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(before[:-2], before[1:-1]), before[2:])
    seam = np.empty(len(total), np.intp)
    seam[-1] = total[-1].argmin()
    for row in range(len(total) - 2, -1, -1):
        low = max(seam[row + 1] - 1, 0)
        seam[row] = low + total[row, low : seam[row + 1] + 2].argmin()
    return seam


def _overlap(block: int, overlap: int, *, above: bool, left: bool) -> Block:
    """1 where a block meets those above and left of it, (block, block)."""
    mask = np.zeros((block, block), np.float32)
    mask[: overlap * above] = 1
    mask[:, : overlap * left] = 1
    return mask


def _errors(source: Block, place: Block, filled: Block) -> NDArray[np.float64]:
    """Sum the squares, in the overlap, of what each block of the source would change."""
    if not filled.any():
        return np.zeros(np.subtract(source.shape[:2], place.shape[:2]) + 1)
    mask = np.repeat(filled[..., None], source.shape[2], axis=2)
    found = cv2.matchTemplate(source, np.ascontiguousarray(place), cv2.TM_SQDIFF, mask=mask)
    return np.maximum(found.astype(np.float64), 0)


def _continuations(
    taken: dict[tuple[int, int], tuple[int, int]], i: int, j: int, step: int
) -> list[tuple[int, int]]:
    """Places in the source that lie to the blocks left and above as block (i, j) does."""
    neighbours = [
        (above, (di * step, dj * step))
        for di, dj in ((0, 1), (1, 0), (1, 1), (1, -1))
        if (above := taken.get((i - di, j - dj))) is not None
    ]
    moved = [(r + dr, c + dc) for (r, c), (dr, dc) in neighbours]
    return [(r, c) for r, c in moved if r >= 0 and c >= 0]


def _draw(errors: NDArray[np.float64], rng: np.random.Generator) -> tuple[int, int]:
    good = np.argwhere(errors <= (1 + TOLERANCE) * errors.min())
    r, c = good[rng.integers(len(good))]
    return int(r), int(c)


def _kept(errors: Floats, overlap: int, *, above: bool, left: bool) -> NDArray[np.bool_]:
    """Where the quilt stays as it is: left of the left seam, above the upper one."""
    old = np.zeros(errors.shape, bool)
    along = np.arange(overlap)
    if left:
        old[:, :overlap] |= along < cheapest_seam(errors[:, :overlap])[:, None]
    if above:
        old[:overlap] |= (along < cheapest_seam(errors[:overlap].T)[:, None]).T
    return old
