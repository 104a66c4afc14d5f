"""From the folder of a run to a bundle."""

from pathlib import Path
from typing import Any

import torch

from coop_runtime.card import Card, Langevin, Latent, Signal
from coop_runtime.errors import CoopError
from coop_runtime.strict import encode

from ..data import BUILT_IN
from ..langevin import VALUE_RANGE
from ..sheets import draw_samples, png, sample_sheet
from ..start import resume
from ..training import DIMS, Training
from .bundle import write_bundle

__all__ = ["export_run"]

COLUMNS = 3


def export_run(run: Path, target: Path, *, atol: float = 1e-6, rtol: float = 1e-5) -> Card:
    """Export what a run has learned so far: its averaged networks at the last checkpoint.

    Parameters
    ----------
    run
        A folder of coop-train; it is not changed.
    target
        Folder of the bundle; must not exist. Its last part is the model's name.
    atol, rtol
        Limits on the parity with torch, see `coop_trainer.export.parity.check`.

    Raises
    ------
    CoopError
        No run or no checkpoint there, an existing target, or too large a difference.
    """
    if target.exists():
        raise CoopError(f"'{target}' exists already; give a new name, or remove it first")
    training, _, good = resume(run, torch.device("cpu"), writing=False)
    if good is None:
        raise CoopError(f"{run}: nothing learned yet (no checkpoint); train first")
    f, g = training.averaged()
    config, pictures = training.config, training.source
    settings, langevin = config.coopnets, config.coopnets.langevin

    def energy(x: torch.Tensor) -> torch.Tensor:
        return f.energy(x, langevin.reference_sd)

    return write_bundle(
        target,
        name=target.name,
        energy=energy,
        generator=g,
        encoder=None,
        strides=(f.stride,) * DIMS,
        signal=Signal(
            kind="texture",
            dims=DIMS,
            channels=pictures.channels,
            value_range=VALUE_RANGE,
            source_range=pictures.source_range,
            trained_shape=(config.data.crop,) * DIMS,
            extendable=(True,) * DIMS,
        ),
        latent=Latent(channels=g.latent_channels, strides=(g.stride,) * DIMS),
        langevin=Langevin(
            steps=langevin.refine_steps,
            step_size=langevin.step_size,
            noise=langevin.noise,
            max_drift=langevin.max_drift,
            clamp=langevin.clamp,
        ),
        sigma=settings.sigma,
        training=_history(training),
        samples=_samples(training),
        atol=atol,
        rtol=rtol,
    )


def _history(training: Training) -> dict[str, Any]:
    """Tell how the model came about."""
    pictures = training.source
    networks = {"descriptor": training.descriptor, "generator": training.generator}
    history: dict[str, Any] = {
        "method": training.config.method,
        "pictures": list(pictures.names),
        "steps": training.step,
        "seconds": round(training.seconds, 1),
        "rollbacks": training.rollbacks,
        "parameters": {k: sum(p.numel() for p in n.parameters()) for k, n in networks.items()},
        "settings": encode(training.config),
    }
    if set(pictures.names) <= set(BUILT_IN):
        history["licence"] = "CC0: photographs that come with scikit-image."
    return history


def _samples(training: Training) -> dict[str, bytes]:
    drafts, revised = draw_samples(training, COLUMNS, 4 * training.config.data.crop)
    return {
        "samples.png": png([revised]),
        "sheet.png": sample_sheet(training),
        "drafts.png": png([drafts]),
    }
