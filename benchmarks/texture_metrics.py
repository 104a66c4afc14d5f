"""Measure how close a synthesised grey texture is to the one picture it was learned from.

Four numbers, none of which the training sees:

* `PsReference.distance`: Portilla-Simoncelli statistics, with crops of the picture that were held
  out ("real") as the yardstick and `random_phase` noise as the bad end of the scale;
* `copied_patches`: is the sample pasted together from the picture?
* `ms_ssim_between`: are all samples the same image?

Everything takes and returns numpy: grey images of shape (height, width) with values in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import plenoptic as po
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = [
    "CROP",
    "PsReference",
    "copied_patches",
    "copied_patches_real",
    "ms_ssim_between",
    "random_phase",
]

Image = NDArray[np.floating]
Floats = NDArray[np.float64]

CROP = 128
GRID = 16
STD_FLOOR = 0.02
PATCH = 16
PATCH_STRIDE = 8
COPY_CORRELATION = 0.95
FLAT_RATIO = 0.25


@cache
def _ps_model() -> po.models.PortillaSimoncelli:
    # 7 is the widest odd window that the coarsest of four scales of a 128-pixel crop can hold.
    return po.models.PortillaSimoncelli(
        (CROP, CROP), n_scales=4, n_orientations=4, spatial_corr_width=7
    ).to(torch.float64)


def _statistics(crops: Floats) -> Floats:
    """Portilla-Simoncelli statistics, (crops, 128, 128) -> (crops, statistics).

    Without the smallest and largest pixel: one pixel decides each, and where the picture touches
    0 or 1 they are the same in every crop, so no z-score exists.
    """
    model = _ps_model()
    with torch.no_grad():
        statistics = model(torch.from_numpy(crops)[:, None])
        statistics_of = model.convert_to_dict(statistics)
        statistics_of["pixel_statistics"][..., -2:] = torch.nan
        extremes = model.convert_to_tensor(statistics_of)[0, 0].isnan()
    return np.asarray(statistics[:, 0, ~extremes].numpy(), dtype=np.float64)


def _crops(image: Image, corners: Sequence[tuple[int, int]]) -> Floats:
    crops = [image[r : r + CROP, c : c + CROP] for r, c in corners]
    return np.stack(crops).astype(np.float64)


def _quadrants(picture: Image) -> list[tuple[int, int]]:
    """Top left corners of the four 128x128 quadrants of a (256, 256) picture."""
    if picture.shape != (2 * CROP, 2 * CROP):
        raise ValueError(
            f"the picture has shape {picture.shape}, expected {(2 * CROP, 2 * CROP)}: resize it"
        )
    return [(r, c) for r in (0, CROP) for c in (0, CROP)]


@dataclass(frozen=True)
class PsReference:
    """Statistics of real crops, once for each left-out quadrant of a (256, 256) picture.

    Attributes
    ----------
    mean
        (4, statistics), means over the 17 real crops that miss the quadrant.
    std
        (4, statistics), their standard deviations, after the floor.
    real
        Score of the picture itself: each quadrant against the reference that has not
        seen one of its pixels, averaged over the four.

    Examples
    --------
    >>> reference = PsReference.of(picture)                     # doctest: +SKIP
    >>> reference.distance(sample) / reference.real             # doctest: +SKIP
    """

    mean: Floats
    std: Floats
    real: float

    @classmethod
    def of(cls, picture: Image) -> PsReference:
        """Learn the reference from one picture, (256, 256) in [0, 1].

        A statistic's std is not allowed below 2 % of its mean's size: a few statistics hardly
        move between neighbouring crops (the 17 overlap each other), and dividing by that near
        zero would make them the whole score.

        Raises
        ------
        ValueError
            The picture is not 256x256.
        """
        grid = range(0, CROP + 1, GRID)
        corners = [(r, c) for r in grid for c in grid]
        statistics = _statistics(_crops(picture, corners))
        means, stds, real = [], [], []
        for r0, c0 in _quadrants(picture):
            clear = [abs(r - r0) >= CROP or abs(c - c0) >= CROP for r, c in corners]
            mean, std = statistics[clear].mean(0), statistics[clear].std(0, ddof=1)
            std = np.maximum(std, STD_FLOOR * np.abs(mean) + 1e-9)
            own = statistics[corners.index((r0, c0))]
            real.append(np.sqrt(np.mean(((own - mean) / std) ** 2)))
            means.append(mean)
            stds.append(std)
        return cls(np.stack(means), np.stack(stds), float(np.mean(real)))

    def distance(self, sample: Image) -> float:
        """Distance of one sample to the texture: RMS z-score over all statistics.

        Averaged over the four references and over the sample's corner and central crops, so it
        is on the scale of `real`. Statistics: Portilla and Simoncelli, "A parametric texture
        model based on joint statistics of complex wavelet coefficients", IJCV 40 (2000).

        Parameters
        ----------
        sample
            (height, width), both at least 128, in the picture's [0, 1] units.

        Raises
        ------
        ValueError
            The sample is smaller than 128x128.
        """
        height, width = sample.shape
        if min(height, width) < CROP:
            raise ValueError(f"the sample is {height}x{width}, expected at least {CROP}x{CROP}")
        bottom, right = height - CROP, width - CROP
        places = {(r, c) for r in (0, bottom) for c in (0, right)} | {(bottom // 2, right // 2)}
        statistics = _statistics(_crops(sample, sorted(places)))
        z = (statistics[:, None] - self.mean) / self.std
        return float(np.sqrt(np.mean(z**2, axis=-1)).mean())


def random_phase(picture: Image, rng: np.random.Generator) -> Floats:
    """Noise with the picture's mean and power spectrum and uniformly random phases.

    The baseline that keeps second-order statistics only (Galerne et al., "Random phase
    textures", IEEE TIP 20, 2011). Not clipped to [0, 1], which would change the spectrum.

    Parameters
    ----------
    picture
        (height, width).
    rng
        Source of the phases, taken from white noise so that the result is real.
    """
    noise = np.fft.rfft2(rng.standard_normal(picture.shape))
    noise /= np.abs(noise)
    noise[0, 0] = 1.0
    return np.fft.irfft2(np.abs(np.fft.rfft2(picture)) * noise, s=picture.shape)


def _unit_patches(
    image: Image, stride: int, smallest_std: float
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Patches with mean 0 and norm 1, (n, 256), and their corners, (n, 2); flat ones left out."""
    windows = sliding_window_view(image, (PATCH, PATCH))[::stride, ::stride]
    patches = windows.reshape(-1, PATCH * PATCH).astype(np.float32)
    corners = np.indices(windows.shape[:2]).reshape(2, -1).T * stride
    patches = patches - patches.mean(1, keepdims=True)
    norms = np.linalg.norm(patches, axis=1)
    keep = norms > smallest_std * PATCH
    return patches[keep] / norms[keep, None], corners[keep]


def copied_patches(sample: Image, picture: Image, threshold: float = COPY_CORRELATION) -> float:
    """Fraction of the sample's patches that have a near-copy in the picture.

    16x16 patches at stride 8 against every patch of the picture, mean removed; a near-copy has
    normalised correlation above `threshold`. Patches with less than a quarter of the picture's
    standard deviation are left out on both sides: their correlation is that of their noise.
    Compare with `copied_patches_real`: a texture repeats itself.

    Parameters
    ----------
    sample
        (height, width), any size from 16.
    picture
        (height, width), the training picture, same units.
    threshold
        Correlation from which a patch counts as copied.

    Returns
    -------
    Fraction in [0, 1]; 0 where the sample has no patch with contrast.
    """
    smallest = FLAT_RATIO * float(picture.std())
    return _copied(
        _unit_patches(sample, PATCH_STRIDE, smallest)[0],
        _unit_patches(picture, 1, smallest)[0],
        threshold,
    )


def copied_patches_real(picture: Image, threshold: float = COPY_CORRELATION) -> float:
    """`copied_patches` of the picture itself: each quadrant against patches clear of it.

    Parameters
    ----------
    picture
        (256, 256).
    threshold
        As in `copied_patches`.

    Raises
    ------
    ValueError
        The picture is not 256x256.
    """
    smallest = FLAT_RATIO * float(picture.std())
    patches, corners = _unit_patches(picture, 1, smallest)
    fractions = []
    for r0, c0 in _quadrants(picture):
        quadrant = picture[r0 : r0 + CROP, c0 : c0 + CROP]
        row, column = corners.T
        meets_rows = (row > r0 - PATCH) & (row < r0 + CROP)
        meets_columns = (column > c0 - PATCH) & (column < c0 + CROP)
        clear = ~(meets_rows & meets_columns)
        own = _unit_patches(quadrant, PATCH_STRIDE, smallest)[0]
        fractions.append(_copied(own, patches[clear], threshold))
    return float(np.mean(fractions))


def _copied(
    patches: NDArray[np.float32], originals: NDArray[np.float32], threshold: float
) -> float:
    if not len(patches) or not len(originals):
        return 0.0
    best = [(block @ originals.T).max(1) for block in np.array_split(patches, 8) if len(block)]
    return float(np.mean(np.concatenate(best) > threshold))


def ms_ssim_between(samples: Sequence[Image]) -> float:
    """Mean MS-SSIM over all pairs of samples: near 1 when the sampler has collapsed.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment"
    (2003), five scales.

    Parameters
    ----------
    samples
        At least two images of one shape, both sides at least 176 pixels (five scales
        of an 11-pixel window), in [0, 1].

    Raises
    ------
    ValueError
        Fewer than two samples.
    """
    if len(samples) < 2:
        raise ValueError(f"got {len(samples)} sample(s), expected at least 2 to compare")
    images = [torch.from_numpy(np.clip(s, 0, 1).astype(np.float64))[None, None] for s in samples]
    with torch.no_grad():
        values = [po.metric.ms_ssim(a, b).item() for a, b in combinations(images, 2)]
    return float(np.mean(values))
