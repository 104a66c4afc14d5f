"""Clips: frames from NumPy files, animated pictures and videos."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from coop_runtime.errors import CoopError

from ..decoding import ANIMATED, VIDEOS, decode_video, eight_bits, quiet
from .files import Say, one_line, read_each, read_numpy
from .pictures import common_mode, pixels, shorter_side
from .signals import Signals
from .synthetic import CLIP_RATE, CLIPS, find_or_make

__all__ = ["load_clips"]

CLIP_SUFFIXES = (".npz", *ANIMATED, *VIDEOS)
LARGEST = 2**31  # bytes of frames of one clip
STILL = 100  # milliseconds that viewers show a frame whose duration is given as 0


class Clip(NamedTuple):
    """Frames uint8 (time, height, width, 1 or 3), and how many of them a second takes."""

    frames: NDArray[np.uint8]
    rate: float | None


def load_clips(
    sources: Sequence[str],
    *,
    size: int | None,
    skip_broken: bool = False,
    say: Say = print,
) -> Signals:
    """Read clips.

    Parameters
    ----------
    sources
        Animated GIF or WebP, video files (FFmpeg's formats), or ``.npz`` with ``frames`` uint8
        (time, height, width) or (time, height, width, 1 or 3) and perhaps ``fps``; or folders of
        them (searched recursively); or names in ``CLIPS`` of clips that are computed.
    size
        Shorter side after scaling (Lanczos), in pixels; None keeps the frames as they are.
    skip_broken
        Leave out files that cannot be used, and say so.

    Returns
    -------
    Signals of kind ``clips``: uint8 (1, time, height, width, channels) per file; 0 and 255 become
    −1 and 1; one colour clip makes all of them colour. ``rate`` is the first known one.

    Raises
    ------
    CoopError
        Nothing there, not a clip, fewer than two frames, all one level, or larger than 2 GiB.
    """
    if not sources:
        raise CoopError("no clip given: give a video, GIF, WebP or .npz file, or a folder of them")
    files = [file for source in sources for file in find_or_make(source, CLIPS, CLIP_SUFFIXES)]

    def read(file: Path) -> Clip:
        if not file.exists():
            return Clip(CLIPS[file.name](), CLIP_RATE)
        suffix = file.suffix.lower()
        reader = {".npz": _numpy, ".gif": _animated, ".webp": _animated}.get(suffix, _video)
        clip = reader(file, size)
        if clip.frames.min() == clip.frames.max():
            raise CoopError(f"{file}: all frames are one single level; there is nothing to learn")
        return clip

    clips = read_each(files, read, skip_broken=skip_broken, say=say)
    rates = [(file, clip.rate) for file, clip in clips if clip.rate is not None]
    if others := [f"{file.name} {r:g}" for file, r in rates if r != rates[0][1]]:
        say(f"frames per second differ ({', '.join(others)}); {rates[0][1]:g} are taken for all")
    colour = max(clip.frames.shape[3] for _, clip in clips)
    arrays = (np.repeat(c.frames, colour // c.frames.shape[3], axis=3)[None] for _, c in clips)
    names = tuple(file.name for file, _ in clips)
    rate = rates[0][1] if rates else None
    return Signals("clips", names, tuple(arrays), (0.0, 255.0), rate)


def _numpy(path: Path, size: int | None) -> Clip:
    content = read_numpy(path, "frames", optional=["fps"])
    frames, fps = content["frames"], content.get("fps")
    if frames.dtype != np.uint8 or not (
        frames.ndim == 3 or (frames.ndim == 4 and frames.shape[3] in (1, 3))
    ):
        raise CoopError(
            f"{path}: expected frames as uint8 (time, height, width) or (time, height, width, "
            f"1 or 3), found {frames.dtype} {frames.shape}"
        )
    if fps is not None and not (fps.size == 1 and fps.dtype.kind in "iuf" and 0 < fps < np.inf):
        raise CoopError(f"{path}: expected a positive number as fps, found {fps!r}")
    images = (Image.fromarray(f[..., 0] if f.shape[2:] == (1,) else f) for f in frames)
    return Clip(_gathered(path, images, size), None if fps is None else float(fps.item()))


def _animated(path: Path, size: int | None) -> Clip:
    milliseconds: list[float] = []

    def images(opened: Image.Image) -> Iterator[Image.Image]:
        for frame in ImageSequence.Iterator(opened):
            frame.load()  # WebP knows a frame's duration only then
            milliseconds.append(frame.info.get("duration") or STILL)
            yield eight_bits(frame)

    try:
        with quiet(), Image.open(path) as opened:
            frames = _gathered(path, images(opened), size)
    except CoopError:
        raise
    except Image.DecompressionBombError:
        raise CoopError(f"{path}: the frames are too large; make them smaller first") from None
    except Exception as error:  # damage raises whatever Pillow's decoders run into
        raise CoopError(
            f"{path}: not an animated picture that can be read ({one_line(error)})"
        ) from None
    if (frames == frames[..., :1]).all():  # neither format has a grey mode
        frames = frames[..., :1]
    return Clip(frames, 1000 * len(frames) / sum(milliseconds))


def _video(path: Path, size: int | None) -> Clip:
    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise CoopError(f"{path}: there is no video in it")
            rate = container.streams.video[0].average_rate
            return Clip(
                _gathered(path, decode_video(container), size), float(rate) if rate else None
            )
    except (av.FFmpegError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or one_line(error)
        raise CoopError(f"{path}: not a video that can be read ({why})") from None


def _gathered(path: Path, images: Iterator[Image.Image], size: int | None) -> NDArray[np.uint8]:
    """Scale and stack frames as they come, so that only the scaled ones are in memory."""
    scaled: list[Image.Image] = []
    for image in images:
        scaled.append(shorter_side(image, size))
        if len(scaled) * scaled[0].width * scaled[0].height * 3 > LARGEST:
            raise CoopError(f"{path}: more than 2 GiB of frames; give --size, or a shorter clip")
    if len(scaled) < 2:
        raise CoopError(f"{path}: expected at least 2 frames, found {len(scaled)}")
    mode = common_mode(scaled)
    return np.stack([pixels(image.convert(mode)) for image in scaled])
