"""Bodies that are too long, too deep, or name files and addresses of the server."""

import json
from typing import Any

import pytest

from .conftest import API, Visitor, raw, refused_or_failed

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
