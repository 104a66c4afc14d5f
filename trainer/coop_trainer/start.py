"""Begin a run, or go on with one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coop_runtime.errors import CoopError

from .config import Config, changed_keys
from .data import Pictures, load_pictures
from .run_folder import RunFolder
from .training import Training

__all__ = ["begin", "choose_device", "resume"]

MAY_CHANGE = ("loop.steps", "loop.minutes", "loop.checkpoint_minutes")


def choose_device(name: str) -> torch.device:
    """Give the device of that name: ``auto``, ``cpu``, ``cuda`` or ``cuda:i``.

    Raises
    ------
    CoopError
        An unknown name, or a GPU that was asked for and is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    kind, colon, index = name.partition(":")
    numbered = kind == "cuda" and index.isascii() and index.isdigit() and len(index) < 4
    if kind not in ("cpu", "cuda") or (colon and not numbered):
        raise CoopError(f"unknown device '{name}'; expected auto, cpu, cuda or cuda:0")
    if kind == "cuda" and int(index or 0) >= count:
        raise CoopError(
            f"device '{name}' is not there: torch sees {count} CUDA devices; use --device cpu"
        )
    return torch.device(name)


def begin(
    out: Path, config: Config, sources: Sequence[str], device: torch.device
) -> tuple[Training, RunFolder]:
    """Start a new run in the new folder ``out``.

    Raises
    ------
    CoopError
        ``out`` exists, a picture cannot be used, or sizes do not fit; nothing is written.
    """
    if out.exists():
        raise CoopError(f"{out} exists already: add --resume to go on, or give another --out")
    pictures = load_pictures(sources, size=config.data.size, crop=config.data.crop)
    try:
        training = Training(config, pictures, device)
        training.rehearse()
    except RuntimeError as error:
        why = " ".join(str(error).split())[:200]
        raise CoopError(f"the networks do not fit crops of {config.data.crop}: {why}") from None
    return training, RunFolder.create(out, config, pictures)


def resume(
    out: Path,
    device: torch.device,
    *,
    sources: Sequence[str] = (),
    settings: Callable[[Config], Config] = lambda stored: stored,
    writing: bool = True,
) -> tuple[Training, RunFolder, dict[str, Any] | None]:
    """Go on with the run in ``out``, bit for bit where it was interrupted.

    Parameters
    ----------
    sources
        The pictures again, or nothing; others than the run's are refused.
    settings
        Gives the wanted settings from the stored ones. Only the length of the run may differ;
        a different length changes the learning rates from here on.
    writing
        Go on training: take over the random state too, note a new length, and drop the log's
        lines after the checkpoint. False reads the networks and leaves the folder as it is.

    Returns
    -------
    training, folder, good
        ``good`` is the state that the guard rolls back to.

    Raises
    ------
    CoopError
        No run there, a damaged file, other pictures or other settings.
    """
    folder = RunFolder.open(out)
    stored, pictures = folder.config(), folder.pictures()
    wanted = settings(stored)
    for key in changed_keys(stored, wanted):
        if key not in MAY_CHANGE:
            raise CoopError(
                f"{out}: the run was begun with another {key}; give the same, or a new --out"
            )
    if sources:
        _check_same(out, pictures, stored, sources)
    training = Training(wanted, pictures, device)
    checkpoint, good, lines = folder.read_checkpoint(), None, 0
    if checkpoint is not None:
        state, good, lines = checkpoint
        (training.restore if writing else training.restore_networks)(state)
    if writing:
        folder.write_config(training.config)
        folder.cut_log(lines)
    return training, folder, good


def _check_same(out: Path, learned: Pictures, stored: Config, sources: Sequence[str]) -> None:
    """Refuse other pictures than the run's, be it by name or by content."""
    names = tuple(Path(source).name for source in sources)
    if names != learned.names:
        raise CoopError(f"{out}: the run learns {', '.join(learned.names)}; give these, or none")
    given = load_pictures(sources, size=stored.data.size, crop=stored.data.crop)
    for name, image, expected in zip(names, given.images, learned.images, strict=True):
        if not np.array_equal(image, expected):
            raise CoopError(
                f"{out}: {name} has changed since the run began; give no picture to go on with "
                "the one stored in the run, or a new --out"
            )
