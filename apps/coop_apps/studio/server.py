"""The page on a port of this machine, behind the guard."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from .guard import Guarded
from .page import CSS, build, theme
from .studio import Studio
from .tidy import keep_tidy

__all__ = ["serve"]

_KEPT_SECONDS = 3600.0
_SESSIONS = 256  # each holds some 50 kB; programs without a session make one per call


def serve(
    studio: Studio,
    host: str,
    port: int,
    auth: list[tuple[str, str]] | None,
    share: bool,
    private: Path,
    names: Sequence[str] = (),
) -> str:
    """Open the page; give its address. It is served by threads until the process ends.

    Parameters
    ----------
    studio
        What is served.
    host, port
        Where to listen.
    auth
        Names and passwords of those who may enter; None lets everybody in.
    share
        Whether to open a public address through Gradio's servers.
    private
        The folder that Gradio and results use for files.
    names
        Further names by which visitors reach the server, through a proxy.
    """
    page = build(studio)
    page.queue(max_size=studio.limits.waiting, default_concurrency_limit=1, api_open=False)
    app = Guarded(studio.limits, host, names, private)
    _, local, shared = page.launch(
        _app=app,
        server_name=host,
        server_port=port,
        auth=auth,
        share=share,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        allowed_paths=[],
        state_session_capacity=_SESSIONS,
        max_file_size=studio.limits.file_bytes,
        enable_monitoring=False,
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        footer_links=["api"],
        theme=theme(),
        css=CSS,
    )
    app.publish(page.config)
    if shared and app.hosts is not None:
        app.hosts.add(urlsplit(shared).hostname or "")
    keep_tidy(private, _KEPT_SECONDS, app.owned.public)
    return str(shared or local)
