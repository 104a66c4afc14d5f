"""What a model makes of its training examples: reconstructions, and recovered incomplete data."""

import io
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coop_runtime.errors import CoopError

from .bars import progress_bar
from .config import TABLES
from .langevin import energy_and_gradient, frozen
from .posterior import negative_log_joint
from .training import Training

__all__ = ["explaining", "latents_of", "reconstructed", "recovered"]

BATCH = 25
#: Steps of Adam towards the latents that explain what is observed best, and the first's length.
STEPS, RATE = 30, 0.3
BAR = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}"
KEYS = {"texture": "images", "images": "images", "sound": "samples", "clips": "frames"}


def reconstructed(training: Training, places: Tensor) -> Tensor | None:
    """Give g(z) of the examples of these numbers, (batch, channels, …); hidden entries as guessed.

    z as of `latents_of`; None where the method infers none. Averaged networks.
    """
    z = latents_of(training, places)
    _, g, _ = training.averaged()
    if g is None or z is None:
        return None
    batch = training.examples.take(places)
    with torch.no_grad():
        return _shown(batch.seen, batch.x, g(z))


def latents_of(training: Training, places: Tensor) -> Tensor | None:
    """Give where ABP's latents of these examples stand, or the means of the encoder's codes.

    The encoder reads examples with their hidden entries as last filled in. None where the method
    infers no latents.
    """
    if training.latents is not None:
        return training.latents[places]
    _, _, q = training.averaged()
    if q is None:
        return None
    batch = training.examples.take(places)
    x = batch.x
    if batch.seen is not None and training.filled is not None:
        x = torch.where(batch.seen > 0, x, training.filled[places])
    with torch.no_grad():
        mean: Tensor = q(x).mean
    return mean


def explaining(training: Training, places: Tensor) -> Tensor:
    """Give the z that explains the observed entries of these examples best, near where it stands.

    A mode of the posterior q(z|x) ∝ exp(−‖x − g(z)‖²/2σ² − ‖z‖²/2) over observed entries, by Adam
    from `latents_of`, without noise: a sample's own would be an error of what it fills in.
    Shape (batch, latent_channels, h, …).
    """
    z, (_, g, _) = latents_of(training, places), training.averaged()
    assert z is not None and g is not None  # noqa: S101, PT018  all methods that take such data
    sigma = getattr(training.config, TABLES[training.config.method]).sigma
    batch, z = training.examples.take(places), z.clone()
    towards = torch.optim.Adam([z], RATE)
    shorter = torch.optim.lr_scheduler.LinearLR(towards, 1.0, 1 / STEPS, STEPS)
    with frozen(g):
        energy = negative_log_joint(g, batch.x, sigma, batch.seen)
        for _ in range(STEPS):
            _, z.grad = energy_and_gradient(energy, z)
            towards.step()
            shorter.step()
    return z.detach()


def recovered(training: Training, count: int | None = None) -> bytes:
    """Give the training examples with their hidden entries recovered, as the bytes of an npz.

    Hidden entries are those of g(z), z being what explains the observed ones best (`explaining`).

    Key ``images``, ``frames`` or ``samples``; shape (examples, …, channels), the type and the
    units of the training data; ``seen`` are the masks, 1 = observed. Observed entries are exactly
    those of the training data.

    Parameters
    ----------
    count
        Of the first so many examples; None of all.

    Raises
    ------
    CoopError
        The run's data are complete, or its method infers no latents.
    """
    signals, table, seen = training.signals, training.examples.table, training.examples.seen
    if table is None or seen is None:
        raise CoopError("there is nothing to recover: the training data are complete")
    _, g, _ = training.averaged()
    assert g is not None  # noqa: S101  only methods with a generator take incomplete data
    parts = []
    table, seen = table[:count], seen[:count]
    batches = range(0, len(table), BATCH)
    told = {"desc": "recovering", "bar_format": BAR, "disable": len(batches) == 1}
    for first in progress_bar(batches, **told):
        places = torch.arange(first, min(first + BATCH, len(table)))
        places = places.to(training.device)
        z = explaining(training, places)
        with torch.no_grad():
            x = g(z)
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
