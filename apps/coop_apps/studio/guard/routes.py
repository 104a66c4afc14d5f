"""The routes that the page and `gradio_client` need; nothing else of Gradio is reachable."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from .asgi import Refusal, refuse

__all__ = ["Routes"]

_NAME = r"[A-Za-z0-9_-]{1,64}"
_BUILT = r"(?:[A-Za-z0-9_@-][A-Za-z0-9_.@-]*/)*[A-Za-z0-9_@-][A-Za-z0-9_.@-]*"
_GET = (
    "/",
    "/config/?",
    "/favicon\\.ico",
    "/robots\\.txt",
    "/theme\\.css",
    "/logout",
    f"/(?:assets|static|svelte)/{_BUILT}",
    "/gradio_api/(?:info|app_id|startup-events|theme\\.css)/?",
    "/gradio_api/upload_progress",
    "/gradio_api/queue/(?:data|status)",
    f"/gradio_api/heartbeat/{_NAME}",
    f"/gradio_api/call/{_NAME}/{_NAME}",
    "/gradio_api/file=.+",
)
_POST = (
    "/login/?",
    "/gradio_api/upload",
    "/gradio_api/(?:queue/join|cancel|reset)",
    "/gradio_api/run/predict",
    f"/gradio_api/call/{_NAME}",
)
_PATTERNS = {
    "GET": re.compile("|".join(_GET)),
    "HEAD": re.compile("/|/gradio_api/file=.+"),
    "POST": re.compile("|".join(_POST)),
}


class Routes:
    """Refuses with 404 what is not in the lists, with 405 what is neither GET, HEAD nor POST.

    Not there, for instance: ``proxy=``, ``stream``, ``component_server``, ``custom_component``,
    ``deep_link``, ``process_recording``, ``vibe-*``, ``runs``, ``monitoring``, ``dev/reload``,
    ``file/``, ``api/``, and ``run/`` with a name. ``run/predict`` answers helpers of the page that
    do not queue; of what computes Gradio says there that it must queue.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        if scope["type"] == "http":
            pattern = _PATTERNS.get(scope["method"])
            if pattern is None:
                await refuse(send, Refusal(405, "this is not done here"))
                return
            if not pattern.fullmatch(scope["path"]) or not scope["path"].isprintable():
                await refuse(send, Refusal(404, "there is nothing here"))
                return
        await self.app(scope, receive, send)
