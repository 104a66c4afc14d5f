"""Who asks: a cookie that nobody can make up, and what its holder owns."""

import hmac
import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .ledger import Ledger

__all__ = ["Owned", "Visitors", "visitor_of"]

COOKIE = "coop_visitor"
_KEY = "coop.visitor"
_HOURS_2 = 7200.0


@dataclass(frozen=True)
class Owned:
    """What visitors own.

    Attributes
    ----------
    uploads
        Paths of files that they sent.
    told
        Paths of files that they were told of: previews, results.
    sessions
        Names of their open pages.
    jobs
        Numbers of their events.
    public
        Paths of files of the page itself, which everybody may read.
    """

    uploads: Ledger = field(default_factory=lambda: Ledger(512, 1000, _HOURS_2))
    told: Ledger = field(default_factory=lambda: Ledger(2048, 1000, _HOURS_2))
    sessions: Ledger = field(default_factory=lambda: Ledger(128, 1000, _HOURS_2))
    jobs: Ledger = field(default_factory=lambda: Ledger(128, 1000, _HOURS_2))
    public: set[str] = field(default_factory=set)

    def may_read(self, visitor: str, path: str) -> bool:
        """Say whether a visitor may read the file at a path, or name it as an input."""
        return (
            path in self.public or self.uploads.has(visitor, path) or self.told.has(visitor, path)
        )


class Visitors:
    """Gives every visitor without one a cookie, and tells the next in line who it is.

    The cookie is a random number with its HMAC-SHA256 under a secret of this process; pages cannot
    read it (HttpOnly), and other sites' requests do not bring it (SameSite).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._secret = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as somebody."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        known = self._known(scope)
        name = known or secrets.token_hex(16)
        cookie = f"{COOKIE}={name}.{self._seal(name)}; Path=/; HttpOnly; SameSite=Lax"
        if scope.get("scheme") == "https":
            cookie += "; Secure"

        async def introduce(message: Message) -> None:
            if message["type"] == "http.response.start" and not known:
                message["headers"] = [
                    *message.get("headers", []),
                    (b"set-cookie", cookie.encode()),
                ]
            await send(message)

        await self.app({**scope, _KEY: name}, receive, introduce)

    def _known(self, scope: Scope) -> str | None:
        cookies: SimpleCookie = SimpleCookie()
        for key, value in scope["headers"]:
            if key == b"cookie":
                try:
                    cookies.load(value.decode("latin-1"))
                except CookieError:
                    return None
        if COOKIE not in cookies:
            return None
        name, _, seal = cookies[COOKIE].value.partition(".")
        sealed = seal.isascii() and hmac.compare_digest(seal, self._seal(name))
        return name if sealed else None

    def _seal(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), "sha256").hexdigest()


def visitor_of(scope: Scope) -> str:
    """Give the name of the one who asks."""
    name: str = scope[_KEY]
    return name
