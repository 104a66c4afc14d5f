"""The folder of a run: settings, data, checkpoint, log and sample sheets.

``data.npz`` is written once; ``config.json``, when a run is prolonged, and ``checkpoint.pt`` are
replaced atomically;
``log.jsonl`` grows by a line per iteration; ``samples/`` holds the sheets.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from coop_runtime.errors import CoopError
from coop_runtime.files import new_folder, write_atomically
from coop_runtime.strict import decode, encode

from .config import Config
from .data import Signals

__all__ = ["RunFolder"]

CHECKPOINT_FORMAT = 2


@dataclass(frozen=True)
class RunFolder:
    """Reads and writes the files of one run.

    Attributes
    ----------
    writing
        False in all processes of a training but the first: they write nothing.
    """

    path: Path
    writing: bool = True

    @classmethod
    def create(cls, path: Path, config: Config, signals: Signals) -> "RunFolder":
        """Make the folder, whole or not at all.

        Raises
        ------
        CoopError
            The folder is not free, or cannot be written.
        """
        with new_folder(path) as folder:
            write_atomically(folder / "data.npz", signals.to_npz())
            cls(folder).write_config(config)
            (folder / "samples").mkdir()
        return cls(path)

    @classmethod
    def open(cls, path: Path, *, writing: bool = True) -> "RunFolder":
        """Open the folder of an earlier run.

        Raises
        ------
        CoopError
            There is no run in that folder.
        """
        if not (path / "config.json").is_file():
            raise CoopError(f"{path}: no run here (no config.json); give the --out of coop-train")
        return cls(path, writing)

    def write_config(self, config: Config) -> None:
        """Write or replace the settings."""
        text = json.dumps(encode(config), indent=2) + "\n"
        self._write("config.json", text.encode())

    def config(self) -> Config:
        """Read the settings."""
        file = self.path / "config.json"
        try:
            table = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CoopError(f"{file}: cannot be read ({error})") from None
        return decode(Config, table, str(file))

    def signals(self) -> Signals:
        """Read the training data as they were when the run began."""
        file = self.path / "data.npz"
        try:
            return Signals.from_npz(file.read_bytes())
        except (OSError, CoopError) as error:
            raise CoopError(f"{file}: cannot be read ({error}); train again") from None

    def write_checkpoint(
        self, state: dict[str, Any], good: Sequence[dict[str, Any]], lines: int
    ) -> None:
        """Replace the checkpoint; the old one stays whole until the new one is.

        ``state`` is what the next iteration starts from, ``good`` what the guard can roll back to,
        ``lines`` the length of the log so far.
        """
        if not self.writing:
            return
        buffer = io.BytesIO()
        older = [None if one["step"] == state["step"] else one for one in good]
        content = {"format": CHECKPOINT_FORMAT, "state": state, "good": older, "lines": lines}
        torch.save(content, buffer)
        self._write("checkpoint.pt", buffer.getvalue())

    def read_checkpoint(self) -> tuple[dict[str, Any], list[dict[str, Any]], int] | None:
        """Read (state, good, lines) as written; None when there is no checkpoint yet.

        Raises
        ------
        CoopError
            The file is damaged or of another format.
        """
        file = self.path / "checkpoint.pt"
        if not file.exists():
            return None
        try:
            loaded = torch.load(file, map_location="cpu", weights_only=True)
            if loaded["format"] in (1, CHECKPOINT_FORMAT):
                state: dict[str, Any] = loaded["state"]
                good = [loaded["good"]] if loaded["format"] == 1 else loaded["good"]
                return state, [one or state for one in good], int(loaded["lines"])
        except Exception as error:  # torch raises what its unpickler and zip reader raise
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CoopError(f"{file}: damaged checkpoint ({why}); train again") from None
        raise CoopError(f"{file}: unknown checkpoint format {loaded['format']}; train again")

    def write_samples(self, step: int, files: Mapping[str, bytes]) -> Path:
        """Write the samples of a step, by file ending; give the path of the first, the sheet."""
        names = [f"samples/step-{step:06d}.{ending}" for ending in files]
        for name, content in zip(names, files.values(), strict=True):
            self._write(name, content)
        return self.path / names[0]

    def append_log(self, lines: list[dict[str, Any]]) -> None:
        """Append lines to the log."""
        if not self.writing:
            return
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in lines)

    def read_log(self) -> list[dict[str, Any]]:
        """Read the log; a last line that a crash cut short is left out."""
        file = self.path / "log.jsonl"
        if not file.exists():
            return []
        lines = []
        for text in file.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                break
        return lines

    def cut_log(self, lines: int) -> None:
        """Keep the first ``lines`` lines; a resumed run is going to write the others again."""
        text = "".join(json.dumps(line) + "\n" for line in self.read_log()[:lines])
        self._write("log.jsonl", text.encode())

    def _write(self, name: str, content: bytes) -> None:
        if self.writing:
            write_atomically(self.path / name, content)
