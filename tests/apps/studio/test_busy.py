"""A busy studio: who waits, who is told to come later, and what a job may take."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

API = "/gradio_api"
LONG: list[Any] = ["brick", 2048, 2048, 0, "Refined", 100, False]
SHORT: list[Any] = ["brick", 64, 64, 0, "Draft", 1, False]


@pytest.fixture
def visitors(open_server: Any) -> Iterator[list[httpx.Client]]:
    with open_server() as server, ExitStack() as stack:
        clients = [httpx.Client(base_url=server.url, timeout=60, trust_env=False) for _ in range(6)]
        for client in clients:
            stack.enter_context(client).get("/config")
        yield clients


def test_a_full_queue(visitors: list[httpx.Client]) -> None:
    config = visitors[0].get("/config").json()
    number = next(d["id"] for d in config["dependencies"] if d["api_name"] == "textures")
    jobs, full = [], []
    for client in visitors:
        session = secrets.token_hex(5)
        for _ in range(4):
            body = {"data": LONG, "fn_index": number, "session_hash": session}
            answer = client.post(f"{API}/queue/join", json=body)
            if answer.status_code == 503:
                full.append(answer)
                break
            assert answer.status_code == 200
            jobs.append((client, session, answer.json()["event_id"]))
    assert 16 <= len(jobs) <= 18  # that wait, and those that were taken from the queue to run
    assert full
    refused = visitors[0].post(f"{API}/call/textures", json={"data": SHORT})
    assert (refused.status_code, "jobs of yours" in refused.text) == (429, True)
    for client, session, job in reversed(jobs):
        stop = {"session_hash": session, "fn_index": number, "event_id": job}
        assert client.post(f"{API}/cancel", json=stop).status_code == 200
    job = visitors[0].post(f"{API}/call/textures", json={"data": SHORT}).json()["event_id"]
    assert "event: complete" in visitors[0].get(f"{API}/call/textures/{job}").text
