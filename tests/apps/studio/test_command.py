"""coop-studio: what it refuses to open, and what it opens."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from coop_apps.studio import server as server_module
from coop_apps.studio.command import main

PUBLIC = [["--host", "0.0.0.0"], ["--host", "::"], ["--host", "192.0.2.1"], ["--share"]]
PUBLIC += [["--allow-host", "studio.example"]]


@pytest.mark.parametrize("options", PUBLIC, ids=" ".join)
def test_a_public_address_needs_passwords(options: list[str], library: Path) -> None:
    result = CliRunner().invoke(main, [str(library), *options])
    assert result.exit_code != 0
    assert f"{options[0]}" in result.output
    assert "--auth" in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize("options", PUBLIC, ids=" ".join)
@pytest.mark.parametrize("leave", [["--no-auth"], ["--auth", "anna:secret"]], ids=" ".join)
def test_unless_told(
    options: list[str], leave: list[str], library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def serve(studio: Any, *rest: Any) -> str:
        asked.append((studio.learning, *rest))
        raise KeyboardInterrupt

    monkeypatch.setattr(server_module, "serve", serve)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")
    CliRunner().invoke(main, [str(library), *options, *leave])
    ((learning, host, _, users, share, private, names),) = asked
    assert host == (options[1] if options[0] == "--host" else "127.0.0.1")
    assert (users, share) == (
        [("anna", "secret")] if leave[0] == "--auth" else None,
        "--share" in options,
    )
    assert not learning
    assert names == (("studio.example",) if "--allow-host" in options else ())
    assert not private.exists()  # deleted when it ends


def test_malformed_users(library: Path) -> None:
    for word in ("anna", "anna:", ":secret", ""):
        result = CliRunner().invoke(main, [str(library), "--auth", word])
        assert result.exit_code == 2


def test_a_server_with_passwords(open_server: Any) -> None:
    options = ("--auth", "anna:secret", "--allow-host", "studio.example")
    with open_server(*options) as server, httpx.Client(trust_env=False) as client:
        api = f"{server.url}/gradio_api"
        assert client.get(f"{server.url}/config").status_code == 401
        assert client.post(f"{api}/call/textures", json={"data": []}).status_code == 401
        assert client.post(f"{api}/upload", files={"files": ("a.png", b"")}).status_code == 401
        wrong = {"username": "anna", "password": "guess"}
        assert client.post(f"{server.url}/login", data=wrong).status_code == 400
        right = {"username": "anna", "password": "secret"}
        assert client.post(f"{server.url}/login", data=right).status_code == 200
        assert client.get(f"{server.url}/config").status_code == 200
        proxied = {"Host": "studio.example", "Origin": "https://studio.example"}
        assert client.post(f"{server.url}/login", data=wrong, headers=proxied).status_code == 400
        assert client.get(f"{server.url}/", headers={"Host": "other.example"}).status_code == 421
