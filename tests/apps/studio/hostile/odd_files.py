"""Pictures and sounds whose headers claim what is not there."""

import io
import struct
import wave
import zlib
from typing import Any

import numpy as np
import soundfile
from PIL import Image


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A picture by its header; of pixels there is a line."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def encoded(kind: str, size: tuple[int, int] = (8, 8), **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size).save(stream, kind, **options)
    return stream.getvalue()


def gif(width: int, height: int, frames: int, frame: tuple[int, int] = (1, 1)) -> bytes:
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00"
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + one * frames + b"\x3b"


def webp(width: int, height: int, frames: int = 0) -> bytes:
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + sizes
    chunks += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    chunks += (b"ANMF" + struct.pack("<I", 16) + bytes(6) + sizes + bytes(4)) * frames
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def wav(seconds: float, rate: int = 8000, channels: int = 1) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((channels, 1, rate, 0, "NONE", ""))
        file.writeframes(bytes(int(seconds * rate) * channels))
    return stream.getvalue()


def sound(kind: str, subtype: str, samples: Any, rate: int = 8000) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, subtype, format=kind)
    return stream.getvalue()


def flac(seconds: float) -> bytes:
    """A header that claims a length, and a second of silence."""
    data = bytearray(sound("FLAC", "PCM_16", np.zeros(8000)))
    fields = int.from_bytes(data[18:26], "big")  # rate, channels, bits; then 36 bits of length
    fields = fields >> 36 << 36 | int(seconds * 8000)
    data[18:26] = fields.to_bytes(8, "big")
    return bytes(data)


def long_jpeg() -> bytes:
    data = bytearray(encoded("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)
