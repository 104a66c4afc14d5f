"""Files: each visitor's own."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from coop_runtime import CoopError

from .asgi import Refusal, refuse, sent_whole
from .visitors import Owned, visitor_of

__all__ = ["Files"]

_UPLOAD = "/gradio_api/upload"
_FILE = "/gradio_api/file="
_MOST_FILES = 8
_FREE = 2**30


class Files:
    """Checks every upload when it is there, and serves files only to those they belong to.

    Parameters
    ----------
    owned
        The record.
    check
        Raises `CoopError` for a file that is not taken; it is deleted then.
    folder
        Where Gradio keeps files; no upload is taken when its disk is nearly full.
    """

    def __init__(
        self, app: ASGIApp, owned: Owned, check: Callable[[Path], None], folder: Path
    ) -> None:
        self.app = app
        self._owned, self._check, self._folder = owned, check, folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        if scope["type"] == "http":
            path: str = scope["path"]
            if path == _UPLOAD:
                if shutil.disk_usage(self._folder).free < _FREE:
                    await refuse(send, Refusal(507, "no room for files now; try later"))
                    return
                send = sent_whole(send, self._look(visitor_of(scope)))
            elif path.startswith(_FILE):
                asked = path.removeprefix(_FILE)
                if not self._owned.may_read(visitor_of(scope), asked):
                    await refuse(send, Refusal(404, "there is no such file of yours here"))
                    return
        await self.app(scope, receive, send)

    def _look(self, visitor: str) -> Callable[[int, bytes], Awaitable[None]]:
        async def look(status: int, body: bytes) -> None:
            if status != 200:
                return
            paths = [Path(name) for name in json.loads(body)]
            try:
                if len(paths) > _MOST_FILES:
                    raise CoopError(f"at most {_MOST_FILES} files at once")
                for path in paths:
                    await asyncio.to_thread(self._check, path)
            except CoopError as error:
                for path in paths:
                    path.unlink(missing_ok=True)
                # The page shows the body of such an answer as it is.
                raise Refusal(422, str(error), plain=True) from None
            for path in paths:
                self._owned.uploads.add(visitor, str(path))

        return look
