"""Sound files, as one channel at one rate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from coop_runtime.errors import CoopError
from coop_runtime.whitening import whiten

from ..decoding import SOUNDS as SOUND_FILES
from .files import Say, one_line, read_each
from .prediction import linear_prediction
from .signals import Signals
from .synthetic import SOUNDS, find_or_make

__all__ = ["load_sound"]

BLOCK = 2**18  # samples read at a time: long stereo files never are in memory whole
MADE = 20.0  # seconds of a sound that is computed
UNKNOWN = 2**62  # a stream that does not say its length says more than this


def load_sound(
    sources: Sequence[str],
    *,
    rate: int = 11025,
    crop: int = 2,
    whitening: int = 0,
    skip_broken: bool = False,
    say: Say = print,
) -> Signals:
    """Read sounds.

    Parameters
    ----------
    sources
        WAV, FLAC, OGG and what else libsndfile reads, or folders of them (searched recursively),
        or names in ``SOUNDS`` of sounds that are computed. Channels are averaged.
    rate
        Samples per second to which they are resampled (soxr, high quality), 100 to 384,000.
    crop
        Length of the training crops in samples of that rate: no sound may be shorter.
    whitening
        Number of samples before each that foretell it; what is left of the sounds has a nearly
        flat spectrum (`linear_prediction`). 0: the sounds as they are.
    skip_broken
        Leave out files that cannot be used, and say so.

    Returns
    -------
    Signals of kind ``sound``: float32 (1, time, 1) per file; minus and plus the largest absolute
    value of all become −1 and 1.

    Raises
    ------
    CoopError
        Nothing there, not a sound, silent, too short, or values that are not finite.
    """
    if not sources:
        raise CoopError(
            f"no sound given: give a WAV, FLAC or OGG file, a folder, or {', '.join(SOUNDS)}"
        )
    if not 100 <= rate <= 384_000:
        raise CoopError(f"rate: expected 100 to 384000 samples per second, found {rate}")
    files = [file for source in sources for file in find_or_make(source, SOUNDS, SOUND_FILES)]

    def read(file: Path) -> NDArray[np.float32]:
        make = None if file.exists() else SOUNDS.get(file.name)
        sound = make(MADE, rate) if make else _read(file, rate)
        if len(sound) < crop:
            raise CoopError(
                f"{file}: {len(sound) / rate:g} s are shorter than the training crop of "
                f"{crop / rate:g} s; give a longer sound, or --set data.crop to a smaller one"
            )
        return sound

    sounds = read_each(files, read, skip_broken=skip_broken, say=say)
    names = tuple(file.name for file, _ in sounds)
    prediction = linear_prediction([sound for _, sound in sounds], whitening)
    left = [whiten(sound, prediction) for _, sound in sounds]
    peak = max(float(np.abs(sound).max()) for sound in left)
    arrays = tuple(sound[None, :, None] for sound in left)
    return Signals("sound", names, arrays, (-peak, peak), float(rate), whitening=prediction)


def _read(path: Path, rate: int) -> NDArray[np.float32]:
    """Read one file as float32 (time,) at ``rate``, block by block."""
    parts: list[NDArray[np.float32]] = []
    low, high, length = np.inf, -np.inf, 0
    try:
        with soundfile.SoundFile(path) as stream:
            resampler = soxr.ResampleStream(stream.samplerate, rate, 1, dtype="float32")
            for block in stream.blocks(BLOCK, dtype="float32", always_2d=True):
                if not np.isfinite(block).all():
                    raise CoopError(f"{path}: some samples are not finite numbers; repair it")
                mono: NDArray[np.float32] = block.mean(1, dtype=np.float64).astype(np.float32)
                low, high = min(low, float(mono.min())), max(high, float(mono.max()))
                length += len(mono)
                same = stream.samplerate == rate
                parts.append(mono if same else resampler.resample_chunk(mono))
            if length < stream.frames < UNKNOWN:
                raise CoopError(f"{path}: cut short after {length} of {stream.frames} samples")
            if stream.samplerate != rate:
                parts.append(resampler.resample_chunk(np.empty(0, np.float32), last=True))
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise CoopError(f"{path}: not a sound that can be read ({one_line(error)})") from None
    if not length:
        raise CoopError(f"{path}: no samples in it; give a longer sound")
    if low == high:
        raise CoopError(f"{path}: silence, or channels that cancel; there is nothing to learn")
    return np.concatenate(parts)
