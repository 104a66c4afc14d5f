"""Chapters on pictures that are given: completed where something is missing, and drawn again."""

import math

import numpy as np

from coop_runtime import Model

from ..charts import grid
from ..filling.completion import Inferring, judge, suggest
from ..filling.holes import Mask, holes
from ..filling.reconstruction import reconstruct, reconstruction_error
from ..peers.components import principal_components
from ..peers.inpainting import PEERS
from ..report import Cell, Picture, Section, Table, rows_of
from .asked import Ask, Floats, Real

__all__ = ["SHOWN", "completion", "interpolated", "latents", "reconstruction"]

#: Pictures of a row of a sheet.
SHOWN = 10


def completion(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Complete test pictures by the model and by classic interpolation, each hole by all."""
    x = real.test[0][: ask.examples]
    how = Inferring(seed=ask.seed)
    rows: list[list[Cell]] = []
    sheets = []
    data: dict[str, dict[str, dict[str, float]]] = {}
    squares = _squares(x.shape[-1])
    for name in squares:
        ask.tell(f"holes {name}")
        missing = holes(name, len(x), x.shape[2:], ask.seed)
        suggested = suggest(model, x, missing, how)
        done = {
            "the model": suggested.best,
            f"the model, mean of {how.chains}": suggested.mean,
            **interpolated(x, missing),
        }
        judged = {peer: judge(x, pictures, missing) for peer, pictures in done.items()}
        rows += [[name, peer, *figures] for peer, figures in judged.items()]
        data[name] = {peer: figures._asdict() for peer, figures in judged.items()}
        shown = [np.where(missing, np.float32(0.5), x), *done.values(), x]
        sheet = np.concatenate([pictures[:SHOWN] for pictures in shown])
        said = f"{name}. {rows_of(['what is given', *done, 'the originals'])}"
        sheets.append(Picture(f"completion-{name}", said, grid(sheet, columns=min(SHOWN, len(x)))))
    section = Section(
        "completion",
        "Completion",
        f"{len(x)} unseen pictures with a hole at a random place ({squares[0]} is one of "
        f"{squares[0][1:]} pixels on each side). The model "
        f"infers latents from what is known by {how.steps} Langevin steps in {how.chains} chains.",
        [
            Table(
                "Over the hole: mean difference relative to the range (lower is better) and PSNR "
                "(the mean of each picture's; of what is plain, as black around a thing, up to "
                "100 dB); SSIM of the whole; the border's roughness, 1 as in the original.",
                ["hole", "by", "error", "PSNR", "SSIM", "seam"],
                rows,
            )
        ],
        sheets,
        data,
    )
    return [section]


def reconstruction(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Draw test pictures again from the latents that are read off them."""
    x = real.test[0][: ask.examples]
    again = {"inferred": reconstruct(model, x, "posterior", seed=ask.seed)}
    if "encoder" in model.graphs:
        again |= {
            "encoder": reconstruct(model, x, "encoder", seed=ask.seed),
            "encoder, then inferred": reconstruct(model, x, "both", seed=ask.seed),
        }
    if (d := latents(model)) and real.train is not None and len(real.train[0]) > d:
        again[f"{d} principal components"] = principal_components(real.train[0], x, d)
    errors = {how: reconstruction_error(x, pictures) for how, pictures in again.items()}
    sheet = np.concatenate([pictures[:SHOWN] for pictures in (x, *again.values())])
    section = Section(
        "reconstruction",
        "Reconstruction of unseen pictures",
        f"{len(x)} unseen pictures, drawn again from the latents of the encoder, or from those "
        "that Langevin steps infer; and, as the linear peer, from as many principal components of "
        "the training pictures, if these are known.",
        [
            Table(
                "Mean squared error of pictures of −1 to 1, and of 0 to 1; mean difference "
                "relative to the range. Lower is better.",
                ["latents", "square", "square, 0 to 1", "absolute"],
                [[how, *error] for how, error in errors.items()],
            )
        ],
        [
            Picture(
                "reconstruction",
                rows_of(["the originals", *again]),
                grid(sheet, columns=min(SHOWN, len(x))),
            )
        ],
        {how: error._asdict() for how, error in errors.items()},
    )
    return [section]


def latents(model: Model) -> int:
    """Give the latents of one picture; 0 without a generator."""
    card = model.card
    if card.latent is None:
        return 0
    cells = (n // s for n, s in zip(card.signal.trained_shape, card.latent.strides, strict=True))
    return card.latent.channels * math.prod(cells)


def _squares(side: int) -> list[str]:
    """Name the papers' holes, M20 to M50 of 64×64 pictures, for pictures of another side.

    Examples
    --------
    >>> _squares(64), _squares(32)
    (['M20', 'M30', 'M40', 'M50'], ['M10', 'M15', 'M20', 'M25'])
    """
    return [f"M{round(side * of_64 / 64)}" for of_64 in (20, 30, 40, 50)]


def interpolated(x: Floats, missing: Mask) -> dict[str, Floats]:
    """Fill the holes by each peer; grey pictures are shown to them as colours."""
    channels = x.shape[1]
    coloured = np.repeat(x, 3, axis=1) if channels == 1 else x
    return {peer: fill(coloured, missing)[:, :channels] for peer, fill in PEERS.items()}
