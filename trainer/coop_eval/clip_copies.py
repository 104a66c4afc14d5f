"""Copied frames: are a clip's frames those of the clip that it was learned from."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from coop_runtime import Array, CoopError

__all__ = ["copied_frames", "copied_frames_real"]

Frames = NDArray[np.float32]
Values = NDArray[np.float64]
Times = NDArray[np.intp]

#: Contiguous parts of the original that are held out in turn, and the share of the original on
#: either side of a part that is left out with it: neighbours in time are alike, and no copies.
_BLOCKS, _GAP = 8, 1 / 16


def copied_frames(sample: Array, original: Array, *, quantile: float = 0.05) -> float:
    """Give the share of frames that are closer to one of the original than real frames are.

    Closer than all but 5 % of the original's frames are to the rest of it: each eighth of the
    original is held against the others, without a sixteenth on either side of it. New frames of
    the same process have a share of a little more than that quantile, of some 0.09, since they are
    held against the whole; `copied_frames_real` says what this original's frames have. Close is
    correlated, what the original's frames have in common taken away: a distance would take blurred
    frames for copies, which are close to everything.

    Parameters
    ----------
    sample, original
        (channels, frames, height, width).
    quantile
        Of the real frames' nearness, that the samples' is held against.

    Raises
    ------
    CoopError
        An original of fewer frames than 8.

    Examples
    --------
    >>> clip = np.random.default_rng(0).random((1, 64, 16, 16), np.float32)
    >>> new = np.random.default_rng(1).random((1, 64, 16, 16), np.float32)
    >>> copied_frames(clip, clip), copied_frames(new, clip) < 0.2
    (1.0, True)
    """
    theirs = _frames(original)
    real = _real_nearness(theirs, np.arange(len(theirs)), _gap(theirs))
    return _share(_nearness(_frames(sample), theirs), real, quantile)


def copied_frames_real(original: Array, *, quantile: float = 0.05) -> float:
    """`copied_frames` of the original itself: each eighth of it against what is clear of it.

    The mean over eighths. More than new frames of a steady process have (some 0.09) where the
    original repeats itself, or changes in the course of time: then one part of it is nearer to the
    rest than its other parts are. Clips of fire, a flag, a waterfall and boiling water have 0.10 to
    0.17.

    Parameters
    ----------
    original
        (channels, frames, height, width).
    quantile
        As of `copied_frames`.

    Raises
    ------
    CoopError
        Fewer frames than 8.
    """
    frames = _frames(original)
    times, gap, shares = np.arange(len(frames)), _gap(frames), []
    for block in np.array_split(times, _BLOCKS):
        clear = _clear(times, block, gap)
        rest = frames[clear]
        real = _real_nearness(rest, times[clear], gap)
        shares.append(_share(_nearness(frames[block], rest), real, quantile))
    return float(np.mean(shares))


def _real_nearness(frames: Frames, times: Times, gap: float) -> Values:
    """Nearness of each frame to frames of other blocks: those farther in time than the gap."""
    parts = []
    for block in np.array_split(np.arange(len(frames)), _BLOCKS):
        if len(block):
            rest = frames[_clear(times, times[block], gap)]
            parts.append(_nearness(frames[block], rest))
    return np.concatenate(parts)


def _nearness(frames: Frames, rest: Frames) -> Values:
    """Distance of each frame to the nearest of the rest: 1 − correlation, less the rest's mean."""
    common = rest.mean(0)
    nearest: Values = cdist(frames - common, rest - common, "correlation").min(1)
    return nearest


def _clear(times: Times, block: Times, gap: float) -> NDArray[np.bool_]:
    """Tell which times lie farther than the gap before or behind a block."""
    clear: NDArray[np.bool_] = (times < block[0] - gap) | (times > block[-1] + gap)
    return clear


def _share(nearness: Values, real: Values, quantile: float) -> float:
    return float((nearness < np.quantile(real, quantile)).mean())


def _gap(frames: Frames) -> float:
    if len(frames) < _BLOCKS:
        raise CoopError(f"the clip has {len(frames)} frames, expected at least {_BLOCKS}")
    return _GAP * len(frames)


def _frames(clip: Array) -> Frames:
    return clip.transpose(1, 0, 2, 3).reshape(clip.shape[1], -1)
