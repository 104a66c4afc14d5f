"""Training files: found in folders, read one by one, broken ones left out on demand."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from coop_runtime.errors import CoopError

__all__ = ["Say", "find_files", "name_of", "one_line", "read_each", "read_numpy"]

Say = Callable[[str], object]
T = TypeVar("T")


def name_of(source: str | Path) -> str:
    """Give the last part of a path, of ``.`` too."""
    return Path(source).name or Path(source).resolve().name


def find_files(source: str, suffixes: Sequence[str]) -> list[Path]:
    """Give the file itself or, of a folder, the files in it with these suffixes, sorted by path.

    Folders are searched recursively; what begins with a dot is left out.

    Raises
    ------
    CoopError
        No such file or folder, or nothing suitable in it.
    """
    path = Path(source)
    if not path.is_dir():
        if not path.exists():
            raise CoopError(f"{source}: no such file or folder")
        return [path]
    inside = (file.relative_to(path) for file in path.rglob("*"))
    fitting = (
        file
        for file in inside
        if file.suffix.lower() in suffixes and not any(p.startswith(".") for p in file.parts)
    )
    files = [path / file for file in sorted(fitting) if (path / file).is_file()]
    if not files:
        raise CoopError(f"{source}: no training data in this folder; expected {' '.join(suffixes)}")
    return files


def read_each(
    files: Sequence[Path],
    read: Callable[[Path], T],
    *,
    skip_broken: bool,
    say: Say,
    limit: int | None = None,
) -> list[tuple[Path, T]]:
    """Read files one by one, at most ``limit`` of them.

    Those for which ``read`` raises `CoopError` end it or, with ``skip_broken``, are left out;
    their number and the first one's fault are said.

    Raises
    ------
    CoopError
        A broken file without ``skip_broken``, or nothing but broken files.
    """
    found: list[tuple[Path, T]] = []
    faults: list[CoopError] = []
    for file in files:
        if len(found) == limit:
            break
        try:
            found.append((file, read(file)))
        except CoopError as error:
            if not skip_broken:
                more = "; or add --skip-broken to leave such files out" if len(files) > 1 else ""
                raise CoopError(f"{error}{more}") from None
            faults.append(error)
    if faults and not found:
        raise CoopError(f"all {len(faults)} files are broken; the first: {faults[0]}")
    if faults:
        say(f"{len(faults)} broken files are left out; the first: {faults[0]}")
    return found


def read_numpy(path: Path, key: str, optional: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Read the array ``key``, or the only one, of an .npy or .npz file.

    Returns
    -------
    The array under the name ``key``, and of ``optional`` those that the file has.

    Raises
    ------
    CoopError
        A damaged file, or one without such an array.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(6)
        if start != b"\x93NUMPY" and not zipfile.is_zipfile(path):
            raise CoopError(f"{path}: not a NumPy file, or cut short; write it again")
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {key: loaded}
            keys = list(loaded)
            chosen = key if key in keys or len(keys) != 1 else keys[0]
            if chosen not in keys:
                raise CoopError(f"{path}: no array '{key}', only {', '.join(keys) or 'nothing'}")
            return {key: loaded[chosen], **{k: loaded[k] for k in optional if k in keys}}
    except CoopError:
        raise
    except Exception as error:  # damage raises whatever numpy, zipfile, zlib and lzma run into
        raise CoopError(f"{path}: cannot be read ({one_line(error)}); write it again") from None


def one_line(error: Exception) -> str:
    """Give the message of a library's exception, short and without line ends."""
    return " ".join(str(error).split())[:200] or type(error).__name__
