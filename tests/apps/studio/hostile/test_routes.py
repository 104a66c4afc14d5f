"""What Gradio offers besides is not there; what computes must queue."""

import pytest

from .conftest import API, GOOD, Visitor, refused

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


def test_unknown_endpoints(visitor: Visitor) -> None:
    for name in ("nothing", "__init__", "0", "lambda"):
        refused(visitor.post(f"{API}/call/{name}", json={"data": []}))
