"""Sliced Wasserstein distance between the patches of a sample and of a texture, at all scales.

T. Karras, T. Aila, S. Laine, J. Lehtinen, "Progressive growing of GANs for improved quality,
stability, and variation", ICLR 2018, section 5: 7×7 patches of a Laplacian pyramid down to about 16
pixels, each channel brought to mean 0 and standard deviation 1: those of the original, for all, as
a texture's contrast counts. Distances are POT's of order 2, those of `coop_eval.pictures` of 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import ot
from numpy.typing import NDArray

from .crops import check_texture, corner_crops, crop_side, quadrants

__all__ = ["PatchReference"]

Floats = NDArray[np.floating]
Points = NDArray[np.float64]

PATCH = 7
SMALLEST_LEVEL = 14
PATCHES = 1024  # of a quadrant and level at most
PROJECTIONS = 128


@dataclass(frozen=True)
class PatchReference:
    """Patches of a texture's quadrants.

    Attributes
    ----------
    side
        Of the quadrants, in pixels.
    moments
        Per level the mean and standard deviation of each channel, (2, channels, 1).
    points
        Per level and quadrant the standardised patches, (patches, channels · 49).
    real
        Mean distance of a quadrant from the three others.
    """

    side: int
    moments: tuple[Points, ...]
    points: tuple[tuple[Points, ...], ...]
    real: float

    @classmethod
    def of(cls, picture: Floats) -> PatchReference:
        """Take the patches of a picture, (channels, height, width).

        Raises
        ------
        CoopError
            The picture is smaller than 128×128, or not (channels, height, width).
        """
        check_texture(picture)
        side = crop_side(picture)
        levels = _patches(picture, side)
        moments = tuple(
            np.stack([all_.mean((0, 2)), all_.std((0, 2)) + 1e-12])[..., None]
            for all_ in (np.concatenate(level) for level in levels)
        )
        points = _standardised(levels, moments)
        own = [
            _distance(level[i], level[:i] + level[i + 1 :], number)
            for number, level in enumerate(points)
            for i in range(len(level))
        ]
        return cls(side, moments, points, float(np.mean(own)))

    def distance(self, sample: Floats) -> float:
        """Distance of a sample, averaged over levels and its four corner crops.

        Each crop is compared with three of the original's quadrants, as a quadrant itself is in
        `real`, so it is on the scale of `real`: in standard deviations of a channel.

        Parameters
        ----------
        sample
            (channels, height, width), both sides at least `side`, in the picture's units.

        Raises
        ------
        CoopError
            The sample is smaller than a crop.
        """
        check_texture(sample, "the sample")
        found = _standardised(_patches(sample, self.side), self.moments)
        distances = [
            _distance(crop, level[:i] + level[i + 1 :], number)
            for number, (crops, level) in enumerate(zip(found, self.points, strict=True))
            for i, crop in enumerate(crops)
        ]
        return float(np.mean(distances))


def _patches(picture: Floats, side: int) -> list[list[Points]]:
    """Patches of each level of the four corner crops, (patches, channels, 49) each."""
    rng = np.random.default_rng(0)  # the same places in all pictures
    crops = corner_crops(picture, quadrants(picture, side), side)
    pyramids = [_laplacian(crop) for crop in crops]
    levels = []
    for crops_of_level in zip(*pyramids, strict=True):
        height = crops_of_level[0].shape[0] - PATCH + 1
        places = rng.permutation(height * height)[:PATCHES]
        levels.append([_cut(crop)[places] for crop in crops_of_level])
    return levels


def _laplacian(crop: Floats) -> list[NDArray[np.float64]]:
    """Laplacian pyramid, fine to coarse, (height, width, channels) each; last the blurred rest."""
    rest = np.ascontiguousarray(crop.transpose(1, 2, 0), dtype=np.float64)
    levels = []
    while rest.shape[0] // 2 >= SMALLEST_LEVEL:
        smaller = _down(rest)
        levels.append(rest - _up(smaller, rest.shape[:2]))
        rest = smaller
    return [*levels, rest]


def _down(image: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.pyrDown(image), np.float64).reshape(
        -(-image.shape[0] // 2), -1, image.shape[2]
    )


def _up(image: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    height, width = shape
    doubled = np.asarray(cv2.pyrUp(image, dstsize=(width, height)), np.float64)
    return doubled.reshape(height, width, -1)


def _cut(level: NDArray[np.float64]) -> Points:
    windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH, PATCH), axis=(0, 1))
    return windows.reshape(-1, level.shape[2], PATCH * PATCH)


def _standardised(
    levels: list[list[Points]], moments: tuple[Points, ...]
) -> tuple[tuple[Points, ...], ...]:
    return tuple(
        tuple(((crop - mean) / std).reshape(len(crop), -1) for crop in level)
        for level, (mean, std) in zip(levels, moments, strict=True)
    )


def _distance(points: Points, others: tuple[Points, ...], seed: int) -> float:
    return float(
        ot.sliced_wasserstein_distance(
            points, np.concatenate(others), n_projections=PROJECTIONS, seed=seed
        )
    )
