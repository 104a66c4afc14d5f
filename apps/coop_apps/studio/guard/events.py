"""Events: what a job may be given, who may start one, see it and stop it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from gradio import Blocks
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .asgi import Refusal, read_body, refuse, replay, sent_whole
from .told import told_paths
from .values import check_values, strictly
from .visitors import Owned, visitor_of

__all__ = ["Events"]

_API = "/gradio_api/"
_MOST_BYTES = 2**20
_STREAMS = (f"{_API}queue/data", f"{_API}call/")


class Events:
    """Lets visitors name only their own files, sessions and jobs, and notes what becomes theirs.

    Parameters
    ----------
    owned
        The record.
    blocks
        Gives Gradio's page, which knows its events, and the jobs that wait or run.
    waiting
        Jobs that one visitor may have among them.
    """

    def __init__(
        self,
        app: ASGIApp,
        owned: Owned,
        blocks: Callable[[], Blocks],
        waiting: int,
    ) -> None:
        self.app = app
        self._owned, self._blocks, self._waiting = owned, blocks, waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(_API):
            await self.app(scope, receive, send)
            return
        visitor = visitor_of(scope)
        try:
            if scope["method"] == "POST" and path != f"{_API}upload":
                body = await read_body(receive, _MOST_BYTES)
                self._check_body(visitor, path, body)
                receive = replay(body, receive)
                send = sent_whole(send, self._noting(visitor))
            else:
                self._check_address(visitor, scope)
                if path.startswith(_STREAMS):
                    send = self._watched(send, visitor)
        except Refusal as refusal:
            await refuse(send, refusal)
            return
        await self.app(scope, receive, send)

    def _check_body(self, visitor: str, path: str, body: bytes) -> None:
        values = strictly(body)
        check_values(values, lambda name: self._owned.may_read(visitor, name))
        self._check_session(visitor, values.get("session_hash"))
        self._check_event(path, values.get("fn_index"))
        job = values.get("event_id")
        if path == f"{_API}cancel" and not self._owned.jobs.has(visitor, str(job)):
            raise Refusal(403, "this job is not yours")
        if path.startswith((f"{_API}queue/join", f"{_API}call/")):
            unfinished = self._blocks()._queue.event_ids_to_events
            mine = [job for job in self._owned.jobs.things(visitor) if job in unfinished]
            if len(mine) >= self._waiting:
                raise Refusal(
                    429, f"{len(mine)} jobs of yours are waiting: let one end, or stop it"
                )

    def _check_event(self, path: str, number: Any) -> None:
        """Refuse events that are not there; Gradio would stumble over them."""
        events = self._blocks().fns
        there = number is None or (type(number) is int and number in events)
        if path.startswith(f"{_API}call/"):
            name = path.rpartition("/")[2]
            public = {e.api_name for e in events.values() if e.api_visibility != "private"}
            there = number is None and name in public
        if not there:
            raise Refusal(404, "there is no such event")

    def _check_address(self, visitor: str, scope: Scope) -> None:
        path: str = scope["path"]
        query = parse_qs(scope["query_string"].decode("latin-1"))
        for session in query.get("session_hash", []):
            self._check_session(visitor, session)
        if path.startswith(f"{_API}heartbeat/"):
            self._check_session(visitor, path.rpartition("/")[2])
        called = path.startswith(f"{_API}call/")
        if called and not self._owned.jobs.has(visitor, path.rpartition("/")[2]):
            raise Refusal(403, "this job is not yours: ask with the cookies it began with")

    def _check_session(self, visitor: str, session: Any) -> None:
        if session is None:
            return
        plain = isinstance(session, str) and 0 < len(session) <= 64 and session.isprintable()
        if not plain:
            raise Refusal(400, "session_hash: expected a short word")
        if not self._owned.sessions.claim(visitor, session):
            raise Refusal(403, "this session is not yours")

    def _noting(self, visitor: str) -> Callable[[int, bytes], Awaitable[None]]:
        async def note(status: int, body: bytes) -> None:
            values = json.loads(body) if status == 200 else None
            if isinstance(values, dict) and isinstance(values.get("event_id"), str):
                self._owned.jobs.add(visitor, values["event_id"])
            self._tell(visitor, values)

        return note

    def _tell(self, visitor: str, values: Any) -> None:
        for name in told_paths(values):
            self._owned.told.add(visitor, name)

    def _watched(self, send: Send, visitor: str) -> Send:
        """Give a `send` that notes the files that a stream of messages tells of."""
        rest = b""

        async def watched(message: Message) -> None:
            nonlocal rest
            if message["type"] == "http.response.body":
                *lines, rest = (rest + message.get("body", b"")).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: "):
                        self._tell(visitor, _json(line[6:]))
            await send(message)

        return watched


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # the end of a broken stream
        return None
