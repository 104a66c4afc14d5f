"""From the folder of a run to a bundle."""

from pathlib import Path
from typing import Any, get_args

import torch

from coop_runtime.card import Card, HalfType, Langevin, Latent, Signal
from coop_runtime.errors import CoopError, printable
from coop_runtime.files import is_free
from coop_runtime.strict import encode

from ..config import TABLES, Config
from ..data import BUILT_IN, CLIPS, SOUNDS
from ..langevin import VALUE_RANGE
from ..optimise import Network
from ..sheets import COLUMNS, FRAMES_PER_SECOND, as_perceived, draw_samples, sample_files
from ..shown import gif, png, wav
from ..start import resume
from ..training import Training
from .bundle import write_bundle
from .energies import quantiles_of_energies

__all__ = ["export_run"]

#: The axes along which a model can draw more than it was trained on.
EXTENDABLE = {
    "texture": (True, True),
    "images": (False, False),
    "sound": (True,),
    "clips": (True, False, False),
}
#: How much larger the bundle's samples are than the training examples.
FACTOR = {"texture": 2, "images": 1, "sound": 2, "clips": 2}
#: Of the original in a bundle, the most samples of each axis: seconds of sounds and clips.
LONGEST, LARGEST = 10.0, 512
#: File names that the card lists.
NAMES = 20


def export_run(
    run: Path,
    target: Path,
    *,
    torchscript: bool = False,
    chain: bool = False,
    original: bool = False,
    licence: str | None = None,
    precision: HalfType | None = None,
    atol: float = 1e-6,
    rtol: float | None = None,
) -> Card:
    """Export what a run has learned so far: its averaged networks at the last checkpoint.

    Parameters
    ----------
    run
        A folder of coop-train; it is not changed.
    target
        Folder of the bundle, new or empty. Its last part is the model's name.
    torchscript
        Whether to add the same graphs as TorchScript.
    chain
        Whether to add the graph that takes all Langevin steps in one call.
    original
        Whether to add the beginning of the training data to the samples, see `_original`.
    licence
        Of the training data; None: known of those that come with coopnets, unsaid of others.
    precision, atol, rtol
        How weights are stored, and limits on the parity with torch, see `write_bundle`.

    Raises
    ------
    CoopError
        No run or no checkpoint there, an existing target, too large a difference, or the original
        of a set of pictures.
    """
    if not is_free(target):
        raise CoopError(f"'{target}' exists already; give a new name, or remove it first")
    training, _, good = resume(run, torch.device("cpu"), writing=False)
    if good is None:
        raise CoopError(f"{run}: nothing learned yet (no checkpoint); train first")
    f, g, q = training.averaged()
    config, signals, langevin = training.config, training.signals, training.config.langevin
    shown = _original(training) if original else {}

    def energy(x: torch.Tensor) -> torch.Tensor:
        assert f is not None and langevin is not None  # noqa: S101, PT018  see below
        return f.energy(x, langevin.reference_sd)

    has_energy = f is not None and langevin is not None
    history = _history(training, licence)
    if has_energy and (energies := quantiles_of_energies(training, energy)):
        history["energies"] = energies
    return write_bundle(
        target,
        name=target.name,
        energy=energy if has_energy else None,
        generator=g,
        encoder=q,
        strides=next(n.strides for n in (f, g) if n is not None),
        signal=Signal(
            kind=signals.kind,
            dims=signals.dims,
            channels=signals.channels,
            value_range=VALUE_RANGE,
            source_range=signals.source_range,
            trained_shape=training.shape,
            extendable=EXTENDABLE[signals.kind],
            rate=signals.rate,
            whitening=signals.whitening,
            colours=signals.colours,
        ),
        latent=None if g is None else Latent(g.latent_channels, g.strides, g.reach, g.wraps),
        langevin=None if f is None else _langevin(config, f.reach),
        sigma=None if g is None else config.sigma,
        training=history,
        samples=_samples(training) | shown,
        torchscript=torchscript,
        chain=chain,
        precision=precision,
        atol=atol,
        rtol=rtol,
    )


def _langevin(config: Config, reach: tuple[int, ...]) -> Langevin | None:
    settings = config.langevin
    if settings is None:
        return None
    return Langevin(
        steps=settings.refine_steps,
        step_size=settings.step_size,
        noise=settings.refines_with_noise,
        max_drift=settings.max_drift,
        clamp=settings.clamp,
        start_sd=None if "generator" in config.networks else config.algorithm_d.start_sd,
        reach=reach,
    )


def _history(training: Training, licence: str | None) -> dict[str, Any]:
    """Tell how the model came about."""
    names = training.signals.names
    history: dict[str, Any] = {
        "method": training.config.method,
        "learned_from": [printable(name) for name in names[:NAMES]],
        "examples": sum(len(array) for array in training.signals.arrays),
        "steps": training.step,
        "seconds": round(training.seconds, 1),
        "rollbacks": training.rollbacks,
        "parameters": {
            k: sum(p.numel() for p in n.parameters()) for k, n in training.networks.items()
        },
        "settings": used_settings(training.config),
    }
    if licence is not None:
        return history | {"licence": licence}
    return history | _licence(training.signals.kind, set(names))


def _licence(kind: str, names: set[str]) -> dict[str, str]:
    """Give the licence of training data that comes with coopnets, by their names."""
    if kind == "texture" and names <= set(BUILT_IN):
        return {"licence": "CC0: photographs that come with scikit-image."}
    if names <= {"sound": set(SOUNDS), "clips": set(CLIPS)}.get(kind, set()):
        return {"licence": "MIT: computed by coopnets itself, see data/synthetic.py."}
    return {}


def used_settings(config: Config) -> dict[str, Any]:
    """Give the settings that mean something: those of the method, and of networks that it learns.

    Examples
    --------
    >>> from coop_trainer.config import configure
    >>> from coop_trainer.presets import load_preset
    >>> used = used_settings(configure(load_preset("images", "mnist"), pairs=["method=vae"]))
    >>> [key in used for key in ("data", "encoder", "vae", "descriptor", "coopnets")]
    [True, True, True, False, False]
    """
    unused = {*TABLES.values()} - {TABLES[config.method]}
    for network in get_args(Network):
        if network not in config.networks:
            unused |= {network, f"{network}_optimiser"}
    return {key: value for key, value in encode(config).items() if key not in unused}


def _samples(training: Training) -> dict[str, bytes]:
    """Give pictures of samples: of textures larger than the training crop; and the last sheet."""
    kind, shape = training.signals.kind, training.shape
    larger = tuple(
        FACTOR[kind] * n if free else n for n, free in zip(shape, EXTENDABLE[kind], strict=True)
    )
    drafts, revised = draw_samples(training, COLUMNS[kind], larger)
    rows = {"samples.png": drafts if revised is None else revised}
    if revised is not None:
        rows["drafts.png"] = drafts
    files = {
        name: png([as_perceived(training, row)]) for name, row in rows.items() if row is not None
    }
    return files | {f"sheet.{ending}": data for ending, data in sample_files(training).items()}


def _original(training: Training) -> dict[str, bytes]:
    """Give what the model learned from, to be heard and seen beside what it draws.

    Of the first file: the first ten seconds of a sound as ``original.wav`` and of a clip as
    ``original.gif``, up to 512×512 pixels of a texture as ``original.png``.
    """
    signals, kind = training.signals, training.signals.kind
    if kind == "images":
        raise CoopError("a set of pictures has no one original; leave --with-original out")
    rate = signals.rate or FRAMES_PER_SECOND
    if kind == "sound":
        x = signals.tensors(torch.device("cpu"))[0][0, :, : round(LONGEST * rate)]
        return {"original.wav": wav(x, rate, signals.source_range, signals.whitening)}
    levels = torch.from_numpy(signals.arrays[0][0]).movedim(-1, 0)  # as they were read
    x = levels / 127.5 - 1
    if kind == "texture":
        return {"original.png": png([x[None, :, :LARGEST, :LARGEST]])}
    return {"original.gif": gif(x[:, : round(LONGEST * rate)], rate)}
