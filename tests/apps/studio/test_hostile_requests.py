"""Requests of somebody who means harm: each is refused in one line, and the server lives on.

Files with a secret lie around the server: in its working folder, beside and inside its bundles, in
the folder of temporary files. No answer may hold the secret, and nothing may have read them.
"""

import contextlib
import io
import json
import os
import secrets
import socket
import struct
import time
import wave
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

SECRET = secrets.token_hex(16)
API = "/gradio_api"
FORBIDDEN = (SECRET, "Traceback", "site-packages", "root:x:0", "coop-studio-")


class Visitor(httpx.Client):
    """A client that remembers cookies, and looks at every answer."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=60, trust_env=False)

    def __enter__(self) -> "Visitor":
        super().__enter__()
        self.get("/config")  # for the cookie
        return self

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = super().send(request, **options)
        if not options.get("stream"):
            looked_at(answer.content, own=answer.is_success)
        return answer

    def upload(self, name: str, data: bytes) -> httpx.Response:
        return self.post(f"{API}/upload", files={"files": (name, data)})

    def join(self, data: list[Any], **more: Any) -> httpx.Response:
        return self.post(f"{API}/call/textures", json={"data": data, **more})

    def ask(self, data: list[Any], api: str = "textures") -> str:
        """Call an endpoint; give the status of a refusal, or how it ended and with what."""
        answer = self.post(f"{API}/call/{api}", json={"data": data})
        if answer.status_code != 200:
            return f"refused {answer.status_code} {answer.text}"
        text = self.get(f"{API}/call/{api}/{answer.json()['event_id']}").text
        return text[text.rindex("event: ") + len("event: ") :]


def looked_at(content: bytes, own: bool = False) -> None:
    text = content.decode("utf-8", "replace")
    for word in FORBIDDEN:
        # A visitor is told the paths of his own files: Gradio's pages hand them back.
        assert word not in text or (own and word == "coop-studio-"), text[:2000]


@pytest.fixture(scope="module")
def canaries(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    outside = tmp_path_factory.mktemp("outside")
    places = [outside / "canary.txt", outside / "canary.png", library.parent / "canary.txt"]
    places += [library / "canary.txt", library / "brick" / "canary.txt"]
    places += [Path.cwd() / ".canary.txt", outside.parent / "canary.json"]
    for path in places:
        path.write_text(SECRET)
        os.utime(path, (0, time.time()))
    (library / "link").symlink_to(outside)
    yield places
    for path in places:
        assert path.stat().st_atime == 0, f"{path} has been read"
        path.unlink()
    (library / "link").unlink()


@pytest.fixture(scope="module", autouse=True)
def lives(server: Any, canaries: list[Path]) -> Iterator[None]:
    """After all of it the server still draws, and nothing has come through to it unhandled."""
    yield
    assert server.process.poll() is None
    with Visitor(server.url) as client:
        ended = client.ask(GOOD)
    assert ended.startswith("complete"), ended
    assert "Exception in ASGI application" not in "".join(server.lines)


@pytest.fixture
def visitor(server: Any) -> Iterator[Visitor]:
    with Visitor(server.url) as client:
        yield client


GOOD: list[Any] = ["brick", 64, 64, 0, "Draft", 1, False]


def refused(answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])


# Paths that lead elsewhere, in every way to write them; {} is a file with the secret.
PATHS = {
    "absolute": "/gradio_api/file={}",
    "passwd": "/gradio_api/file=/etc/passwd",
    "two slashes": "/gradio_api/file=//{}",
    "relative": "/gradio_api/file=.canary.txt",
    "dots": "/gradio_api/file=../../../../../..{}",
    "encoded dots": "/gradio_api/file=%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e{}",
    "encoded slashes": "/gradio_api/file=..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "encoded twice": "/gradio_api/file=..%252f..%252f..%252f..%252fetc%252fpasswd",
    "backslashes": "/gradio_api/file=..\\..\\..\\etc\\passwd",
    "drive": "/gradio_api/file=C:\\Windows\\win.ini",
    "null": "/gradio_api/file={}%00.png",
    "newline": "/gradio_api/file={}%0a",
    "utf-8 overlong": "/gradio_api/file=..%c0%af..%c0%afetc%c0%afpasswd",
    "environment": "/gradio_api/file=/proc/self/environ",
    "working folder": "/gradio_api/file=/proc/self/cwd/.canary.txt",
    "root of a process": "/gradio_api/file=/proc/self/root{}",
    "descriptor": "/gradio_api/file=/proc/self/fd/0",
    "endless": "/gradio_api/file=/dev/zero",
    "scheme file": "/gradio_api/file=file://{}",
    "scheme http": "/gradio_api/file=http://127.0.0.1:1/x.png",
    "scheme https": "/gradio_api/file=https://example.invalid/x.png",
    "metadata of clouds": "/gradio_api/file=http://169.254.169.254/latest/meta-data",
    "nothing": "/gradio_api/file=",
    "a folder": "/gradio_api/file=/tmp",
    "file/": "/gradio_api/file/{}",
    "static": "/static/../../../../../../../../..{}",
    "static encoded": "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "assets": "/assets/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "assets absolute": "/assets//etc/passwd",
    "svelte": "/svelte/..%5c..%5c..%5cetc%5cpasswd",
    "page name": "/..%2f..%2fetc%2fpasswd",
    "component": "/gradio_api/custom_component/x/client/..%2f..%2f/canary.txt",
    "upload progress": "/gradio_api/upload_progress/../file={}",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_paths_that_lead_elsewhere(path: str, server: Any, canaries: list[Path]) -> None:
    for canary in canaries[:1] if "{}" not in path else canaries:
        status, body = raw(server.url, f"GET {path.format(canary)} HTTP/1.1\r\nHost: localhost")
        assert 400 <= status < 500, (status, body)


def raw(url: str, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send bytes as they are; give status and body of the answer."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as link:
        parts = []
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # answered before the end
            link.sendall(head.encode("latin-1") + b"\r\nConnection: close\r\n\r\n" + body)
        with contextlib.suppress(ConnectionResetError):
            while part := link.recv(65536):
                parts.append(part)
    answer = b"".join(parts)
    looked_at(answer)
    if not answer:
        return 400, b""  # the connection was closed: no answer is the shortest refusal
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


ROUTES = [
    ("GET", f"{API}/proxy=http://127.0.0.1:1/"),
    ("GET", f"{API}/proxy=https://someone.hf.space/"),
    ("HEAD", f"{API}/proxy=https://someone.hf.space/"),
    ("GET", f"{API}/runs"),
    ("GET", f"{API}/run-history/buckets"),
    ("POST", f"{API}/run-history/connect"),
    ("GET", "/monitoring"),
    ("GET", "/monitoring/summary"),
    ("GET", f"{API}/dev/reload"),
    ("GET", f"{API}/deep_link?session_hash=a"),
    ("GET", f"{API}/openapi.json"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", f"{API}/token"),
    ("GET", f"{API}/mcp/schema"),
    ("POST", f"{API}/mcp/"),
    ("POST", f"{API}/component_server"),
    ("POST", f"{API}/process_recording"),
    ("POST", f"{API}/stream/x"),
    ("POST", f"{API}/stream/x/close"),
    ("GET", f"{API}/stream/a/b/1/playlist.m3u8"),
    ("GET", f"{API}/stream/a/b/1/playlist-file"),
    ("GET", f"{API}/vibe-code"),
    ("POST", f"{API}/vibe-code"),
    ("POST", f"{API}/vibe-edit"),
    ("POST", f"{API}/undo-vibe-edit"),
    ("POST", f"{API}/vibe-starter-queries"),
    ("POST", f"{API}/run/textures"),
    ("POST", f"{API}/api/textures"),
    ("POST", f"{API}/api/predict"),
    ("POST", f"{API}/call/v2/textures"),
    ("GET", f"{API}/profiling/traces"),
    ("GET", "/manifest.json"),
    ("GET", "/pwa_icon/100000"),
    ("GET", f"{API}/custom_component/a/client/b/c"),
    ("PUT", f"{API}/upload"),
    ("DELETE", f"{API}/file=/tmp/x"),
    ("OPTIONS", f"{API}/queue/join"),
    ("TRACE", "/"),
    ("PATCH", "/"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[" ".join(r) for r in ROUTES])
def test_routes_that_are_not_there(method: str, path: str, visitor: Visitor) -> None:
    body = {"data": GOOD} if method == "POST" else None
    assert visitor.request(method, path, json=body).status_code in (404, 405)


def test_what_computes_must_queue(visitor: Visitor) -> None:
    config = visitor.get("/config").json()
    number = next(d["id"] for d in config["dependencies"] if d["api_name"] == "textures")
    refused(visitor.post(f"{API}/run/predict", json={"fn_index": number, "data": GOOD}))


HOSTS = [
    "evil.example",
    "evil.example:80",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "user@127.0.0.1",
    "127.0.0.1@evil.example",
    "2130706433",
    "0x7f.1",
    "127.0.0.1:port",
    "127.0.0.1:99999999",
    "[::1",
    "169.254.169.254",
    "0.0.0.0",
    "127.0.0.1/",
    "127.0.0.1, evil.example",
    "",
]


@pytest.mark.parametrize("host", HOSTS)
def test_foreign_names(host: str, server: Any) -> None:
    status, _ = raw(server.url, f"GET /config HTTP/1.1\r\nHost: {host}")
    assert 400 <= status < 500


def test_unknown_endpoints(visitor: Visitor) -> None:
    for name in ("nothing", "__init__", "0", "lambda"):
        refused(visitor.post(f"{API}/call/{name}", json={"data": []}))


def test_two_names_and_none(server: Any) -> None:
    twice = "GET /config HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example"
    assert raw(server.url, twice)[0] == 400
    assert raw(server.url, "GET /config HTTP/1.0\r\nX: y")[0] == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1234", "[::1]:7860"])
def test_own_names(host: str, server: Any) -> None:
    assert raw(server.url, f"GET /config HTTP/1.1\r\nHost: {host}")[0] == 200


ORIGINS = [
    "http://evil.example",
    "https://127.0.0.1.evil.example",
    "null",
    "file://",
    "http://127.0.0.1:1",
    "http://localhost:1",
    "",
    "chrome-extension://abc",
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{API}/queue/join"),
        ("POST", f"{API}/upload"),
        ("POST", f"{API}/cancel"),
        ("POST", "/login"),
        ("GET", "/logout"),
        ("GET", f"{API}/queue/data?session_hash=abc"),
        ("GET", f"{API}/heartbeat/abc"),
        ("OPTIONS", f"{API}/queue/join"),
    ],
)
def test_foreign_pages(origin: str, method: str, path: str, visitor: Visitor) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = visitor.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_foreign_pages_that_hide_their_origin(visitor: Visitor) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        for path in ("/logout", "/config", f"{API}/file=/tmp/x"):
            assert visitor.get(path, headers=headers).status_code == 403
    opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert visitor.get("/", headers=opened).status_code == 200
    assert visitor.get("/logout", headers=opened).status_code == 403


# Bodies.

MANY = 21 * 2**20


def test_large_bodies(server: Any, visitor: Visitor) -> None:
    head = f"POST {API}/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
    assert raw(server.url, head + f"boundary=x\r\nContent-Length: {MANY}")[0] == 413
    assert raw(server.url, head + "boundary=x\r\nContent-Length: 99999999999999999999")[0] == 413
    assert visitor.upload("a.png", bytes(17 * 2**20)).status_code == 413
    answer = visitor.post(f"{API}/queue/join", content=b"[" * 2**21)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", [f"{API}/upload", f"{API}/queue/join", "/login"])
def test_large_bodies_in_chunks(path: str, server: Any) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: multipart/form-data; boundary=x"
    )
    start = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    chunk = b"%x\r\n" % 2**20 + bytes(2**20) + b"\r\n"
    body = b"%x\r\n" % len(start) + start + b"\r\n" + chunk * 22 + b"0\r\n\r\n"
    assert raw(server.url, head, body)[0] in (400, 413)


@pytest.mark.parametrize("length", ["-1", "ten", "1e3", "0x10", "5, 6"])
def test_lengths_that_are_none(length: str, server: Any) -> None:
    head = f"POST {API}/queue/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}"
    assert raw(server.url, head)[0] == 400


def test_length_and_chunks(server: Any) -> None:
    head = f"POST {API}/queue/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    status, _ = raw(server.url, head + "Transfer-Encoding: chunked", b"0\r\n\r\nGET / HTTP/1.1")
    assert 400 <= status < 500


BODIES = {
    "no JSON": b"data",
    "a list": b"[]",
    "a number": b"7",
    "empty": b"",
    "NaN": b'{"data": [NaN]}',
    "infinity": b'{"data": [1e999]}',
    "long number": b'{"data": [' + b"9" * 5000 + b"]}",
    "large number": b'{"data": [18446744073709551616]}',
    "deep": b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "quite deep": b'{"data": ' + b"[" * 40 + b"]" * 40 + b"}",
    "deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "wide": b'{"data": [' + b"0," * 400_000 + b"0]}",
    "many lists": b'{"data": [' + b"[]," * 100_000 + b"0]}",
    "null character": b'{"data": ["a\\u0000b"]}',
    "half a character": b'{"data": ["\\ud800"]}',
    "not UTF-8": b'{"data": ["\xff\xfe"]}',
    "no data": b'{"fn_index": 0, "session_hash": "a1"}',
    "data no list": b'{"data": "x", "fn_index": 0, "session_hash": "a2"}',
    "no session": b'{"data": [], "fn_index": 0}',
    "session a list": b'{"data": [], "fn_index": 0, "session_hash": ["a"]}',
    "session long": b'{"data": [], "fn_index": 0, "session_hash": "' + b"a" * 5000 + b'"}',
    "function a text": b'{"data": [], "fn_index": "x", "session_hash": "a3"}',
    "unknown function": b'{"data": [], "fn_index": 99999, "session_hash": "a4"}',
    "negative function": b'{"data": [], "fn_index": -1, "session_hash": "a5"}',
    "file of the server": b'{"data": [{"path": "/etc/passwd"}]}',
    "file with meta": b'{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}',
    "file as a list": b'{"data": [{"path": ["/etc/passwd"]}]}',
    "file of the system": b'{"data": [{"path": "/proc/self/environ"}]}',
    "address": b'{"data": [{"path": null, "url": "http://127.0.0.1:1/x.png"}]}',
    "address as path": b'{"data": [{"path": "http://169.254.169.254/", "url": null}]}',
    "address of a file": b'{"data": [{"path": null, "url": "file:///etc/passwd"}]}',
    "address of data": b'{"data": [{"url": "data:image/png;base64,AAAA"}]}',
    "odd address": b'{"data": [{"url": "http://[x"}]}',
    "deeply hidden": b'{"data": [{"a": [{"b": {"path": "/etc/passwd"}}]}]}',
    "in event data": b'{"data": [], "event_data": {"path": "/etc/passwd"}}',
    "relative path": b'{"data": [{"path": "../../../../etc/passwd"}]}',
    "path with null": b'{"data": [{"path": "/etc/passwd\\u0000.png"}]}',
}


@pytest.mark.parametrize("path", ["queue/join", "call/textures", "run/predict", "cancel"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies(body: bytes, path: str, visitor: Visitor) -> None:
    answer = visitor.post(
        f"{API}/{path}", content=body, headers={"Content-Type": "application/json"}
    )
    if answer.status_code == 200 and "event_id" not in answer.json():
        assert json.loads(body)["data"] == []  # what needs no arguments got none
    elif answer.status_code == 200:  # in the queue; then its arguments are too few
        answer = visitor.get(f"{API}/{path}/{answer.json()['event_id']}")
        assert "event: error" in answer.text
    else:
        refused_or_failed(answer)


def refused_or_failed(answer: httpx.Response) -> None:
    """Refused; or Gradio's own {"error": null}, which says nothing."""
    failed = answer.status_code == 500 and answer.json() == {"error": None}
    assert failed or 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])


# Uploads.


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


# Other visitors.


def test_files_of_others(server: Any, visitor: Visitor) -> None:
    (path,) = visitor.upload("mine.png", encoded("PNG")).json()
    mine = visitor.get(f"{API}/file={path}")
    assert (mine.status_code, mine.content) == (200, encoded("PNG"))
    assert mine.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in mine.headers["content-security-policy"]
    with Visitor(server.url) as other:
        assert other.get(f"{API}/file={path}").status_code == 404
        assert other.head(f"{API}/file={path}").status_code == 404
        assert other.join([*GOOD[:-1], {"path": path}]).status_code == 403
        seal = other.cookies["coop_visitor"].partition(".")[2]
        name = visitor.cookies["coop_visitor"].partition(".")[0]
        for forged in (f"{name}.{seal}", f"{name}.", name, "x" * 5000, "é.é", f"{name}.ü"):
            value = f"coop_visitor={forged}".encode()
            with httpx.Client(base_url=server.url, trust_env=False) as thief:
                answer = thief.get(f"{API}/file={path}", headers={b"Cookie": value})
                assert answer.status_code == 404


def test_jobs_of_others(server: Any, visitor: Visitor) -> None:
    session = secrets.token_hex(5)
    number = visitor.get("/config").json()["dependencies"][0]["id"]
    body = {"data": GOOD, "fn_index": number, "session_hash": session}
    job = visitor.post(f"{API}/queue/join", json=body).json()["event_id"]
    called = visitor.join(GOOD).json()["event_id"]
    with Visitor(server.url) as other:
        stop = {"session_hash": session, "fn_index": number, "event_id": job}
        assert other.post(f"{API}/cancel", json=stop).status_code == 403
        stop["session_hash"] = "another"
        assert other.post(f"{API}/cancel", json=stop).status_code == 403
        assert other.get(f"{API}/queue/data?session_hash={session}").status_code == 403
        assert other.get(f"{API}/heartbeat/{session}").status_code == 403
        assert other.post(f"{API}/queue/join", json=body).status_code == 403
        assert other.get(f"{API}/call/textures/{called}").status_code == 403
        assert other.get(f"{API}/call/textures/{job}").status_code == 403
    assert "event: complete" in visitor.get(f"{API}/call/textures/{called}").text


def test_results_of_others(server: Any, visitor: Visitor) -> None:
    ended, _, data = visitor.ask(GOOD).partition("\ndata: ")
    assert ended == "complete"
    file = json.loads(data)[-1]["value"]
    assert visitor.get(f"{API}/file={file['path']}").content.startswith(b"\x89PNG")
    with Visitor(server.url) as other:
        assert other.get(f"{API}/file={file['path']}").status_code == 404


# Arguments of every endpoint.

VALUES: list[Any] = [
    None,
    "",
    "x" * 10_000,
    "../brick",
    "brick/../../canary.txt",
    "/etc/passwd",
    "link",
    "..",
    ".",
    "<script>alert(1)</script>",
    "'; drop table bundles; --",
    "{{7*7}}",
    "%s%n",
    -1,
    0,
    2**53,
    1e308,
    -1e308,
    1e-320,
    True,
    [],
    {},
    [[1]],
    {"a": 1},
    ["brick", "brick"],
]


def test_arguments_of_every_endpoint(visitor: Visitor) -> None:
    """Whatever one argument is: a friendly line, or a result; what others are is as usual."""
    endpoints = visitor.get(f"{API}/info").json()["named_endpoints"]
    assert "/textures" in endpoints
    for name, endpoint in endpoints.items():
        usual = [p.get("parameter_default") for p in endpoint["parameters"]]
        every = 5  # all values for the first, some for each argument of the others: time
        if name == "/textures":
            usual, every = GOOD, 1
        for place in range(len(usual)):
            for value in VALUES[place % every :: every]:
                data = [*usual[:place], value, *usual[place + 1 :]]
                ended = visitor.ask(data, name.strip("/"))
                assert ended.startswith(("complete", "error", "refused 4")), ended
                assert len(ended) < 200_000  # the page's clip is in it


def test_too_few_and_too_many_arguments(visitor: Visitor) -> None:
    for data in ([], GOOD[:3]):
        assert not visitor.ask(data).startswith("complete")
    assert visitor.ask(GOOD * 50).startswith(("complete", "error", "refused 4"))


def test_bundles_come_from_the_folder_only(visitor: Visitor, canaries: list[Path]) -> None:
    for name in ("../outside", "link", str(canaries[0].parent), "brick/.", "BRICK", "brick\\"):
        assert visitor.ask([name, *GOOD[1:]]).startswith("error")
