"""Paths that lead elsewhere: no file but the visitor's own is handed out."""

from pathlib import Path
from typing import Any

import pytest

from .conftest import GOOD, Visitor, raw

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


def test_bundles_come_from_the_folder_only(visitor: Visitor, canaries: list[Path]) -> None:
    for name in ("../outside", "link", str(canaries[0].parent), "brick/.", "BRICK", "brick\\"):
        assert visitor.ask([name, *GOOD[1:]]).startswith("error")
