"""Completion of pictures by a model, and how good completed pictures are.

CoopNets (Xie, Lu, Gao, Wu, AAAI 2018), section 5.3: latents are inferred from the known pixels by
Langevin dynamics, g(z) fills the hole, and the error is the difference per pixel relative to the
range of pixel values, over the hidden pixels. Pictures are (n, channels, height, width) float32
within [0, 1], so that the range is 1; masks are (n, 1, height, width), True where missing.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from coop_runtime import CoopError, Model
from coop_runtime.tasks.infer import Start

from ..peers.inpainting import membrane
from ..subject import from_model, to_model
from .holes import Mask

__all__ = [
    "Inferring",
    "Judged",
    "Suggested",
    "blended",
    "hidden_error",
    "hidden_psnr",
    "judge",
    "seam_energy",
    "similarity",
    "suggest",
]

Floats = NDArray[np.float32]
Each = NDArray[np.float64]
"""(n,), a figure of each picture."""

_ssim: Any = structural_similarity  # untyped


@dataclass(frozen=True)
class Inferring:
    """How latents are inferred, the same for all generators; see `coop_runtime.Model.completing`.

    Steps and chains were chosen on training faces: chains that find their own step size have
    settled by then, and the mean of a few is nearer to the original than the best of them.

    Attributes
    ----------
    chains, steps, settle, start, sigma, refine_steps, seed
        As there.
    batch
        Pictures that are completed at once; the result does not depend on it.
    """

    chains: int = 4
    steps: int = 40
    settle: int = 20
    start: Start = "noise"
    sigma: float | None = None
    refine_steps: int = 0
    seed: int = 0
    batch: int = 25


class Suggested(NamedTuple):
    """What a model suggests for each picture, the one that explains the known pixels best first.

    Attributes
    ----------
    pictures
        (n, K, channels, height, width) within [0, 1]; known pixels are those given.
    drafts
        Like these, but g(z) everywhere, known pixels too.
    observed
        Root mean square of x − g(z) over the known entries in the same units, (n, K).
    """

    pictures: Floats
    drafts: Floats
    observed: Floats

    @property
    def best(self) -> Floats:
        """Give the suggestion of the least observed error, which needs no original."""
        return self.pictures[:, 0]

    @property
    def mean(self) -> Floats:
        """Give the mean of the suggestions: an estimate of the posterior mean."""
        mean: Floats = self.pictures.mean(axis=1)
        return mean

    def oracle(self, original: Floats, missing: Mask) -> Floats:
        """Give the suggestion nearest to the **original**: a bound that no method can reach."""
        errors = [hidden_error(original, one, missing) for one in self.pictures.swapaxes(0, 1)]
        nearest: Floats = self.pictures[np.arange(len(original)), np.argmin(errors, axis=0)]
        return nearest


class Judged(NamedTuple):
    """Means over completed pictures.

    Attributes
    ----------
    error
        `hidden_error`.
    psnr
        `hidden_psnr`, dB.
    ssim
        `similarity`.
    seam
        Root of the quotient of `seam_energy` of completed to original pictures: 1 is the border
        of a natural picture, more a visible edge, less a blur across it.
    """

    error: float
    psnr: float
    ssim: float
    seam: float


def suggest(model: Model, x: Floats, missing: Mask, how: Inferring) -> Suggested:
    """Complete pictures by a model, what is missing unseen.

    Raises
    ------
    CoopError
        Of the model: no generator, other channels, nothing missing.
    """
    pictures, drafts, observed = [], [], []
    low, high = model.card.signal.value_range
    for first in range(0, len(x), how.batch):
        part, holes = x[first : first + how.batch], missing[first : first + how.batch]
        done = model.complete(
            to_model(np.where(holes, np.float32(0), part), model),
            holes,
            seed=how.seed,
            first=first,
            chains=how.chains,
            steps=how.steps,
            settle=how.settle,
            start=how.start,
            sigma=how.sigma,
            refine_steps=how.refine_steps,
        )
        shape = done.suggestions.shape
        flat = from_model(done.suggestions.reshape(-1, *shape[2:]), model).reshape(shape)
        pictures.append(np.where(holes[:, None], flat, part[:, None]))
        decoded = model.decode(done.z.reshape(-1, *done.z.shape[2:]))
        drafts.append(from_model(decoded, model).reshape(shape))
        observed.append(done.error / np.float32(high - low))
    return Suggested(*(np.concatenate(parts) for parts in (pictures, drafts, observed)))


def blended(x: Floats, missing: Mask, draft: Floats) -> Floats:
    """Put a draft into a hole without a seam: its Laplacian, with the known pixels as boundary.

    Pérez, Gangnet, Blake, "Poisson Image Editing", SIGGRAPH 2003: how far the picture is from the
    draft at the border is continued into the hole by `membrane`, and added. Only known pixels of x
    are looked at.

    Parameters
    ----------
    draft
        Like x, g(z) everywhere.
    """
    done = x.copy()
    for k, hole in enumerate(missing[:, 0]):
        offset = np.where(hole, np.float32(0), x[k] - draft[k])
        offset = np.moveaxis(membrane(np.moveaxis(offset, 0, -1), hole), -1, 0)
        done[k] = np.where(hole, np.clip(draft[k] + offset, 0, 1), x[k])
    return done


def judge(original: Floats, completed: Floats, missing: Mask) -> Judged:
    """Compare completed pictures with the originals."""
    _check(original, completed, missing)
    error = hidden_error(original, completed, missing)
    psnr = hidden_psnr(original, completed, missing)
    ssim = similarity(original, completed)
    natural = max(seam_energy(original, missing).sum(), 1e-12)
    seam = np.sqrt(seam_energy(completed, missing).sum() / natural)
    return Judged(*(float(figure.mean()) for figure in (error, psnr, ssim, seam)))


def hidden_error(original: Floats, completed: Floats, missing: Mask) -> Each:
    """Give the mean absolute difference over the hidden entries, relative to the range.

    Examples
    --------
    >>> hidden_error(np.zeros((1, 3, 2, 2)), np.full((1, 3, 2, 2), 0.5), np.eye(2)[None, None] > 0)
    array([0.5])
    """
    return _over(np.abs(completed - original), missing)


def hidden_psnr(original: Floats, completed: Floats, missing: Mask) -> Each:
    """Give the peak signal-to-noise ratio over the hidden entries in dB, at most 100."""
    square = _over(np.square(completed - original), missing)
    decibels: Each = -10 * np.log10(np.maximum(square, 1e-10))
    return decibels


def similarity(original: Floats, completed: Floats) -> Each:
    """Give the structural similarity of whole pictures, by `skimage.metrics`: windows of 7×7."""
    pairs = zip(original, completed, strict=True)
    return np.array([_ssim(a, b, channel_axis=0, data_range=1.0) for a, b in pairs])


def seam_energy(x: Floats, missing: Mask) -> Each:
    """Give the mean squared difference across the holes' border, (n,).

    That is, of neighbours of which one is known and one was missing.

    Examples
    --------
    >>> x = np.array([[[[0.0, 0.0, 0.5]]]], np.float32)
    >>> seam_energy(x, np.array([[[[False, False, True]]]]))
    array([0.25])
    """
    total, pairs = np.zeros(len(x)), np.zeros(len(x))
    for axis in (2, 3):
        border = np.diff(missing, axis=axis)
        square = np.square(np.diff(x.astype(np.float64), axis=axis))
        total += (square * border).sum(axis=(1, 2, 3))
        pairs += border.sum(axis=(1, 2, 3)) * x.shape[1]
    energy: Each = total / np.maximum(pairs, 1)
    return energy


def _over(values: Floats, missing: Mask) -> Each:
    """Give the mean over the hidden entries of each picture."""
    hidden = missing.sum(axis=(1, 2, 3)) * values.shape[1]
    if not hidden.all():
        raise CoopError("nothing is missing in a picture; expected a hole in each")
    mean: Each = (values.astype(np.float64) * missing).sum(axis=(1, 2, 3)) / hidden
    return mean


def _check(original: Floats, completed: Floats, missing: Mask) -> None:
    if original.ndim != 4 or original.shape != completed.shape:
        raise CoopError(
            f"expected pictures (n, channels, height, width) of one shape, found {original.shape} "
            f"and {completed.shape}"
        )
    if missing.shape != (len(original), 1, *original.shape[2:]):
        raise CoopError(
            f"expected masks (n, 1, height, width), found {missing.shape} for {original.shape}"
        )
