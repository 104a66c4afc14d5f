"""Sample sheets: what the networks draw, beside the original, as one PNG."""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .data import random_crops
from .langevin import frozen, revise
from .training import Training

__all__ = ["draw_samples", "png", "sample_sheet"]

GAP = 4
SHEET_SEED = 0


def draw_samples(training: Training, count: int, side: int) -> tuple[Tensor, Tensor]:
    """Draw drafts and their revisions with the averaged networks.

    Always from the same z and noise, and not from the training's random state: drawing a sheet
    changes nothing in the training, and two sheets of a run show the same samples growing up.

    Returns
    -------
    drafts, revised
        Each (count, channels, side, side), side rounded up to the generator's strides.
    """
    f, g = training.averaged()
    langevin = training.config.coopnets.langevin
    rng = torch.Generator(training.device).manual_seed(SHEET_SEED)
    cells = -(-side // g.strides[0])
    shape = (count, g.latent_channels, cells, cells)
    z = torch.randn(shape, generator=rng, device=training.device)
    with torch.no_grad():
        drafts = g(z)
    with frozen(f):
        revised = revise(f, drafts, langevin, rng, langevin.refine_steps).x
    return drafts, revised


def sample_sheet(training: Training, columns: int = 4) -> bytes:
    """Give a PNG of three rows: originals, drafts, revised drafts, twice the training crop."""
    smallest = min(min(p.shape[1:]) for p in training.pictures)
    side = min(2 * training.config.data.crop, smallest)
    rng = torch.Generator().manual_seed(SHEET_SEED)
    originals = random_crops(training.pictures, columns, side, rng)
    drafts, revised = draw_samples(training, columns, side)
    return png([originals, drafts[..., :side, :side], revised[..., :side, :side]])


def png(rows: list[Tensor]) -> bytes:
    """Lay rows of pictures in [−1, 1], each (count, channels, side, side), on one sheet."""
    height = sum(row.shape[2] + GAP for row in rows) - GAP
    width = max(row.shape[0] * (row.shape[3] + GAP) for row in rows) - GAP
    channels = rows[0].shape[1]
    sheet: NDArray[np.uint8] = np.full((height, width, channels), 255, np.uint8)
    top = 0
    for row in rows:
        pixels = ((row.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
        for k, picture in enumerate(pixels.cpu().numpy()):
            left = k * (picture.shape[1] + GAP)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        top += row.shape[2] + GAP
    buffer = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(buffer, "PNG")
    return buffer.getvalue()
