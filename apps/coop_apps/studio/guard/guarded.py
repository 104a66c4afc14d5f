"""Gradio's server with everything of this folder before it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gradio.routes import App, ORJSONResponse
from starlette.types import ASGIApp

from ..limits import Limits
from ..uploads import check_upload
from .bodies import Bodies
from .events import Events
from .files import Files
from .headers import Headers
from .hosts import Hosts
from .routes import Routes
from .told import told_paths
from .visitors import Owned, Visitors

__all__ = ["Guarded"]


class Guarded(App):
    """The server to be given to ``Blocks.launch(_app=…)``.

    Middlewares in ``app_kwargs`` would stand behind Gradio's own, which answer some requests of
    foreign pages themselves; these stand before all of it.

    Parameters
    ----------
    limits
        Of bodies, uploads and jobs.
    host, proxied
        Names of the server, as of `Hosts`.
    folder
        Where Gradio keeps files.
    """

    def __init__(self, limits: Limits, host: str, proxied: Iterable[str], folder: Path) -> None:
        super().__init__(default_response_class=ORJSONResponse)
        self._limits, self._folder = limits, folder
        self._host, self._proxied = host, tuple(proxied)
        self.owned = Owned()
        self.hosts: Hosts | None = None

    def build_middleware_stack(self) -> ASGIApp:
        """Give Gradio's stack behind the guard."""
        limits = self._limits
        app: ASGIApp = super().build_middleware_stack()
        app = Events(app, self.owned, self.get_blocks, limits.waiting_each)
        app = Files(app, self.owned, lambda path: check_upload(path, limits), self._folder)
        app = Bodies(Visitors(app), limits.body_bytes)
        self.hosts = Hosts(Routes(app), self._host, self._proxied)
        return Headers(self.hosts)

    def publish(self, config: Any) -> None:
        """Let everybody read the files that the page itself shows."""
        self.owned.public.update(told_paths(config))
