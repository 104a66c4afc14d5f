"""``coop-studio``: the web app."""

import os
import signal
import tempfile
import threading
from pathlib import Path

import click

import coop_runtime
from coop_runtime import CoopError

from ..console import Command, device_option

__all__ = ["main"]

_LOCAL = ("127.0.0.1", "localhost", "::1")


@click.command(
    cls=Command,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  coop-studio
  coop-studio exported --port 8000
  coop-studio exported --host 0.0.0.0 --auth anna:secret
""",
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path("exported"))
@click.option("--port", type=click.IntRange(1, 65535), default=7860, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--auth", multiple=True, metavar="NAME:PASSWORD", help="Who may enter; may be given again."
)
@click.option("--no-auth", is_flag=True, help="Let everybody in at an address that others reach.")
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="A name by which visitors reach the page through a proxy; may be given again.",
)
@click.option("--share", is_flag=True, help="A public address, through Gradio's servers.")
@click.option(
    "--learn/--no-learn",
    default=None,
    help="Whether visitors may train models; by default at a local address only.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the trainings.  [runs/studio beside FOLDER]",
)
@device_option
@click.version_option(coop_runtime.__version__, prog_name="coop-studio")
def main(
    folder: Path,
    port: int,
    host: str,
    auth: tuple[str, ...],
    no_auth: bool,
    allow_host: tuple[str, ...],
    share: bool,
    learn: bool | None,
    runs: Path | None,
    device: str,
) -> None:
    """Open Coop Studio, a web app: textures, inpainting, sounds, clips, from bundles in FOLDER.

    FOLDER (default: exported) holds a folder per bundle, as coop-export writes them; no other
    bundle is ever read. The page is at this machine's own address unless --host says otherwise.
    """
    public = share or bool(allow_host) or host not in _LOCAL
    users = [_user(word) for word in auth]
    if public and not users and not no_auth:
        way = "--share" if share else f"--host {host}" if host not in _LOCAL else "--allow-host"
        raise CoopError(
            f"{way} opens the page to others: give --auth "
            "NAME:PASSWORD, or --no-auth to let everybody in"
        )
    with tempfile.TemporaryDirectory(prefix="coop-studio-") as made:
        private = Path(made).resolve()
        # Read when Gradio is imported. The folder's mode is 0700.
        os.environ["GRADIO_TEMP_DIR"] = str(private)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        from .learning.process import Trainings
        from .library import Library
        from .limits import Limits
        from .results import Results
        from .server import serve
        from .studio import Studio
        from .worker import Worker

        limits = Limits()
        worker = Worker(limits.job_seconds)
        library = Library(folder, device, worker.interrupted)
        learning = not public if learn is None else learn
        place = folder.absolute().parent / "runs" / "studio" if runs is None else runs
        trainings = Trainings(place, library, limits) if learning else None
        results = Results(private / "results")
        studio = Studio(library, worker, limits, results, learning, trainings)
        address = serve(studio, host, port, users or None, share, private, allow_host)
        click.echo(f"Coop Studio: {address} (Ctrl-C ends it)")
        try:
            _wait()
        finally:
            if trainings is not None:
                trainings.close()


def _wait() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Event().wait()


def _user(word: str) -> tuple[str, str]:
    name, colon, password = word.partition(":")
    if not (name and colon and password):
        raise click.BadParameter("expected NAME:PASSWORD", param_hint="'--auth'")
    return name, password
