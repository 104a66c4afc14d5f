"""Signals that need no file: running water from bubbles, and waves on it, computed from a seed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coop_runtime.philox import Purpose, Stream, normal, uniform

from .files import find_files

__all__ = ["CLIPS", "CLIP_RATE", "SOUNDS", "find_or_make", "water", "waves"]

#: Frames per second of the clips.
CLIP_RATE = 24.0
_GRAVITY = 9.81  # m/s²


def water(seconds: float = 10.0, rate: float = 11025.0, seed: int = 0) -> NDArray[np.float32]:
    """Synthesise running water: bubbles that ring as they rise.

    Van den Doel: "Physically based models for liquid sounds", ACM TAP 2005. A bubble of radius r
    (metres) rings at Minnaert's frequency 3/r Hz and is damped at the rate 0.13/r + 0.0072 r^−1.5
    per second; its pitch rises in proportion to the damping. Bubbles come as a Poisson process;
    small ones are many and faint.

    Parameters
    ----------
    seconds
        Length, > 0.
    rate
        Samples per second.
    seed
        Same seed, same bytes on one machine.

    Returns
    -------
    (time,), largest absolute value 1.

    Examples
    --------
    >>> water(0.1).shape
    (1102,)
    """
    per_second, smallest, largest = 300.0, 0.8e-3, 5e-3
    length = int(seconds * rate)
    chances = uniform(Stream(seed, 0, Purpose.START), (4, int(2 * per_second * seconds) + 100))
    gap, size, depth, rise = chances.astype(np.float64)
    starts = np.cumsum(-np.log(gap) / per_second)
    count = int(np.searchsorted(starts, seconds))
    # Radii follow a power law, density ~ r^−1.5; loudness grows with radius and falls with depth.
    low, high = smallest**-0.5, largest**-0.5
    radius = (low + (high - low) * size) ** -2.0
    loudness = (radius / largest) ** 1.2 * depth**2
    sound = np.zeros(length)
    for k in range(count):
        damping = 0.13 / radius[k] + 0.0072 * radius[k] ** -1.5
        first = int(starts[k] * rate)
        t = np.arange(min(length - first, int(8 / damping * rate) + 1)) / rate
        slope = 0.1 * damping * (rise[k] > 0.5)  # half of them are near the surface
        phase = 2 * np.pi * (3 / radius[k]) * (t + slope * t**2 / 2)
        sound[first : first + len(t)] += loudness[k] * np.sin(phase) * np.exp(-damping * t)
    loudest = np.abs(sound).max()
    return np.asarray(sound / loudest, np.float32)


def waves(frames: int = 96, side: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    """Synthesise a moving water surface, seen from above: many sine waves, lit from one side.

    Deep water carries a wave of wave number k at the frequency √(g k). Directions are drawn
    around one wind; amplitudes fall with k. A pixel's level is the slope towards the light.

    Parameters
    ----------
    frames, side
        Length and side of the clip.
    seed
        Same seed, same bytes on one machine.

    Returns
    -------
    uint8 (frames, side, side, 1).

    Examples
    --------
    >>> waves(frames=2, side=16).shape
    (2, 16, 16, 1)
    """
    count, width = 60, 4.0  # waves; metres that the picture shows
    wind, phase, scale = normal(Stream(seed, 0, Purpose.START), (3, count)).astype(np.float64)
    k = 2 * np.pi / (0.35 * np.exp(0.5 * np.abs(scale)))  # wave lengths from 0.35 m on
    angle = 0.6 + 0.5 * wind
    x, y = np.meshgrid(np.linspace(0, width, side), np.linspace(0, width, side))
    across, down = k * np.cos(angle), k * np.sin(angle)
    time = np.arange(frames) / CLIP_RATE
    slope = np.zeros((frames, side, side))
    for n in range(count):
        travel = across[n] * x + down[n] * y + np.pi * phase[n]
        moving = travel - np.sqrt(_GRAVITY * k[n]) * time[:, None, None]
        slope += np.cos(angle[n] - 0.3) * np.cos(moving) * k[n] ** -0.5
    level = 0.5 + 0.5 * np.tanh(slope / (1.5 * slope.std()))
    return np.asarray(np.rint(255 * level[..., None]), np.uint8)


#: What ``coop-train sound`` takes for a file: seconds and rate to samples.
SOUNDS: Mapping[str, Callable[[float, float], NDArray[np.float32]]] = {"water": water}
#: What ``coop-train clips`` takes for a file.
CLIPS: Mapping[str, Callable[[], NDArray[np.uint8]]] = {"waves": waves}


def find_or_make(source: str, names: Mapping[str, object], suffixes: Sequence[str]) -> list[Path]:
    """Give the files that a source means; a name of ``names`` stands for itself.

    A file of that very name wins; a folder does not (a bundle of it may lie there): ``./waves``.

    Raises
    ------
    CoopError
        No such file or folder, or nothing suitable in it.
    """
    made = source in names and not Path(source).is_file()
    return [Path(source)] if made else find_files(source, suffixes)
