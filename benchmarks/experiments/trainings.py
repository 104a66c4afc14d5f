"""Trainings that the experiments need: each is one run of ``coop-train`` and one ``coop-export``.

Minutes are of one processor's time, whatever else the machine does, so that methods are compared at
equal time. A training that was done is kept; one that was cut short is resumed.
"""

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coop_runtime.errors import CoopError
from coop_runtime.files import write_atomically

from .sources import SETS, research_file, split

__all__ = ["METHODS", "Training", "Workplace"]

METHODS = ("coopnets", "triangle", "mcmc-triangle", "vae", "gan", "abp", "descriptor")


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes
    ----------
    kind
        ``images``, ``texture``, ``sound`` or ``clips``.
    source
        A set of `SETS`, or a file's place within the research data.
    method
        As `coop-train --method`.
    seed
        Of all chance.
    minutes
        Of processor time.
    options
        More arguments of ``coop-train``.
    label
        Tells trainings apart whose options differ.
    """

    kind: str
    source: str
    method: str
    seed: int
    minutes: float
    options: tuple[str, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        """Name of its run and of its bundle."""
        parts = [Path(self.source).stem, self.method, self.label, f"{self.minutes:g}min"]
        return "-".join([*filter(None, parts), f"seed{self.seed}"])


@dataclass(frozen=True)
class Workplace:
    """The folder of all runs and bundles, and that of rows.

    Attributes
    ----------
    folder
        Of runs and bundles.
    rows
        Of rows; those behind docs/results.md are kept in the repository.
    """

    folder: Path
    rows: Path

    def is_done(self, training: Training) -> bool:
        """Say whether a training has its bundle."""
        return (self.folder / "bundles" / training.name / "card.json").is_file()

    def bundle(self, training: Training) -> Path:
        """Give the bundle of a training, after training and exporting it if that was not done.

        Raises
        ------
        CoopError
            Training or exporting failed; the message is theirs.
        """
        bundle = self.folder / "bundles" / training.name
        if not (bundle / "card.json").is_file():
            run = self.run(training)
            _command("export", str(run), str(bundle))
        return bundle

    def run(self, training: Training) -> Path:
        """Give the finished run of a training, after doing what is left of it."""
        run = self.folder / "trainings" / training.name
        if not (run / "finished").is_file():
            if (run / "config.json").is_file():
                _command("train", training.kind, "--out", str(run), "--resume")
            else:
                _command(
                    "train",
                    training.kind,
                    *self._source(training),
                    "--out",
                    str(run),
                    *_settings(training),
                )
            (run / "finished").touch()
        return run

    def _source(self, training: Training) -> list[str]:
        if training.source not in SETS:
            return [str(research_file(training.source))]
        path = self.folder / "data" / f"{training.source}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            data = io.BytesIO()
            np.save(data, split(training.source).train)
            write_atomically(path, data.getvalue())
        return [str(path)]


def _settings(training: Training) -> list[str]:
    return [
        *("--method", training.method, "--seed", str(training.seed)),
        *("--minutes", f"{training.minutes:g}", "--steps", "1000000"),
        *("--set", "loop.clock=cpu", "--set", "compute.precision=bfloat16"),
        *training.options,
    ]


def _command(name: str, *arguments: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", f"coop_apps.{name}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise CoopError(f"coop-{name} {' '.join(arguments[:4])}: {lines[-1]}")
