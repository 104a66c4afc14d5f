"""How far a clip is from the one that its model learned: frame by frame, and in time.

Every figure is a distance of sample to original; what it is for one half of the original against
the other (`null`) says what a distance of nothing amounts to, generously: halves are shorter, so
that a clip as long as the original would come some 10 to 40 % nearer by most figures. Clips are
(channels, frames, height, width), float32 within [0, 1].
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch
from scipy.stats import wasserstein_distance

from coop_runtime import Array, CoopError

__all__ = [
    "ClipDistances",
    "autocorrelation",
    "compare",
    "cuboids",
    "null",
    "sliced_wasserstein",
    "spatial_spectrum",
    "temporal_spectrum",
]

Values = NDArray[np.float64]

#: Frames of the windows of temporal figures: two seconds at most, and half of a short original.
_WINDOW = 32
#: Patches, or blocks, of each clip that are compared, and directions that they are seen from.
_BLOCKS, _DIRECTIONS = 4000, 128
#: A power below this share of the mean power counts as this: the rounding to 8 bits has as much.
_FLOOR = 1e-4


class ClipDistances(NamedTuple):
    """Distances of a clip to an original; 0 is equal, each is judged by its null value.

    Attributes
    ----------
    brightness, contrast
        Wasserstein distances of the frames' means, and of their standard deviations.
    pixels
        Wasserstein distance of the pixels' values, mean over channels.
    spectrum
        Root mean square difference of the frames' power spectra by spatial frequency, dB.
    patches
        Sliced Wasserstein distance of 7×7 patches of frames.
    change
        Absolute difference of the energies of frame differences, dB.
    temporal_spectrum
        Root mean square difference of the pixels' power spectra in time, dB.
    autocorrelation
        Root mean square difference of the pixels' autocorrelations over the lags.
    cuboids
        Sliced Wasserstein distance of blocks of 6 frames of 5×5 pixels, less their mean in time.
    """

    brightness: float
    contrast: float
    pixels: float
    spectrum: float
    patches: float
    change: float
    temporal_spectrum: float
    autocorrelation: float
    cuboids: float


def compare(
    sample: Array, original: Array, seed: int = 0, *, window: int = _WINDOW
) -> ClipDistances:
    """Measure how far a clip is from an original.

    Parameters
    ----------
    sample, original
        (channels, frames, height, width) within [0, 1]; the number of frames may differ.
    seed
        Chooses patches and directions.
    window
        Frames of the windows that temporal figures are taken in, at most those of either clip;
        the same for whatever is to be compared.

    Raises
    ------
    CoopError
        Clips of different shape, or fewer frames than 8 or than the window.

    Examples
    --------
    >>> clip = np.random.default_rng(0).random((1, 32, 16, 16), np.float32)
    >>> compare(clip, clip).spectrum
    0.0
    """
    a, b = (np.asarray(clip, np.float32) for clip in (sample, original))
    if a.ndim != 4 or b.ndim != 4 or a.shape[:1] + a.shape[2:] != b.shape[:1] + b.shape[2:]:
        raise CoopError(
            "clips: expected two of shape (channels, frames, height, width), alike but for their "
            f"frames; found {a.shape} and {b.shape}"
        )
    if min(a.shape[1], b.shape[1]) < max(window, 8):
        raise CoopError(f"clips: expected at least {max(window, 8)} frames; give a smaller window")
    decibels = [10 * np.log10(np.diff(clip, axis=1).var() + 1e-12) for clip in (a, b)]
    return ClipDistances(
        float(wasserstein_distance(a.mean((0, 2, 3)), b.mean((0, 2, 3)))),
        float(wasserstein_distance(a.std((0, 2, 3)), b.std((0, 2, 3)))),
        float(np.mean([_quantile_distance(p, q) for p, q in zip(a, b, strict=True)])),
        _rms(spatial_spectrum(a) - spatial_spectrum(b)),
        sliced_wasserstein(cuboids(a, (1, 7, 7), seed), cuboids(b, (1, 7, 7), seed), seed),
        float(abs(decibels[0] - decibels[1])),
        _rms(temporal_spectrum(a, window) - temporal_spectrum(b, window)),
        _rms(autocorrelation(a, window) - autocorrelation(b, window)),
        sliced_wasserstein(_moving(a, seed), _moving(b, seed), seed),
    )


def null(original: Array, seed: int = 0, *, window: int = _WINDOW) -> ClipDistances:
    """Measure how far the first half of a clip is from its second half; see `compare`."""
    half = original.shape[1] // 2
    return compare(original[:, :half], original[:, half : 2 * half], seed, window=window)


def spatial_spectrum(clip: Array) -> Values:
    """Give the power of frames by spatial frequency, in dB: rings of one cycle per picture.

    Each frame is taken less its mean, under a Hann window, since pictures do not wrap.
    """
    height, width = clip.shape[2:]
    hann = np.outer(np.hanning(height), np.hanning(width))
    frames = clip - clip.mean((2, 3), keepdims=True)
    power = np.square(np.abs(np.fft.fft2(frames * hann))).mean((0, 1))
    cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij"))
    ring = np.rint(cycles * min(height, width)).astype(int).ravel()
    rings = np.bincount(ring, power.ravel()) / np.maximum(np.bincount(ring), 1)
    return _decibels(rings[1 : min(height, width) // 2 + 1])


def temporal_spectrum(clip: Array, window: int = _WINDOW) -> Values:
    """Give the power of pixels by frequency in time, in dB: Welch's estimate, mean over pixels."""
    _, power = welch(clip, nperseg=window, axis=1, detrend="constant")
    return _decibels(power.mean((0, 2, 3))[1:])


def autocorrelation(clip: Array, window: int = _WINDOW) -> Values:
    """Give the correlation of pixels with themselves 1, 2, … window/2 frames later.

    Each pixel is taken less its mean in time; covariances are summed over pixels.
    """
    moving = clip - clip.mean(1, keepdims=True)
    variance = max(float(np.square(moving).mean()), 1e-12)
    return np.array(
        [np.mean(moving[:, :-k] * moving[:, k:]) / variance for k in range(1, window // 2 + 1)]
    )


def cuboids(clip: Array, size: tuple[int, int, int], seed: int, count: int = _BLOCKS) -> Values:
    """Cut blocks of (frames, height, width) at random places: (count, all their entries)."""
    rng = np.random.default_rng(seed)
    t, y, x = (rng.integers(0, n - s + 1, count) for n, s in zip(clip.shape[1:], size, strict=True))
    offsets = np.meshgrid(*map(np.arange, size), indexing="ij")
    places = [start[:, None] + o.ravel() for start, o in zip((t, y, x), offsets, strict=True)]
    blocks = clip[:, places[0], places[1], places[2]]  # (channels, count, entries of one)
    return blocks.transpose(1, 0, 2).reshape(count, -1).astype(float)


def sliced_wasserstein(a: Values, b: Values, seed: int = 0) -> float:
    """Give the sliced Wasserstein distance of order 2 of rows, per entry: ‖a − b‖/√entries."""
    import ot

    found = ot.sliced_wasserstein_distance(a, b, n_projections=_DIRECTIONS, seed=seed)
    return float(found)


def _moving(clip: Array, seed: int) -> Values:
    """Cut blocks in space and time, and take from each entry its mean over the block's time."""
    size = (6, 5, 5)
    blocks = cuboids(clip, size, seed).reshape(_BLOCKS, len(clip), size[0], -1)
    moving: Values = (blocks - blocks.mean(2, keepdims=True)).reshape(_BLOCKS, -1)
    return moving


def _quantile_distance(a: Array, b: Array) -> float:
    """Give the Wasserstein distance of order 1 of many values, by a thousand quantiles."""
    at = (np.arange(1000) + 0.5) / 1000
    return float(np.abs(np.quantile(a, at) - np.quantile(b, at)).mean())


def _decibels(power: Values) -> Values:
    floor = max(_FLOOR * float(power.mean()), 1e-20)
    found: Values = 10 * np.log10(np.maximum(power, floor))
    return found


def _rms(difference: Values) -> float:
    return float(np.sqrt(np.square(difference).mean()))
