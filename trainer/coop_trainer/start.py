"""Begin a run, or go on with one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coop_runtime.errors import CoopError
from coop_runtime.files import is_free

from .compute import compile_networks
from .config import Config, changed_keys
from .data import Signals
from .relative import resolved
from .run_folder import RunFolder
from .shards import ALONE, Shard
from .training import Training

__all__ = ["Loader", "begin", "check_new", "choose_device", "resume"]

Loader = Callable[[Config], Signals]
"""Reads the training data that the settings describe."""

MAY_CHANGE = (
    "loop.steps",
    "loop.minutes",
    "loop.checkpoint_minutes",
    "compute.precision",
    "compute.compile",
)
#: Of any table ``langevin``: how sheets and bundles sample, of which learning knows nothing.
OF_SAMPLING = (".langevin.refine_steps", ".langevin.refine_noise")


def choose_device(name: str, shard: Shard = ALONE) -> torch.device:
    """Give the device of that name: ``auto``, ``cpu``, ``cuda`` or ``cuda:i``.

    Of several processes each gets a GPU of its own.

    Raises
    ------
    CoopError
        An unknown name, or a GPU that was asked for and is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    if name.startswith("cuda") and shard.count > 1:
        if name != "cuda":
            raise CoopError(f"device '{name}': give --device cuda, a GPU for each process")
        name = f"cuda:{shard.local_rank}"
    kind, colon, index = name.partition(":")
    numbered = kind == "cuda" and index.isascii() and index.isdigit() and len(index) < 4
    if kind not in ("cpu", "cuda") or (colon and not numbered):
        raise CoopError(f"unknown device '{name}'; expected auto, cpu, cuda or cuda:0")
    if kind == "cuda" and int(index or 0) >= count:
        raise CoopError(
            f"device '{name}' is not there: torch sees {count} CUDA devices; use --device cpu"
        )
    return torch.device(name)


def check_new(out: Path) -> None:
    """Refuse a folder that is there already, unless it is empty."""
    if not is_free(out):
        raise CoopError(f"{out} exists already: add --resume to go on, or give another --out")


def begin(
    out: Path, config: Config, load: Loader, device: torch.device, shard: Shard = ALONE
) -> tuple[Training, RunFolder]:
    """Start a new run in the new or empty folder ``out``, which the first process makes.

    Raises
    ------
    CoopError
        ``out`` is there and not empty, the training data cannot be used, or sizes do not fit;
        nothing is written.
    """
    if shard.first:
        check_new(out)
    signals = load(config)
    try:
        training = Training(resolved(config, signals), signals, device, shard)
        training.rehearse()
    except RuntimeError as error:
        why = " ".join(str(error).split())[:200]
        raise CoopError(f"the networks do not fit the signals or each other: {why}") from None
    compile_networks(config.compute, training.networks.values(), device)
    if not shard.first:
        return training, RunFolder(out, writing=False)
    return training, RunFolder.create(out, config, signals)


def resume(
    out: Path,
    device: torch.device,
    *,
    load: Loader | None = None,
    settings: Callable[[Config], Config] = lambda stored: stored,
    writing: bool = True,
    shard: Shard = ALONE,
) -> tuple[Training, RunFolder, list[dict[str, Any]] | None]:
    """Go on with the run in ``out``, bit for bit where it was interrupted.

    Parameters
    ----------
    load
        Reads the training data again, or None; others than the run's are refused.
    settings
        Gives the wanted settings from the stored ones. Only the length of the run, the table
        ``compute`` and how samples are refined may differ; a different length changes the
        learning rates from here on.
    writing
        Go on training: take over the random state too, note a new length, and drop the log's
        lines after the checkpoint. False reads the networks and leaves the folder as it is.

    Returns
    -------
    training, folder, good
        ``good`` are the states that the guard can roll back to, newest first.

    Raises
    ------
    CoopError
        No run there, a damaged file, other training data or other settings.
    """
    folder = RunFolder.open(out, writing=shard.first)
    stored, learned = folder.config(), folder.signals()
    wanted = settings(stored)
    for key in changed_keys(stored, wanted):
        if key not in MAY_CHANGE and not key.endswith(OF_SAMPLING):
            raise CoopError(
                f"{out}: the run was begun with another {key}; give the same, or a new --out"
            )
    if load is not None:
        _check_same(out, learned, load(wanted))
    training = Training(resolved(wanted, learned), learned, device, shard)
    checkpoint, good, lines = folder.read_checkpoint(), None, 0
    if checkpoint is not None:
        state, good, lines = checkpoint
        (training.restore if writing else training.restore_networks)(state)
    if writing:
        compile_networks(wanted.compute, training.networks.values(), device)
        folder.write_config(wanted)
        folder.cut_log(lines)
    return training, folder, good


def _check_same(out: Path, learned: Signals, given: Signals) -> None:
    """Refuse other training data than the run's, be it by name or by content."""
    if (given.kind, given.names) != (learned.kind, learned.names):
        raise CoopError(f"{out}: the run learns {', '.join(learned.names)}; give these, or none")
    pairs = [*zip(learned.arrays, given.arrays, strict=False)]
    pairs += zip(learned.seen or (), given.seen or (), strict=False)
    if _outline(given) != _outline(learned) or not all(np.array_equal(a, b) for a, b in pairs):
        raise CoopError(
            f"{out}: {', '.join(learned.names)} has changed since the run began; give none to go "
            "on with what is stored in the run, or a new --out"
        )


def _outline(signals: Signals) -> tuple[object, ...]:
    masked = signals.seen is not None
    return (len(signals.arrays), masked, signals.rate, signals.source_range, signals.colours)
