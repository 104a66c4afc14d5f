"""Uploads that are not what they say, or more than a page needs."""

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import API, Visitor, refused, refused_or_failed
from .odd_files import encoded, flac, gif, long_jpeg, png, sound, wav, webp

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
UPLOADS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "HTML": ("a.html", lambda: HTML),
    "HTML as PNG": ("a.png", lambda: HTML),
    "SVG": ("a.svg", lambda: SVG),
    "SVG as PNG": ("a.png", lambda: SVG),
    "SVG with a declaration": ("a.jpg", lambda: b"<?xml version='1.0'?>" + SVG),
    "PNG as HTML": ("a.html", lambda: encoded("PNG")),
    "PNG as SVG": ("a.svg", lambda: encoded("PNG")),
    "PNG as JPEG": ("a.jpg", lambda: encoded("PNG")),
    "PNG with HTML after it, as HTML": ("a.htm", lambda: encoded("PNG") + HTML),
    "PNG of 2.5 gigapixels": ("a.png", lambda: png(50_000, 50_000)),
    "PNG of 4 by 2³¹": ("a.png", lambda: png(4, 2**31 - 1)),
    "PNG of nothing": ("a.png", lambda: png(0, 0)),
    "PNG, size twice": (
        "a.png",
        lambda: png(8, 8, (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))),
    ),
    "PNG with a text bomb": (
        "a.png",
        lambda: png(8, 8, (b"zTXt", b"a\0\0" + zlib.compress(bytes(64 * 2**20), 9))),
    ),
    "PNG of a million frames": (
        "a.png",
        lambda: png(8, 8, (b"acTL", struct.pack(">II", 10**6, 0))),
    ),
    "only a signature": ("a.png", lambda: b"\x89PNG\r\n\x1a\n"),
    "GIF of 4 gigapixels": ("a.gif", lambda: gif(65_535, 65_535, 1)),
    "GIF whose frame is larger": ("a.gif", lambda: gif(8, 8, 1, (65_535, 65_535))),
    "GIF of 100 000 frames": ("a.gif", lambda: gif(8, 8, 100_000)),
    "GIF, frames too large together": ("a.gif", lambda: gif(2000, 2000, 100)),
    "GIF cut off": ("a.gif", lambda: gif(8, 8, 1)[:20]),
    "WebP of 268 megapixels": ("a.webp", lambda: webp(16_383, 16_383)),
    "WebP of 2⁴⁸ pixels": ("a.webp", lambda: webp(2**24, 2**24)),
    "WebP of 10 000 frames": ("a.webp", lambda: webp(8, 8, 10_000)),
    "WebP cut off": ("a.webp", lambda: webp(8, 8)[:20]),
    "JPEG of 4 gigapixels": ("a.jpg", long_jpeg),
    "JPEG of many scans": ("a.jpg", lambda: encoded("JPEG") + b"\xff\xda" * 100),
    "BMP of 4 gigapixels": (
        "a.bmp",
        lambda: encoded("BMP")[:18] + struct.pack("<ii", 65_535, 65_535) + encoded("BMP")[26:],
    ),
    "TIFF": ("a.tif", lambda: encoded("TIFF")),
    "ICO": ("a.ico", lambda: encoded("ICO", (16, 16))),
    "PDF": ("a.pdf", lambda: encoded("PDF")),
    "EPS as PNG": ("a.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    "ZIP": ("a.zip", lambda: b"PK\x03\x04" + bytes(100)),
    "pickle": ("a.pkl", lambda: b"\x80\x04\x95" + bytes(100)),
    "program": ("a.png", lambda: b"\x7fELF" + bytes(100)),
    "script": ("a.png", lambda: b"#!/bin/sh\necho"),
    "text": ("a.txt", lambda: b"words"),
    "MP4": ("a.mp4", lambda: b"\0\0\0\x20ftypisom" + bytes(100)),
    "playlist": ("a.m3u8", lambda: b"#EXTM3U\nhttp://127.0.0.1:1/x\n"),
    "empty": ("a.png", lambda: b""),
    "bundle's card": ("card.json", lambda: b"{}"),
    "graph": ("a.onnx", lambda: b"\x08\x08" + bytes(50)),
    "WAV of an hour": ("a.wav", lambda: wav(1800, 4000)),
    "WAV at 1 Hz": ("a.wav", lambda: wav(100, 1)),
    "WAV at 4 GHz": ("a.wav", lambda: wav(1e-6, 2**32 - 1)),
    "WAV of 200 channels": ("a.wav", lambda: wav(0.1, 8000, 200)),
    "WAV of nothing": ("a.wav", lambda: wav(0)),
    "WAV cut off": ("a.wav", lambda: wav(1)[:30]),
    "FLAC of a month": ("a.flac", lambda: flac(3e6)),
    "FLAC of unknown length": ("a.flac", lambda: flac(0)),
    "OGG of garbage": ("a.ogg", lambda: b"OggS" + bytes(1000)),
    "MP3 of garbage": ("a.mp3", lambda: b"ID3" + bytes(1000)),
    "AIFF": ("a.aiff", lambda: sound("AIFF", "PCM_16", np.zeros(100))),
}


@pytest.mark.parametrize(("name", "data"), UPLOADS.values(), ids=UPLOADS)
def test_uploads(name: str, data: Callable[[], bytes], visitor: Visitor) -> None:
    began = time.monotonic()
    answer = visitor.upload(name, data())
    assert answer.status_code == 422, answer.text[:300]
    assert time.monotonic() - began < 20
    assert 10 < len(answer.text) < 300


NAMES = [
    "../../../../tmp/evil.png",
    "..\\..\\evil.png",
    "/etc/evil.png",
    "C:\\evil.png",
    "a\tb.png",
    "%2e%2e%2fevil.png",
    ".htaccess.png",
    "-rf.png",
    "a" * 5000 + ".png",
    "é漢\u202egnp.png",
    "..png",
    "con.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_uploads(name: str, visitor: Visitor) -> None:
    answer = visitor.upload(name, encoded("PNG"))
    if answer.status_code == 200:
        (path,) = map(Path, answer.json())
        assert path.parent.parent.name.startswith("coop-studio-")
        assert ".." not in path.parts
        path.unlink()
    else:
        refused(answer)


def test_odd_forms(server: Any, visitor: Visitor) -> None:
    many = [("files", (f"{k}.png", encoded("PNG"))) for k in range(9)]
    assert visitor.post(f"{API}/upload", files=many).status_code == 422
    more = [("files", (f"{k}.png", b"x")) for k in range(1100)]
    refused(visitor.post(f"{API}/upload", files=more))
    fields = {f"f{k}": "x" for k in range(1100)}
    refused(visitor.post(f"{API}/upload", data=fields, files={"files": ("a.png", b"")}))
    for kind in ("application/json", "multipart/form-data", "text/html", "multipart/form-data; b"):
        answer = visitor.post(f"{API}/upload", content=b"x", headers={"Content-Type": kind})
        refused_or_failed(answer)
