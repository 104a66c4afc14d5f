"""What a model makes of its training examples: reconstructions, and recovered incomplete data."""

import io
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coop_runtime.errors import CoopError

from .training import Training

__all__ = ["reconstructed", "recovered"]

BATCH = 100
KEYS = {"texture": "images", "images": "images", "sound": "samples", "clips": "frames"}


def reconstructed(training: Training, places: Tensor) -> Tensor | None:
    """Give g(z) of the examples of these numbers, (batch, channels, …); hidden entries as guessed.

    z is where ABP's latents stand, or the mean of the encoder's code of the example with its
    hidden entries filled in. None where the method infers no latents. Averaged networks.
    """
    _, g, q = training.averaged()
    batch = training.examples.take(places)
    with torch.no_grad():
        if g is not None and training.latents is not None:
            return _shown(batch.seen, batch.x, g(training.latents[places]))
        if g is None or q is None:
            return None
        x = batch.x
        if batch.seen is not None and training.filled is not None:
            x = torch.where(batch.seen > 0, x, training.filled[places])
        return _shown(batch.seen, batch.x, g(q(x).mean))


def recovered(training: Training) -> bytes:
    """Give the training examples with their hidden entries recovered, as the bytes of an npz.

    Key ``images``, ``frames`` or ``samples``; shape (examples, …, channels), the type and the
    units of the training data; ``seen`` are the masks, 1 = observed. Observed entries are exactly
    those of the training data.

    Raises
    ------
    CoopError
        The run's data are complete, or its method infers no latents.
    """
    signals, table, seen = training.signals, training.examples.table, training.examples.seen
    if table is None or seen is None:
        raise CoopError("there is nothing to recover: the training data are complete")
    parts = []
    for first in range(0, len(training.examples), BATCH):
        places = torch.arange(first, min(first + BATCH, len(training.examples)))
        x = reconstructed(training, places.to(training.device))
        assert x is not None  # noqa: S101  only such methods take incomplete data
        parts.append(x.movedim(1, -1).cpu().numpy())
    low, high = signals.source_range
    values = (np.concatenate(parts) + 1) * ((high - low) / 2) + low
    if signals.arrays[0].dtype == np.uint8:
        values = np.clip(np.rint(values), 0, 255)
    known, observed = (t.movedim(1, -1).cpu().numpy() for t in (table, seen))
    values = np.where(observed > 0, known, values.astype(known.dtype))
    content: dict[str, Any] = {KEYS[signals.kind]: values, "seen": observed.astype(np.uint8)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **content)
    return buffer.getvalue()


def _shown(seen: Tensor | None, x: Tensor, again: Tensor) -> Tensor:
    """Give observed entries as they are where some are hidden; otherwise the reconstruction."""
    return again if seen is None else torch.where(seen > 0, x, again)
