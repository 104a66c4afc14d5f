"""Sizes of GIF and WebP files, read from their blocks.

Pillow cannot be asked: it lets the frames of a GIF enlarge it while they are decoded, walks through
all of them to count them, and allots a whole WebP canvas when it opens one.
"""

from collections.abc import Iterator

from coop_runtime import CoopError

__all__ = ["gif_size", "webp_size"]

Size = tuple[int, int, int]


def gif_size(data: bytes, most: int) -> Size:
    """Give width and height that hold all frames, and their number, at most ``most`` + 1.

    Source: the GIF89a specification, sections 18 to 26.

    Raises
    ------
    CoopError
        It is damaged.
    """
    try:
        return _gif_size(data, most)
    except IndexError:
        raise CoopError("a damaged GIF file") from None


def _gif_size(data: bytes, most: int) -> Size:
    width, height, frames = _u16(data, 6), _u16(data, 8), 0
    at = 13 + _colours(data[10])
    while frames <= most:
        block = data[at]
        if block == 0x3B:  # the end
            break
        if block == 0x21:  # an extension: a label, then sub-blocks
            at = _after_blocks(data, at + 2)
        elif block == 0x2C:  # a frame: place, size, flags, colours, a byte, sub-blocks
            left, top, wide, high = (_u16(data, at + k) for k in (1, 3, 5, 7))
            width, height = max(width, left + wide), max(height, top + high)
            frames += 1
            at = _after_blocks(data, at + 11 + _colours(data[at + 9]))
        else:  # readers skip what they do not know byte by byte
            at += 1
        if at >= len(data) and frames:  # many files lack their end
            break
    return width, height, frames


def _colours(flags: int) -> int:
    """Give the length of a table of colours."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def webp_size(data: bytes, most: int) -> Size:
    """Give the largest width and height of canvas and frames, and the number of frames.

    Source: the WebP container specification (VP8X, ANMF), RFC 6386 section 9.1 (VP8), the WebP
    lossless specification section 3 (VP8L).

    Raises
    ------
    CoopError
        It is damaged.
    """
    try:
        sizes = list(_webp_sizes(data, 12, most))
    except IndexError:
        raise CoopError("a damaged WebP file") from None
    if not sizes:
        raise CoopError("a damaged WebP file")
    animated = sum(moves for *_, moves in sizes)
    return max(s[0] for s in sizes), max(s[1] for s in sizes), max(1, animated)


def _webp_sizes(data: bytes, at: int, most: int) -> Iterator[tuple[int, int, bool]]:
    """Yield width, height and whether it is one of several frames, for each chunk that tells."""
    frames = 0
    while at + 8 <= len(data) and frames <= most:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = at + 8
        if name == b"VP8X":
            yield _u24(data, body + 4) + 1, _u24(data, body + 7) + 1, False
        elif name == b"VP8 ":
            yield _u16(data, body + 6) & 0x3FFF, _u16(data, body + 8) & 0x3FFF, False
        elif name == b"VP8L":
            bits = int.from_bytes(data[body + 1 : body + 5], "little")
            yield (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, False
        elif name == b"ANMF":
            frames += 1
            yield _u24(data, body + 6) + 1, _u24(data, body + 9) + 1, True
        at = body + length + length % 2


def _u16(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


def _u24(data: bytes, at: int) -> int:
    return _u16(data, at) | data[at + 2] << 16
