"""Random phase: the classic texture model of second-order statistics alone."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["random_phase"]


def random_phase(
    picture: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Noise with the picture's mean, power spectrum and colours, and uniformly random phases.

    B. Galerne, Y. Gousseau, J.-M. Morel, "Random phase textures: theory and synthesis", IEEE
    Transactions on Image Processing 20 (2011), section III: one phase shift for all channels, which
    keeps their cross-spectra. Not clipped to [0, 1], which would change the spectrum.

    Parameters
    ----------
    picture
        (channels, height, width).
    rng
        Source of the phases, taken from white noise so that the result is real.

    Returns
    -------
    As the picture.

    Examples
    --------
    >>> picture = np.random.default_rng(0).random((3, 32, 32))
    >>> noise = random_phase(picture, np.random.default_rng(1))
    >>> bool(np.allclose(np.cov(noise.reshape(3, -1)), np.cov(picture.reshape(3, -1))))
    True
    """
    size = picture.shape[1:]
    noise = np.fft.rfft2(rng.standard_normal(size))
    noise /= np.abs(noise)
    noise[0, 0] = 1.0
    if len(picture) == 1:
        return np.fft.irfft2(np.abs(np.fft.rfft2(picture)) * noise, s=size)
    return np.fft.irfft2(np.fft.rfft2(picture) * noise, s=size)
