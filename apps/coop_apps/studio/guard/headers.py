"""Security headers on every answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Headers"]

# Gradio's page has its settings in an inline script; its plots and its editor compile functions.
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"content-security-policy": _POLICY.encode(),
}
_NEVER = {b"access-control-allow-origin", b"access-control-allow-credentials"}
_WHOLE = b"default-src 'none'; sandbox; frame-ancestors 'none'"
_SHOWN = (b"image/png", b"image/jpeg", b"image/webp", b"image/gif", b"image/bmp", b"audio/")
_FILES = "/gradio_api/file="


class Headers:
    """Adds what makes browsers careful, and takes away what makes them careless.

    Files of visitors are shown only as pictures and sounds: anything else is a download, and
    nothing in one is ever run.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve with headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        of_visitor = scope["path"].startswith(_FILES)

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _careful(list(message.get("headers", [])), of_visitor)
            await send(message)

        await self.app(scope, receive, add)


def _careful(found: list[tuple[bytes, bytes]], of_visitor: bool) -> list[tuple[bytes, bytes]]:
    added = dict(_ALWAYS)
    if of_visitor:
        kind = next((value for key, value in found if key.lower() == b"content-type"), b"")
        added[b"content-security-policy"] = _WHOLE
        added[b"cache-control"] = b"private, no-store"
        if not kind.startswith(_SHOWN):
            added[b"content-type"] = b"application/octet-stream"
            added[b"content-disposition"] = b"attachment"
    kept = [(k, v) for k, v in found if k.lower() not in added and k.lower() not in _NEVER]
    return [*kept, *added.items()]
