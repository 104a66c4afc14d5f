"""Files, jobs and results belong to one visitor."""

import json
import secrets
from typing import Any

import httpx

from .conftest import API, GOOD, Visitor
from .odd_files import encoded


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
