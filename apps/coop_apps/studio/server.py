"""The page on a port of this machine."""

from .page import CSS, build, theme
from .studio import Studio

__all__ = ["serve"]


def serve(
    studio: Studio, host: str, port: int, auth: list[tuple[str, str]] | None, share: bool
) -> str:
    """Open the page; give its address. It is served by threads until the process ends."""
    page = build(studio)
    page.queue(max_size=studio.limits.waiting, default_concurrency_limit=1)
    _, local, shared = page.launch(
        server_name=host,
        server_port=port,
        auth=auth,
        share=share,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        allowed_paths=[],
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
    return str(shared or local)
