"""Clips to MP4, frame by frame, and videos to frames."""

import importlib.util
import io
from collections.abc import Iterable
from fractions import Fraction
from typing import BinaryIO

import numpy as np
from PIL import Image

from coop_runtime import CoopError
from coop_trainer.decoding import decode_video

from .pictures import Pixels

__all__ = ["check_mp4", "read_video", "write_mp4"]

_LARGEST = 2**31  # bytes of frames, as in training
_QUALITY = "18"  # x264's constant rate factor: hardly to be told from the original


def check_mp4() -> None:
    """Refuse, before computing, where PyAV is not installed.

    Raises
    ------
    CoopError
        It is not.
    """
    if importlib.util.find_spec("av") is None:
        raise CoopError("writing MP4 needs PyAV: pip install 'coopnets[video]'; or take .webp")


def write_mp4(
    file: BinaryIO,
    parts: Iterable[Pixels],
    rate: float,
    size: tuple[int, int],
    comment: str = "",
) -> None:
    """Write a clip as H.264 in MP4; odd sides are made even by repeating the edge.

    Parameters
    ----------
    file
        Open for writing; it must be able to seek.
    parts
        Frames (time, height, width, 1 or 3 channels), in order.
    rate
        Frames per second.
    size
        Height and width.
    comment
        To be kept in the file.

    Raises
    ------
    CoopError
        PyAV is not installed.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_mp4(file, [np.zeros((2, 16, 15, 3), np.uint8)], 25.0, (16, 15))
    >>> file.getvalue()[4:8]
    b'ftyp'
    """
    check_mp4()
    import av  # heavy, and needed by no other file

    with av.open(file, "w", format="mp4") as container:
        if comment:
            container.metadata["comment"] = comment
        stream = container.add_stream(
            "libx264", rate=Fraction(rate).limit_denominator(1001), options={"crf": _QUALITY}
        )
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = (side + side % 2 for side in size)
        for part in parts:
            for frame in _even(part):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def read_video(data: bytes, source: str) -> list[Image.Image]:
    """Decode the frames of a video that FFmpeg reads, as in training.

    Raises
    ------
    CoopError
        PyAV is not installed; not a video, damaged, or larger than 2 GiB of frames.
    """
    if importlib.util.find_spec("av") is None:
        raise CoopError(
            f"'{source}': reading a video needs PyAV: pip install 'coopnets[video]'; or give .webp"
        )
    import av  # heavy, and needed by no other file

    frames: list[Image.Image] = []
    try:
        with av.open(io.BytesIO(data), "r") as container:
            if not container.streams.video:
                raise CoopError(f"'{source}': there is no video in it")
            for frame in decode_video(container):
                frames.append(frame)
                if len(frames) * frame.width * frame.height * 3 > _LARGEST:
                    raise CoopError(f"'{source}': more than 2 GiB of frames; give a shorter clip")
    except (av.FFmpegError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise CoopError(f"'{source}': not a video that can be read ({why})") from None
    if not frames:
        raise CoopError(f"'{source}': there are no frames in it")
    return frames


def _even(frames: Pixels) -> Pixels:
    """Give frames of three channels and even sides, as H.264 takes them."""
    _, height, width, channels = frames.shape
    padded = np.pad(frames, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)], "edge")
    return np.ascontiguousarray(np.repeat(padded, 3 // channels, axis=3))
