"""Clips in the page: an animated WebP within the page itself, which every browser plays."""

import base64
import io

import numpy as np
from PIL import Image

from ..pictures import Pixels

__all__ = ["JS_PAUSE", "moving", "showing", "small_webp"]

_QUALITY = 75

#: In the page: given whether to pause, every clip stands still at its first frame, or moves.
JS_PAUSE = """(paused) => {
    for (const clip of document.querySelectorAll("img.clip")) {
        if (!paused) {
            if (clip.dataset.moving) clip.src = clip.dataset.moving;
            delete clip.dataset.moving;
        } else if (!clip.dataset.moving) {
            const still = document.createElement("canvas");
            still.width = clip.naturalWidth;
            still.height = clip.naturalHeight;
            still.getContext("2d").drawImage(clip, 0, 0);
            clip.dataset.moving = clip.src;
            clip.src = still.toDataURL();
        }
    }
}"""


def small_webp(frames: Pixels, rate: float) -> bytes:
    """Encode frames (time, height, width, 1 or 3 channels) with loss, to be looked at.

    Examples
    --------
    >>> small_webp(np.zeros((2, 16, 16, 3), np.uint8), 10.0)[8:12]
    b'WEBP'
    """
    colour = np.repeat(frames, 3 // frames.shape[-1], axis=-1)
    first, *rest = [Image.fromarray(frame) for frame in colour]
    stream = io.BytesIO()
    times = {"duration": max(1, round(1000 / rate)), "loop": 0}
    first.save(
        stream, "webp", save_all=True, append_images=rest, quality=_QUALITY, method=2, **times
    )
    return stream.getvalue()


def moving(frames: Pixels, rate: float, alt: str) -> str:
    """Give HTML that plays frames again and again; ``alt`` says what they show."""
    return showing(small_webp(frames, rate), "webp", alt)


def showing(data: bytes, kind: str, alt: str) -> str:
    """Give HTML that shows an encoded ``"webp"`` or ``"gif"``, as wide as there is room.

    Examples
    --------
    >>> showing(b"GIF", "gif", "waves")[:40]
    '<img class="clip" alt="waves" style="wid'
    """
    words = base64.b64encode(data).decode()
    style = "width: 100%; max-width: 32rem; border-radius: 4px"
    return f'<img class="clip" alt="{alt}" style="{style}" src="data:image/{kind};base64,{words}">'
