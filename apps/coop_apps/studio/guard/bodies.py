"""Bodies of requests: how large, and how slow."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .asgi import Refusal, header, refuse

__all__ = ["Bodies"]


class Bodies:
    """Refuses larger bodies with 413, whether their length is told or not, and slow ones with 408.

    Parameters
    ----------
    most
        Bytes.
    seconds
        Longest time of a whole body.
    """

    def __init__(self, app: ASGIApp, most: int, seconds: float = 120.0) -> None:
        self.app = app
        self._most, self._seconds = most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen: list[Refusal] = []
        began = False

        async def sending(message: Message) -> None:
            nonlocal began
            if not seen or began:  # else the answer of one who met the refusal: ours says why
                began = True
                await send(message)

        try:
            self._check_told(scope)
            await self.app(scope, self._counted(receive, seen), sending)
        except Refusal as refusal:
            seen.append(refusal)
        except Exception:
            if not seen:
                raise
        if seen and not began:
            await refuse(send, seen[0])

    def _check_told(self, scope: Scope) -> None:
        told = header(scope, b"content-length")
        if told is None:
            return
        if not (told.isascii() and told.isdigit()):
            raise Refusal(400, "Content-Length is not a number")
        if len(told) > 18 or int(told) > self._most:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        return Refusal(413, f"too large: at most {self._most / 2**20:g} MiB are taken here")

    def _counted(self, receive: Receive, seen: list[Refusal]) -> Receive:
        size, whole = 0, False
        until = asyncio.get_running_loop().time() + self._seconds

        async def counted() -> Message:
            nonlocal size, whole
            if whole:  # this waits for the end of the connection
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                seen.append(Refusal(408, "too slow"))
                raise seen[0] from None
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if size > self._most:
                seen.append(self._too_large())
                raise seen[0]
            return message

        return counted
