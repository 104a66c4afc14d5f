"""The chapter on a texture: samples against the picture that they were learned from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coop_runtime import Model

from ..charts import grid
from ..peers.texture_phase import periodic_component, random_phase
from ..report import Cell, Picture, Section, Table, rows_of
from ..textures.figures import TextureReference
from .asked import Ask, Floats, Real
from .drawn import drawn

__all__ = ["texture"]

_SIDE = 256  # pixels of a sample
_MOST = 3  # samples
_SHOWN = 3


def texture(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Compare drafts and refined samples with each original, and with random-phase noise."""
    n = max(2, min(ask.samples, _MOST))
    found = drawn(model, n, ask.seed, (_SIDE, _SIDE))
    rng = np.random.default_rng(ask.seed)
    rows: list[list[Cell]] = []
    data, shown = {}, []
    for k, original in enumerate(picture for pictures in real.test for picture in pictures):
        reference = TextureReference.of(original)
        smooth = periodic_component(original)
        noise = [np.clip(random_phase(smooth, rng), 0, 1) for _ in range(n)]
        figures = {
            "the original's own crops": reference.real,
            **{name: reference.figures(list(x)) for name, x in found.by_steps.items()},
            "random phase": reference.figures(noise),
        }
        rows += [[k, name, *row] for name, row in figures.items()]
        data[str(k)] = {name: row._asdict() for name, row in figures.items()}
        shown.append(_sheet(original, *found.samples.values(), noise))
    section = Section(
        "texture",
        "Texture",
        f"{n} samples of {_SIDE}×{_SIDE} pixels against the original. Its own crops are the "
        "yardstick: each quadrant against the rest.",
        [
            Table(
                "Portilla–Simoncelli distance and sliced Wasserstein distance of patches (lower is "
                "better, also than the crops': they have not seen the rest), share of near-copies "
                "of the original's patches, MS-SSIM between samples.",
                ["original", "by", "PS distance", "patches", "copied", "MS-SSIM"],
                rows,
            )
        ],
        [
            Picture(f"texture-{k}", rows_of(["the original", *found.samples, "random phase"]), png)
            for k, png in enumerate(shown)
        ],
        data,
    )
    return [section]


def _sheet(original: Floats, *rows: Sequence[NDArray[np.floating]] | Floats) -> bytes:
    """Lay out the original, then a row of each kind, all cropped alike."""
    side = min(_SIDE, *original.shape[1:])
    kinds = ([original] * _SHOWN, *rows)
    pictures = [np.asarray(x)[:, :side, :side] for row in kinds for x in row[:_SHOWN]]
    columns = min(_SHOWN, *(len(row) for row in rows))
    return grid(np.stack(pictures).astype(np.float32), columns=columns)
