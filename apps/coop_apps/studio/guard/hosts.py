"""Host and Origin: only the page itself talks to the server, at the server's own names.

A page elsewhere on the web could have its own name answered with this machine's address (DNS
rebinding): its requests then say ``Host: its.name``. Or it could send requests across: those say
``Origin: its.name``, or ``Sec-Fetch-Site: cross-site``.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from .asgi import Refusal, header, refuse

__all__ = ["Hosts"]

_LOCAL = ("127.0.0.1", "localhost", "::1")


class Hosts:
    """Refuses foreign names with status 400 or 421, and foreign pages with 403.

    Parameters
    ----------
    host
        What the server was told to listen at. The address that a request has reached counts too,
        and this machine's names for itself.
    proxied
        Names of proxies before the server; pages of theirs may have another port and scheme.
    """

    def __init__(self, app: ASGIApp, host: str, proxied: Iterable[str]) -> None:
        self.app = app
        self._proxied = {name.lower() for name in proxied}
        self._names = {*_LOCAL, host.strip("[]").lower(), *self._proxied}

    def add(self, name: str) -> None:
        """Add a name that is known late, such as that of a share link."""
        self._names.add(name.lower())
        self._proxied.add(name.lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            try:
                self._check(scope)
            except Refusal as refusal:
                await refuse(send, refusal)
                return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        host = header(scope, b"host")
        name = _name(f"//{host}")
        if host is None or name is None:
            raise Refusal(400, "the header Host is missing or malformed")
        reached = (scope.get("server") or ("",))[0]
        if name not in self._names and name != reached:
            raise Refusal(421, "this server has another name; its operator gives --allow-host")
        origin = header(scope, b"origin")
        if origin is not None and not self._is_ours(origin, host):
            raise Refusal(403, "requests from other pages are refused")
        if header(scope, b"sec-fetch-site") in ("cross-site", "same-site"):
            opening = scope["method"] == "GET" and scope["path"] == "/"
            if not (opening and header(scope, b"sec-fetch-mode") == "navigate"):
                raise Refusal(403, "requests from other pages are refused")

    def _is_ours(self, origin: str, host: str) -> bool:
        """Say whether the page is this server's: at the same name and port, or at the proxy's."""
        scheme, colon, rest = origin.partition("://")
        if scheme not in ("http", "https") or not colon:
            return False
        return rest.lower() == host.lower() or _name(origin) in self._proxied


def _name(address: str) -> str | None:
    """Give the name in ``//name:port``; None if it is malformed."""
    try:
        parts = urlsplit(address)
        plain = parts.netloc and parts.netloc == address.partition("//")[2]
        known = plain and "@" not in parts.netloc and (parts.port is None or parts.port)
        return parts.hostname if known else None
    except ValueError:
        return None
