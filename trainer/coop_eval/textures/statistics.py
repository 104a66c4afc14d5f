"""Portilla-Simoncelli distance of a sample to a texture, z-scored over real crops.

Statistics: J. Portilla, E. P. Simoncelli, "A parametric texture model based on joint statistics of
complex wavelet coefficients", IJCV 40 (2000), by plenoptic. They are of each channel alone: give
uncorrelated ones (`Colours`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import plenoptic as po
import torch
from numpy.typing import NDArray

from .crops import check_texture, corner_crops, crop_side, quadrants

__all__ = ["PsReference"]

Floats = NDArray[np.floating]

GRID = 8  # intervals of the grid of real crops
STD_FLOOR = 0.02
#: Smallest side, scales, and width of the window of correlations: the published model's four and
#: seven, or what the coarsest scale still holds.
SIZES = ((128, 4, 7), (96, 4, 5), (64, 3, 7))


@cache
def _model(side: int) -> po.models.PortillaSimoncelli:
    _, scales, window = next(size for size in SIZES if side >= size[0])
    model = po.models.PortillaSimoncelli(
        (side, side), n_scales=scales, n_orientations=4, spatial_corr_width=window
    )
    return model.to(torch.float64)


def _statistics(crops: list[Floats]) -> NDArray[np.float64]:
    """Statistics of crops, (channels, side, side) each -> (crops, statistics of all channels).

    Without the smallest and largest pixel: one pixel decides each, and where the picture touches
    0 or 1 they are the same in every crop, so no z-score exists.
    """
    stacked = np.stack(crops).astype(np.float64)
    model = _model(stacked.shape[-1])
    with torch.no_grad():
        statistics = model(torch.from_numpy(stacked))
        statistics_of = model.convert_to_dict(statistics)
        statistics_of["pixel_statistics"][..., -2:] = torch.nan
        extremes = model.convert_to_tensor(statistics_of)[0, 0].isnan()
    kept = statistics[:, :, ~extremes].flatten(1)
    return np.asarray(kept.numpy(), dtype=np.float64)


@dataclass(frozen=True)
class PsReference:
    """Statistics of real crops, once for each left-out quadrant of a picture.

    Attributes
    ----------
    side
        Of all crops, in pixels.
    mean
        (4, statistics), means over the real crops that miss the quadrant (17 of 81, where the
        picture is a square of two crops).
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

    side: int
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    real: float

    @classmethod
    def of(cls, picture: Floats) -> PsReference:
        """Learn the reference from one picture, (channels, height, width).

        A statistic's std is not allowed below 2 % of its mean's size: a few statistics hardly
        move between neighbouring crops (they overlap each other), and dividing by that near
        zero would make them the whole score.

        Raises
        ------
        CoopError
            The picture is smaller than 128×128.
        """
        check_texture(picture)
        side = crop_side(picture)
        rows, columns = (
            np.linspace(0, size - side, GRID + 1).round().astype(int) for size in picture.shape[1:]
        )
        corners = [(int(r), int(c)) for r in rows for c in columns]
        statistics = _statistics(corner_crops(picture, corners, side))
        means, stds, real = [], [], []
        for r0, c0 in quadrants(picture, side):
            clear = [abs(r - r0) >= side or abs(c - c0) >= side for r, c in corners]
            mean, std = statistics[clear].mean(0), statistics[clear].std(0, ddof=1)
            std = np.maximum(std, STD_FLOOR * np.abs(mean) + 1e-9)
            own = statistics[corners.index((r0, c0))]
            real.append(np.sqrt(np.mean(((own - mean) / std) ** 2)))
            means.append(mean)
            stds.append(std)
        return cls(side, np.stack(means), np.stack(stds), float(np.mean(real)))

    def distance(self, sample: Floats) -> float:
        """Distance of one sample to the texture: RMS z-score over all statistics.

        Averaged over the four references and over the sample's corner and central crops, so it
        is on the scale of `real`.

        Parameters
        ----------
        sample
            (channels, height, width), both sides at least `side`, in the picture's units.

        Raises
        ------
        CoopError
            The sample is smaller than a crop, or has other channels.
        """
        check_texture(sample, "the sample")
        bottom, right = (size - self.side for size in sample.shape[1:])
        places = {*quadrants(sample, self.side), (bottom // 2, right // 2)}
        statistics = _statistics(corner_crops(sample, sorted(places), self.side))
        z = (statistics[:, None] - self.mean) / self.std
        return float(np.sqrt(np.mean(z**2, axis=-1)).mean())
