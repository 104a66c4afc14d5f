"""What is evaluated: a bundle, or a run, which is exported first; and the real data beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from coop_runtime import Array, CoopError, Model, from_samples, load, to_samples
from coop_trainer.data import (
    BUILT_IN,
    CLIPS,
    SOUNDS,
    Signals,
    load_clips,
    load_images,
    load_sound,
    load_texture,
)
from coop_trainer.export.from_run import export_run
from coop_trainer.run_folder import RunFolder

__all__ = [
    "Floats",
    "Subject",
    "from_model",
    "open_subject",
    "read_signals",
    "to_model",
    "unit_pictures",
    "units",
]

Floats = NDArray[np.float32]

#: Names that stand for data of their kind.
_NAMES = {"texture": BUILT_IN, "sound": tuple(SOUNDS), "clips": tuple(CLIPS)}
_WANTED = {
    "images": "pictures that it has not seen: a folder, an .npz, .npy or idx file",
    "texture": "the photograph",
    "sound": "the sound",
    "clips": "the clip",
}


class Subject(NamedTuple):
    """A model, and what it learned from if that is known.

    Attributes
    ----------
    name
        Of the bundle or the run.
    model
        Loaded.
    learned
        The training data that a run keeps; None of a bundle, which does not hold them.
    """

    name: str
    model: Model
    learned: Signals | None


def open_subject(path: Path, scratch: Path, device: str = "cpu") -> Subject:
    """Load a bundle, or export a run into ``scratch`` and load that.

    Raises
    ------
    CoopError
        Neither is there, or it is damaged.
    """
    if (path / "card.json").is_file():
        return Subject(path.resolve().name, load(path, device=device), None)
    if not (path / "config.json").is_file():
        raise CoopError(
            f"{path}: neither a bundle (card.json) nor a run (config.json); give the folder that "
            "coop-export or coop-train wrote"
        )
    name = path.resolve().name
    export_run(path, scratch / name)
    signals = RunFolder.open(path).signals()
    return Subject(name, load(scratch / name, device=device), signals)


def read_signals(sources: Sequence[str], model: Model) -> Signals:
    """Read real data as the model was trained on them: its size, channels and rate.

    Parameters
    ----------
    sources
        Files or folders, as ``coop-train`` takes them for the model's kind.

    Raises
    ------
    CoopError
        They cannot be read, or do not fit the model.
    """
    signal = model.card.signal
    side = signal.trained_shape[-1]
    for source in sources:
        for kind, names in _NAMES.items():
            if kind != signal.kind and source in names and not Path(source).is_file():
                raise CoopError(
                    f"'{source}' is the name of built-in data of {kind}, and the model is of "
                    f"{signal.kind}; give {_WANTED[signal.kind]}"
                )
    match signal.kind:
        case "images":
            read = load_images(sources, size=side, grey=signal.channels == 1)
        case "texture":
            read = load_texture(sources, size=_scaled_to(model), crop=side)
        case "clips":
            read = load_clips(sources, size=_scaled_to(model))
        case "sound":
            assert signal.rate is not None  # noqa: S101  the card requires it of sounds
            read = load_sound(sources, rate=round(signal.rate), crop=2)
    if read.channels != signal.channels:
        raise CoopError(
            f"{', '.join(read.names)}: {read.channels} channels, but the model has "
            f"{signal.channels}; give the data that it was trained on, or others of their kind"
        )
    return read


def _scaled_to(model: Model) -> int | None:
    """Give the size to which training data were scaled, as the card tells; None if it does not."""
    settings = model.card.training.get("settings")
    data = settings.get("data") if isinstance(settings, dict) else None
    size = data.get("size") if isinstance(data, dict) else None
    return size if isinstance(size, int) else None


def units(signals: Signals, model: Model) -> list[Floats]:
    """Give real data in the units of this package, an array for each of ``signals.arrays``.

    Pictures (n, channels, height, width) and clips (channels, frames, height, width) of 0 to 1;
    sounds (samples,) of −1 to 1, coloured again if they were whitened for training.
    """
    if signals.whitening:
        whitened = (tensor.numpy() for tensor in signals.tensors(torch.device("cpu")))
        return [from_model(x, model) for x in whitened]
    if signals.kind == "sound":
        return [array[0, :, 0] for array in signals.arrays]
    scaled = map(unit_pictures, signals.arrays)
    return [array[0] if signals.kind == "clips" else array for array in scaled]


def unit_pictures(levels: NDArray[np.uint8]) -> Floats:
    """Turn bytes (n, …, channels) into (n, channels, …) of 0 to 1.

    Examples
    --------
    >>> unit_pictures(np.full((1, 2, 2, 3), 255, np.uint8)).shape
    (1, 3, 2, 2)
    """
    floats: Floats = np.moveaxis(levels, -1, 1).astype(np.float32) / np.float32(255)
    return floats


def from_model(x: Array, model: Model) -> Floats:
    """Turn what a model drew into the units of this package.

    Parameters
    ----------
    x
        (n, channels, *size); of sounds and clips n is 1.
    """
    signal = model.card.signal
    samples = to_samples(x, signal)
    if signal.kind == "sound":
        return samples[0, :, 0]
    pictures = np.moveaxis(samples, -1, 1) / np.float32(255)
    return pictures[0] if signal.kind == "clips" else pictures


def to_model(x: Floats, model: Model) -> Array:
    """Turn pictures (n, channels, height, width) of 0 to 1 into a model's values."""
    return from_samples(np.moveaxis(x, 1, -1) * np.float32(255), model.card.signal)
