"""Files and folders that appear whole or not at all."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from .errors import CoopError

__all__ = ["is_free", "new_file", "new_folder", "write_all_atomically", "write_atomically"]


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that ``path`` never holds half of it, replacing what was there.

    Raises
    ------
    CoopError
        The file cannot be written (no folder, no permission, full disk); ``path`` is then
        as it was, and nothing is left beside it.

    Examples
    --------
    >>> write_atomically(Path("no/such/folder/a.txt"), b"a")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CoopError: cannot write 'no/such/folder/a.txt': No such file or directory
    """
    write_all_atomically({path: data})


def write_all_atomically(files: Mapping[Path, bytes]) -> None:
    """Write several files, each as `write_atomically` does; none is replaced before all are safe.

    Raises
    ------
    CoopError
        One of the files cannot be written.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            temporary = waiting[path] = _beside(path)
            with _explained(path), temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        for path, temporary in waiting.items():
            with _explained(path):
                temporary.replace(path)
    finally:
        # Also when interrupted; those already in place are no longer there to remove.
        for temporary in waiting.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file piece by piece that appears under its name only when complete.

    Yields a temporary file beside ``path``, open for writing and reading. It replaces what was at
    ``path`` when the ``with`` block ends, or is removed if the block raises.

    Raises
    ------
    CoopError
        The file cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with new_file(Path(here) / "a.txt") as file:
    ...         there = file.write(b"a"), len(list(Path(here).glob("a*")))
    ...     there, (Path(here) / "a.txt").read_bytes()
    ((1, 0), b'a')
    """
    temporary = _beside(path)
    try:
        with _explained(path):
            stream = temporary.open("x+b")
        with stream:
            yield stream
            with _explained(path):
                stream.flush()
                os.fsync(stream.fileno())
        with _explained(path):
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a new folder that appears under its name only when complete.

    Yields a temporary folder beside ``path``. It is renamed to ``path`` when the ``with``
    block ends, or removed if the block raises. Missing parents are made, and removed
    again upon failure. An empty folder of that name is replaced.

    Raises
    ------
    CoopError
        ``path`` is not free, see `is_free`, or the folder cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with new_folder(Path(here) / "bundle") as folder:
    ...         _ = (folder / "card.json").write_text("{}")
    ...     [str(p.relative_to(here)) for p in sorted(Path(here).rglob("*.json"))]
    ['bundle/card.json']
    """
    _refuse_taken(path)
    missing = [parent for parent in path.parents if not parent.exists()]
    temporary = _beside(path)
    try:
        with _explained(path):
            temporary.mkdir(parents=True)
        yield temporary
        _refuse_taken(path)
        with _explained(path):
            if os.name == "nt" and path.exists():
                path.rmdir()  # an empty folder is replaced by renaming elsewhere, but not here
            temporary.rename(path)
    except BaseException:
        import shutil  # late, as only a failure needs it

        shutil.rmtree(temporary, ignore_errors=True)
        for parent in missing:
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def is_free(path: Path) -> bool:
    """Say whether `new_folder` can make this folder: nothing is there, or an empty folder.

    The working directory and links are not free: a renamed folder cannot take their place.

    Examples
    --------
    >>> is_free(Path("no/such/folder")), is_free(Path())
    (True, False)
    """
    if path.is_dir() and not path.is_symlink():
        return not any(path.iterdir()) and not path.samefile(Path.cwd())
    return not os.path.lexists(path)


def _beside(path: Path) -> Path:
    """Name a temporary on the same file system, so that renaming is atomic."""
    return path.parent / f".coop-{os.urandom(8).hex()}.tmp"


def _refuse_taken(path: Path) -> None:
    if not is_free(path):
        raise CoopError(f"'{path}' exists already; give a new name, or remove it first")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CoopError(f"cannot write '{path}': {error.strerror or error}") from error
