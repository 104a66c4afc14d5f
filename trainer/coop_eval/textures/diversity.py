"""Diversity of samples: are they all the same picture."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import plenoptic as po
import torch
from numpy.typing import NDArray

from coop_runtime.errors import CoopError

from .crops import corner_crops, crop_side, quadrants

__all__ = ["ms_ssim_between", "ms_ssim_real"]

Floats = NDArray[np.floating]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = 11


def ms_ssim_between(samples: Sequence[Floats]) -> float:
    """Mean MS-SSIM over all pairs of samples: near 1 when the sampler has collapsed.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment"
    (2003), five scales, or as many as hold the 11-pixel window, their weights brought to sum 1.
    Of colours, the mean of the channels counts.

    Parameters
    ----------
    samples
        At least two pictures of one shape, (channels, height, width), in [0, 1].

    Raises
    ------
    CoopError
        Fewer than two samples, other shapes, or sides below 22 pixels.
    """
    if len(samples) < 2:
        raise CoopError(f"got {len(samples)} sample(s), expected at least 2 to compare")
    shapes = {sample.shape for sample in samples}
    if len(shapes) > 1:
        raise CoopError(f"the samples differ in shape: {', '.join(map(str, sorted(shapes)))}")
    scales = _scales(min(samples[0].shape[1:]))
    weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float64)
    if scales < len(WEIGHTS):
        weights = weights / weights.sum()
    images = [
        torch.from_numpy(np.clip(sample.mean(0), 0, 1).astype(np.float64))[None, None]
        for sample in samples
    ]
    with torch.no_grad():
        values = [
            po.metric.ms_ssim(a, b, power_factors=weights).item()
            for a, b in combinations(images, 2)
        ]
    return float(np.mean(values))


def ms_ssim_real(picture: Floats) -> float:
    """`ms_ssim_between` of the picture's own quadrants; compare crops of that side with it.

    Raises
    ------
    CoopError
        The picture is smaller than 128×128.
    """
    side = crop_side(picture)
    return ms_ssim_between(corner_crops(picture, quadrants(picture, side), side))


def _scales(side: int) -> int:
    """Scales whose smallest still holds the window."""
    scales = sum(side >> scale >= WINDOW for scale in range(len(WEIGHTS)))
    if scales < 2:
        raise CoopError(f"the samples' shorter side is {side}, expected at least {2 * WINDOW}")
    return scales
