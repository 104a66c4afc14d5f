"""What the middlewares share: answers, and bodies as a whole."""

import json
from collections.abc import Awaitable, Callable

from starlette.formparsers import MultiPartException
from starlette.types import Message, Receive, Scope, Send

__all__ = ["Refusal", "header", "read_body", "refuse", "replay", "sent_whole"]


class Refusal(MultiPartException):
    """A request that is not answered: a status and one line why, as JSON or ``plain``.

    Of this class, Gradio's parser of uploads deletes what it has of a file when it meets one.
    """

    def __init__(self, status: int, why: str, *, plain: bool = False) -> None:
        super().__init__(why)
        self.status, self.why, self.plain = status, why, plain


async def refuse(send: Send, refusal: Refusal) -> None:
    """Answer with a status and one line, as JSON like Gradio's own refusals, or as it is."""
    text = refusal.why if refusal.plain else json.dumps({"detail": refusal.why})
    kind = b"text/plain; charset=utf-8" if refusal.plain else b"application/json"
    body = text.encode()
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if refusal.status == 413:  # what is not read is not to be taken for the next request
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, most: int) -> bytes:
    """Read the body of a request, at most ``most`` bytes; `Refusal` if there is more."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the request ended early")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise Refusal(413, f"at most {most} bytes are taken here")
        if not message.get("more_body", False):
            return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """Give a `receive` that gives ``body`` once more, then what follows."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def sent_whole(send: Send, look: Callable[[int, bytes], Awaitable[None]]) -> Send:
    """Give a `send` that keeps an answer back until ``look(status, body)`` has seen all of it.

    If that raises `Refusal`, the refusal is sent instead.
    """
    start: list[Message] = []
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            return
        parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = b"".join(parts)
        try:
            await look(start[0]["status"], body)
        except Refusal as refusal:
            await refuse(send, refusal)
            return
        await send(start[0])
        await send({"type": "http.response.body", "body": body})

    return keep


def header(scope: Scope, name: bytes) -> str | None:
    """Give the value of a header; None if it is not there; `Refusal` if it is there twice."""
    found: list[bytes] = [value for key, value in scope["headers"] if key == name]
    if len(found) > 1:
        raise Refusal(400, f"two headers {name.decode()}")
    return found[0].decode("latin-1") if found else None
