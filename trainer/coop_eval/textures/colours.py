"""Colours of a texture as uncorrelated channels, so that statistics of each channel can do.

The three axes are the principal components of the original's own colours, as Portilla and
Simoncelli's colour extension has it (and Vacher and Briand, "The Portilla-Simoncelli texture model:
towards understanding the early visual cortex", IPOL 11, 2021): the first is nearly luminance, and
what is left to the others is not said twice. Fixed opponent axes would leave correlations that
differ from texture to texture; luminance alone would be blind to a wrong colour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coop_runtime.errors import CoopError

from .crops import check_texture

__all__ = ["Colours"]

Floats = NDArray[np.floating]

#: Axes along which a picture has less than this share of its largest standard deviation are noise
#: of compression rather than colour.
SMALLEST_SHARE = 0.05


@dataclass(frozen=True)
class Colours:
    """Uncorrelated channels of one picture's colours.

    Attributes
    ----------
    axes
        (kept, channels), orthogonal rows. A grey picture, whether of one channel or of three equal
        ones, keeps one axis, and its channel is the grey level.
    """

    axes: NDArray[np.float64]

    @classmethod
    def of(cls, picture: Floats) -> "Colours":
        """Find the axes of a picture, (1 or 3, height, width).

        Raises
        ------
        CoopError
            Not such a picture, or one single colour.

        Examples
        --------
        >>> grey = np.random.default_rng(0).random((1, 8, 8)).repeat(3, axis=0)
        >>> Colours.of(grey).axes.round(3)
        array([[0.333, 0.333, 0.333]])
        """
        check_texture(picture)
        count = len(picture)
        if count not in (1, 3):
            raise CoopError(f"the picture has {count} channels, expected 1 (grey) or 3 (RGB)")
        if np.ptp(picture, axis=(1, 2)).max() == 0:
            raise CoopError("the picture is one single colour; there is no texture")
        if np.array_equal(picture, np.broadcast_to(picture[:1], picture.shape)):
            return cls(np.full((1, count), 1 / count))
        variances, vectors = np.linalg.eigh(np.cov(picture.reshape(count, -1).astype(np.float64)))
        stds = np.sqrt(np.maximum(variances[::-1], 0))
        axes = vectors.T[::-1][stds >= SMALLEST_SHARE * stds[0]]
        # An eigenvector's sign is chance: the largest entry of each is made positive.
        largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], axis=1)
        return cls(axes * np.sign(largest))

    def channels(self, picture: Floats) -> Floats:
        """Turn a picture, (channels, height, width), into uncorrelated channels, (kept, …).

        Raises
        ------
        CoopError
            The number of channels is not that of the axes.
        """
        count = self.axes.shape[1]
        if len(picture) != count:
            raise CoopError(f"the picture has {len(picture)} channels, expected {count}")
        return picture if count == 1 else np.tensordot(self.axes, picture, axes=1)

    def colours(self, channels: Floats, like: Floats) -> Floats:
        """Turn channels back into a picture; along axes left out it has the mean of ``like``.

        Parameters
        ----------
        channels
            (kept, height, width).
        like
            The picture that the axes are of, (channels, height, width).
        """
        if len(self.axes[0]) == 1:
            return channels
        norms = (self.axes**2).sum(1, keepdims=True)
        mean = like.mean(axis=(1, 2))
        centred = channels - (self.axes @ mean)[:, None, None]
        found: Floats = np.tensordot((self.axes / norms).T, centred, axes=1) + mean[:, None, None]
        return found
