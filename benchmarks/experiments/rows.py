"""A row of a table: what one case of an experiment measured, kept in a file of its own."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from coop_runtime import read_card
from coop_runtime.files import write_atomically

from .trainings import Training, Workplace

__all__ = ["FULL", "QUICK", "Case", "Scale", "Values", "known", "learned", "measured"]

Values = dict[str, float | str]
"""What a case measured, by the name of the figure."""


@dataclass(frozen=True)
class Scale:
    """How much is spent on the experiments.

    Attributes
    ----------
    name
        ``full`` or ``quick``.
    minutes
        Factor on the minutes of all trainings.
    samples
        Pictures that generative figures are computed from.
    examples
        Test pictures of completion, reconstruction and the like.
    real
        Real pictures, of training and of test, that generative figures are computed with; None: all
        that the experiment takes.
    seeds
        Of trainings and chains.
    steps
        Langevin steps, at most, after which samples of textures, sounds and clips are looked at.
    """

    name: str
    minutes: float
    samples: int
    examples: int
    real: int | None
    seeds: tuple[int, ...]
    steps: int

    def training(
        self,
        kind: str,
        source: str,
        method: str,
        minutes: float,
        seed: int = 0,
        options: tuple[str, ...] = (),
        label: str = "",
    ) -> Training:
        """Give a training of so many minutes at full scale."""
        return Training(
            kind, source, method, seed, round(minutes * self.minutes, 2), options, label
        )

    def images(
        self,
        source: str,
        method: str,
        seed: int = 0,
        options: tuple[str, ...] = (),
        label: str = "",
    ) -> Training:
        """Give the training of a method on an image set; without options, that of all rows."""
        return self.training("images", source, method, _MINUTES[source], seed, options, label)


#: Minutes of processor time that a training on an image set takes.
_MINUTES = {"faces64": 6.0, "cifar10": 6.0, "fashion": 4.0, "mnist": 4.0, "scenes64": 4.0}

FULL = Scale("full", 1.0, samples=1000, examples=200, real=None, seeds=(0, 1, 2), steps=100)
#: Every row, but of one seed: how much of the rest fits half an hour of two cores.
QUICK = Scale("quick", 0.015, samples=100, examples=8, real=500, seeds=(0,), steps=30)


class Case(NamedTuple):
    """One row.

    Attributes
    ----------
    name
        Of the row, unique within its experiment: ``faces64 coopnets seed 0``.
    trainings
        What has to be trained before.
    measure
        Takes the bundles of the trainings, in their order, as paths; gives the figures.
    """

    name: str
    trainings: tuple[Training, ...]
    measure: Callable[..., Values]


def known(place: Workplace, experiment: str, scale: Scale, case: Case) -> dict[str, Values]:
    """Give the row of a case by its name, if it was measured; else nothing."""
    file = _file(place, experiment, scale, case)
    return {case.name: json.loads(file.read_text())} if file.is_file() else {}


def measured(place: Workplace, experiment: str, scale: Scale, case: Case) -> dict[str, Values]:
    """Give the row of a case by its name: read it, or train and measure, and keep it.

    Raises
    ------
    CoopError
        A training failed, or data are missing.
    """
    if row := known(place, experiment, scale, case):
        return row
    bundles = [place.bundle(training) for training in case.trainings]
    values = case.measure(*bundles) | learned(bundles) | {"commit": _commit()}
    file = _file(place, experiment, scale, case)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, (json.dumps(values, indent=1) + "\n").encode())
    return {case.name: values}


def learned(bundles: Sequence[Path]) -> Values:
    """Tell how far the networks of bundles came: iterations and roll-backs of each."""
    runs = [read_card(bundle).training for bundle in bundles]
    named = {"iterations": "steps", "rollbacks": "rollbacks"}
    return {name: ", ".join(str(run[key]) for run in runs) for name, key in named.items() if runs}


def _commit() -> str:
    """Name the commit that is checked out, with a + if files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--exclude=*", "--dirty=+"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def _file(place: Workplace, experiment: str, scale: Scale, case: Case) -> Path:
    return place.rows / scale.name / experiment / f"{case.name.replace(' ', '_')}.json"
