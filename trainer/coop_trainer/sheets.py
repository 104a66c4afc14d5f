"""Samples of a model in training: what the networks draw, beside what they learn."""

import torch
import torch.nn.functional as F
from torch import Tensor

from coop_runtime.colours import mix
from coop_runtime.whitening import colour

from .data import random_crops
from .langevin import frozen, revise
from .methods.descriptor import first_states
from .recover import reconstructed
from .shown import gif, png, wav
from .training import Training

__all__ = ["as_perceived", "draw_samples", "sample_files"]

SHEET_SEED = 0
COLUMNS = {"texture": 4, "images": 10, "sound": 3, "clips": 2}
FRAMES_PER_SECOND = 25.0  # of clips that do not say


def draw_samples(
    training: Training, count: int, shape: tuple[int, ...]
) -> tuple[Tensor | None, Tensor | None]:
    """Draw drafts and their revisions with the averaged networks.

    Always from the same z and noise, and not from the training's random state: drawing a sheet
    changes nothing in the training, and two sheets of a run show the same samples growing up.

    Returns
    -------
    drafts, revised
        Each (count, channels, …) of the given spatial shape or, where it is none of whole
        cells, larger; None where the method has no generator, or no energy. Without a generator
        chains start from noise.
    """
    f, g, _ = training.averaged()
    langevin = training.config.langevin
    rng = torch.Generator(training.device).manual_seed(SHEET_SEED)
    drafts = revised = None
    if g is not None:
        cells = [-(-n // stride) for n, stride in zip(shape, g.strides, strict=True)]
        size = (count, g.latent_channels, *cells)
        with torch.no_grad():
            drafts = g(torch.randn(size, generator=rng, device=training.device))
    if f is not None and langevin is not None:
        start = drafts
        if start is None:
            whole = [-(-n // by) * by for n, by in zip(shape, f.strides, strict=True)]
            like = torch.zeros(1, training.signals.channels, *whole, device=training.device)
            start = first_states(like, count, training.config.algorithm_d, rng)
        with frozen(f):
            revised = revise(f, start, langevin, rng, sampling=True).x
    return drafts, revised


def sample_files(training: Training) -> dict[str, bytes]:
    """Give a sheet of samples as PNG and, of sounds and clips, its first one to play, by ending.

    Rows of the sheet: examples, their reconstructions, drafts, revised drafts, those of them that
    the method has. Of textures, twice the training crop. What has still to grow is shown at its
    later size, in larger pixels.
    """
    kind = training.signals.kind
    count, shape = COLUMNS[kind], sheet_shape(training)
    drafts, revised = draw_samples(training, count, shape)
    rows = [*_examples(training, count, shape), drafts, revised]
    sheet = [_cut(row, shape) for row in rows if row is not None]
    if training.stage is not None:
        sheet = [F.interpolate(row, training.examples.shape) for row in sheet]
    files = {"png": png([as_perceived(training, row) for row in sheet])}
    sample = sheet[-1][0]  # every method draws drafts, or revises
    signals, rate = training.signals, training.rate or FRAMES_PER_SECOND
    if kind == "sound":
        files["wav"] = wav(sample, rate, signals.source_range, signals.whitening)
    elif kind == "clips":
        files["gif"] = gif(as_perceived(training, sample[None])[0], rate)
    return files


def as_perceived(training: Training, x: Tensor) -> Tensor:
    """Give whitened sounds their colour back, and principal colours as channels; else x itself.

    ``x``: (batch, channels, …).
    """
    prediction, colours = training.signals.whitening, training.signals.colours
    if colours:
        return torch.from_numpy(mix(x.cpu().numpy(), colours))
    return torch.from_numpy(colour(x.cpu().numpy(), prediction)) if prediction else x


def sheet_shape(training: Training) -> tuple[int, ...]:
    """Give the spatial shape of the samples on a sheet: where crops are drawn, twice their size."""
    if training.examples.whole:
        return training.shape
    smallest = [min(a.shape[1 + k] for a in training.signals.arrays) for k in range(training.dims)]
    return tuple(min(2 * n, s) for n, s in zip(training.shape, smallest, strict=True))


def _examples(training: Training, count: int, shape: tuple[int, ...]) -> list[Tensor]:
    """Give examples and, where the method infers latents, their reconstructions."""
    if not training.examples.whole:
        rng = torch.Generator().manual_seed(SHEET_SEED)
        return [random_crops(training.examples.stacks, count, shape, rng)]
    places = torch.arange(min(count, len(training.examples)), device=training.device)
    batch = training.examples.take(places)
    again = reconstructed(training, places)
    return [batch.x] if again is None else [batch.x, again]


def _cut(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Cut signals (batch, channels, …) to a spatial shape, at their ends."""
    for axis, size in enumerate(shape):
        x = x.narrow(2 + axis, 0, size)
    return x.cpu()
