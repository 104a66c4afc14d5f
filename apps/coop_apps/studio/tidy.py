"""The private folder: what is old is deleted, whoever forgot it there."""

import contextlib
import threading
import time
from collections.abc import Container
from pathlib import Path

__all__ = ["keep_tidy", "tidy"]


def tidy(folder: Path, seconds: float, keep: Container[str] = ()) -> None:
    """Delete the files in a folder and below that were last changed ``seconds`` ago, but ``keep``.

    Folders go likewise, when they have been empty for as long.
    """
    before = time.time() - seconds
    for path in sorted(folder.rglob("*"), reverse=True):  # what is inside before its folder
        with contextlib.suppress(OSError):  # not empty, or gone meanwhile
            if path.lstat().st_mtime > before or str(path) in keep:
                continue
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def keep_tidy(folder: Path, seconds: float, keep: Container[str]) -> None:
    """Do that from time to time, until the process ends."""

    def work() -> None:
        while True:
            time.sleep(min(seconds, 300.0))
            tidy(folder, seconds, keep)

    threading.Thread(target=work, daemon=True).start()
