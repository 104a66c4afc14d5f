"""Requests of somebody who means harm: each is refused in one line, and the server lives on.

Files with a secret lie around the server: in its working folder, beside and inside its bundles, in
the folder of temporary files. No answer may hold the secret, and nothing may have read them.
"""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

SECRET = secrets.token_hex(16)
API = "/gradio_api"
GOOD: list[Any] = ["brick", 64, 64, 0, "Draft", 1, False]
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


def refused(answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])


def refused_or_failed(answer: httpx.Response) -> None:
    """Refused; or Gradio's own {"error": null}, which says nothing."""
    failed = answer.status_code == 500 and answer.json() == {"error": None}
    assert failed or 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])


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


@pytest.fixture(scope="module")
def canaries(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    outside = tmp_path_factory.mktemp("outside")
    places = [outside / "canary.txt", outside / "canary.png", library.parent / "canary.txt"]
    places += [library / "canary.txt", library / "brick" / "canary.txt"]
    places += [Path.cwd() / f".canary-{secrets.token_hex(4)}.txt", outside.parent / "canary.json"]
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
    before = len(server.lines)  # other tests share it: a browser may leave in the midst of a file
    yield
    assert server.process.poll() is None
    with Visitor(server.url) as client:
        ended = client.ask(GOOD)
    assert ended.startswith("complete"), ended
    assert "Exception in ASGI application" not in "".join(server.lines[before:])


@pytest.fixture
def visitor(server: Any) -> Iterator[Visitor]:
    with Visitor(server.url) as client:
        yield client
