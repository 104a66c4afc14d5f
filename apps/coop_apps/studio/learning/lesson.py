"""A lesson: one training that a visitor asked for, kept in a file of its folder."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from coop_runtime import CoopError, write_atomically
from coop_runtime.strict import decode, encode

__all__ = [
    "ENDINGS",
    "RUN",
    "Kind",
    "Lesson",
    "State",
    "check_ending",
    "check_name",
    "earlier_lessons",
]

Kind = Literal["texture", "sound", "clips"]
State = Literal["waiting", "training", "exporting", "stopped", "failed", "done"]

#: Endings of the files that each kind is learned from, of the formats that `uploads` lets in.
ENDINGS: dict[Kind, tuple[str, ...]] = {
    "texture": (".png", ".jpg", ".jpeg", ".webp", ".bmp"),
    "sound": (".wav", ".flac", ".ogg", ".mp3"),
    "clips": (".gif", ".webp"),
}
#: Name of coop-train's run in the folder of a lesson.
RUN = "run"

_FILE = "lesson.json"


@dataclass(frozen=True)
class Lesson:
    """What is learned, and how it stands.

    Attributes
    ----------
    name
        Of the bundle to be, see `check_name`.
    kind
        What is learned.
    file
        Name of the upload's copy in the folder of the lesson.
    minutes
        Longest time of learning.
    number
        Lessons are numbered as they come.
    state
        ``stopped`` and ``failed`` ones can be resumed.
    message
        Why it stopped or failed, in one line; else empty.
    """

    name: str
    kind: Kind
    file: str
    minutes: float
    number: int
    state: State = "waiting"
    message: str = ""

    def write(self, folder: Path) -> None:
        """Write or replace the lesson's file in its folder."""
        text = json.dumps(encode(self), indent=2) + "\n"
        write_atomically(folder / _FILE, text.encode())


def earlier_lessons(runs: Path) -> Iterator[Lesson]:
    """Read the lessons in the folder of runs; those that were at work then are stopped now.

    Folders without a lesson, or with one that cannot be read, are left alone.
    """
    for file in sorted(runs.glob(f"*/{_FILE}")):
        try:
            lesson = decode(Lesson, json.loads(file.read_bytes()), _FILE)
        except (OSError, ValueError, CoopError):
            continue
        if lesson.state in ("waiting", "training", "exporting"):
            lesson = replace(lesson, state="stopped", message="The server ended.")
        if lesson.name == file.parent.name:
            yield lesson


def check_name(name: str) -> str:
    """Give the name without spaces around it.

    Raises
    ------
    CoopError
        It could not be a folder's name everywhere.

    Examples
    --------
    >>> check_name(" old-wall_2 ")
    'old-wall_2'
    >>> check_name("../wall")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CoopError: name: expected 1 to 40 letters, digits, - and _, ...
    """
    name = name.strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise CoopError(
            "name: expected 1 to 40 letters, digits, - and _, beginning with a letter or a digit"
        )
    return name


def check_ending(kind: Kind, file: Path) -> str:
    """Give the ending of a file, in small letters.

    Raises
    ------
    CoopError
        The kind is not learned from such files.

    Examples
    --------
    >>> check_ending("sound", Path("Rain.WAV"))
    '.wav'
    """
    ending = file.suffix.lower()
    if ending not in ENDINGS[kind]:
        what = {"texture": "a picture", "sound": "a sound", "clips": "a clip"}[kind]
        raise CoopError(f"expected {what}: a file that ends in {', '.join(ENDINGS[kind])}")
    return ending
