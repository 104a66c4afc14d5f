"""Names that are not the server's, and pages of others that ask in a visitor's name."""

from typing import Any

import pytest

from .conftest import API, Visitor, raw

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
