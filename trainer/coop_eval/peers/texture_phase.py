"""Random phase: the classic texture model of second-order statistics alone."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["periodic_component", "random_phase"]

Floats = NDArray[np.floating]


def random_phase(picture: Floats, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise with the picture's mean, power spectrum and colours, and uniformly random phases.

    B. Galerne, Y. Gousseau, J.-M. Morel, "Random phase textures: theory and synthesis", IEEE
    Transactions on Image Processing 20 (2011): one random phase is added to that of all channels,
    which keeps their cross-spectra. Give it the `periodic_component`, as the paper's section III-C
    does. Not clipped to [0, 1], which would change the spectrum.

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
    phases = np.fft.rfft2(rng.standard_normal(size))
    phases /= np.abs(phases)
    phases[0, 0] = 1.0
    spectrum = np.fft.rfft2(picture)
    if len(picture) == 1:  # its own phase plus a random one is a random one
        spectrum = np.abs(spectrum)
    return np.fft.irfft2(spectrum * phases, s=size)


def periodic_component(picture: Floats) -> NDArray[np.float64]:
    """Give the part of a picture that has no jump where it meets itself, channel by channel.

    L. Moisan, "Periodic plus smooth image decomposition", Journal of Mathematical Imaging and
    Vision 39 (2011), theorem 1. Without it the jumps make a cross in the spectrum, and horizontal
    and vertical stripes in the texture.

    Parameters
    ----------
    picture
        (channels, height, width).

    Examples
    --------
    >>> ramp = np.broadcast_to(np.arange(16.0), (1, 16, 16))
    >>> bool(np.allclose(periodic_component(ramp), 7.5, atol=1))
    True
    """
    height, width = picture.shape[1:]
    jumps = np.zeros(picture.shape)
    across, down = picture[:, 0] - picture[:, -1], picture[..., 0] - picture[..., -1]
    jumps[:, 0] += across
    jumps[:, -1] -= across
    jumps[..., 0] += down
    jumps[..., -1] -= down
    rows = 2 * np.cos(2 * np.pi * np.fft.fftfreq(height))[:, None]
    columns = 2 * np.cos(2 * np.pi * np.fft.rfftfreq(width))
    laplacian = rows + columns - 4
    laplacian[0, 0] = 1.0
    smooth = np.fft.rfft2(jumps) / laplacian
    smooth[:, 0, 0] = 0.0
    return picture + np.fft.irfft2(smooth, s=(height, width))
