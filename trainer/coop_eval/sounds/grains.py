"""Whether a sound is pasted together from pieces of another."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from coop_runtime.errors import CoopError

__all__ = ["copied_grains"]

Sound = NDArray[np.floating]

#: A grain that some piece of the original explains to 81 % of its energy is a near-copy.
NEAR_COPY = 0.9
SILENT = 1e-3  # of the root mean square: quieter grains are not judged


def copied_grains(sample: Sound, original: Sound, rate: float, *, grain: float = 0.05) -> float:
    """Give the share of a sample's grains that are near-copies of pieces of the original.

    A grain is a near-copy if its normalised cross-correlation with the original reaches 0.9 at some
    lag: neither loudness nor a small difference hides a copy. Low hums have few forms and are like
    themselves at many places: compare with the share for one half of the original against the
    other, which holds no copies.

    Parameters
    ----------
    sample, original
        (samples,), each as long as a grain at least.
    rate
        Samples per second.
    grain
        Seconds; grains start half a grain apart.

    Returns
    -------
    Within [0, 1]; 0 where the sample is silent.

    Raises
    ------
    CoopError
        A sound is shorter than a grain, or has several channels.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((2, 4000))
    >>> copied_grains(noise[0], noise[0], 8000.0), copied_grains(noise[1], noise[0], 8000.0)
    (1.0, 0.0)
    """
    length = round(grain * rate)
    for name, sound in (("sample", sample), ("original", original)):
        if sound.ndim != 1 or not 0 < length <= len(sound):
            raise CoopError(
                f"{name}: expected (samples,) of at least {length} (a grain), found {sound.shape}"
            )
    starts = range(0, len(sample) - length + 1, max(1, length // 2))
    grains = np.stack([sample[k : k + length] for k in starts]).astype(np.float64)
    size = np.sqrt((grains**2).sum(1))
    loud = size > SILENT * np.sqrt(length * (sample.astype(np.float64) ** 2).mean())
    if not loud.any():
        return 0.0
    best = _best_match(grains[loud] / size[loud, None], original.astype(np.float64))
    return float((best >= NEAR_COPY).sum() / len(grains))


def _best_match(grains: NDArray[np.float64], original: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give each grain's largest normalised cross-correlation; grains (n, length), of norm 1."""
    length = grains.shape[1]
    energy = np.concatenate([[0.0], np.cumsum(original**2)])
    size = np.sqrt(np.maximum(energy[length:] - energy[:-length], 1e-9 * energy[-1]))
    padded = next_fast_len(len(original), real=True)
    spectrum = rfft(original, padded)
    return np.asarray(
        [
            (irfft(spectrum * rfft(grain, padded).conj(), padded)[: len(size)] / size).max()
            for grain in grains
        ]
    )
