"""All figures of a texture at once: samples against the one picture that they were learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coop_runtime.errors import CoopError

from .colours import Colours
from .copies import copied_patches, copied_patches_real
from .crops import check_texture, corner_crops
from .diversity import ms_ssim_between, ms_ssim_real
from .statistics import PsReference
from .wasserstein import PatchReference

__all__ = ["TextureFigures", "TextureReference"]

Floats = NDArray[np.floating]


class TextureFigures(NamedTuple):
    """Figures of samples, or of the original's own pieces.

    Attributes
    ----------
    statistics
        Portilla-Simoncelli distance (`PsReference.distance`), lower is better.
    wasserstein
        Sliced Wasserstein distance of patches (`PatchReference.distance`), lower is better.
    copied
        Share of patches with a near-copy in the original (`copied_patches`).
    ms_ssim
        Likeness of the samples among themselves (`ms_ssim_between`).
    """

    statistics: float
    wasserstein: float
    copied: float
    ms_ssim: float


@dataclass(frozen=True)
class TextureReference:
    """What samples of one texture are measured with; colours are told apart as `Colours` says.

    Attributes
    ----------
    colours
        Uncorrelated channels of the original.
    picture
        The original in those channels, (kept channels, height, width).
    statistics
        Reference of the Portilla-Simoncelli distance.
    patches
        Reference of the sliced Wasserstein distance.
    real
        The null values: each quadrant of the original against the rest of it.
    """

    colours: Colours
    picture: Floats
    statistics: PsReference
    patches: PatchReference
    real: TextureFigures

    @classmethod
    def of(cls, picture: Floats) -> TextureReference:
        """Learn the reference from a picture, (1 or 3, height, width) within [0, 1].

        Raises
        ------
        CoopError
            Not such a picture, smaller than 128×128, or one single colour.
        """
        colours = Colours.of(picture)
        channels = colours.channels(picture)
        statistics, patches = PsReference.of(channels), PatchReference.of(channels)
        real = TextureFigures(
            statistics.real, patches.real, copied_patches_real(channels), ms_ssim_real(picture)
        )
        return cls(colours, channels, statistics, patches, real)

    def figures(self, samples: Sequence[Floats]) -> TextureFigures:
        """Measure samples of one shape, (1 or 3, height, width) within [0, 1] each.

        MS-SSIM is of crops as large as the original's quadrants, as its null value is; of a single
        sample it is not a number.

        Raises
        ------
        CoopError
            No samples, other channels than the original's, or samples smaller than its
            quadrants.
        """
        if not samples:
            raise CoopError("got no samples, expected at least 1")
        for sample in samples:
            check_texture(sample, "the sample")
        channels = [self.colours.channels(sample) for sample in samples]
        statistics = [self.statistics.distance(sample) for sample in channels]
        side = self.statistics.side
        corners = [corner_crops(sample, [(0, 0)], side)[0] for sample in samples]
        return TextureFigures(
            float(np.mean(statistics)),
            float(np.mean([self.patches.distance(sample) for sample in channels])),
            float(np.mean([copied_patches(sample, self.picture) for sample in channels])),
            ms_ssim_between(corners) if len(corners) > 1 else float("nan"),
        )
