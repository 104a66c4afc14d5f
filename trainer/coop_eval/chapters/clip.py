"""The chapter on a clip: samples against the clip that they were learned from."""

import numpy as np

from coop_runtime import Model

from ..charts import grid
from ..clip_copies import copied_frames, copied_frames_real
from ..clips import ClipDistances, compare, null
from ..peers.dynamic_texture import learn, synthesise
from ..report import Cell, Picture, Section, Table, rows_of
from .asked import Ask, Floats, Real
from .drawn import drawn

__all__ = ["clip"]

_SHOWN = 8  # frames of each
_WINDOW = 32  # frames that motion is looked at in, if the halves are as long
_STATES = 50  # of the linear model, the most that its paper takes


def clip(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Compare a draft and a refined sample with each original, and with a linear model of it."""
    rows: list[list[Cell]] = []
    pictures, data = [], {}
    for k, original in enumerate(real.test):
        frames = original.shape[1]
        window = min(_WINDOW, frames // 2)
        linear = learn(original, min(_STATES, frames // 2))
        rng = np.random.default_rng(ask.seed)
        ours = drawn(model, 1, ask.seed, original.shape[1:])
        peer = {"linear dynamic texture": synthesise(linear, frames, rng)}
        made = {**ours.by_steps, **peer}
        found = {
            "the original itself": (
                null(original, ask.seed, window=window),
                copied_frames_real(original),
            ),
            **{
                name: (compare(x, original, ask.seed, window=window), copied_frames(x, original))
                for name, x in made.items()
            },
        }
        rows += [[k, name, *distances, copies] for name, (distances, copies) in found.items()]
        data[str(k)] = {
            name: {**distances._asdict(), "copies": copies}
            for name, (distances, copies) in found.items()
        }
        shown = {f"original {k}": original, **ours.samples, **peer}
        pictures.append(
            Picture(f"clip-{k}", f"Frames. {rows_of([*shown])}", _sheet(*shown.values()))
        )
    text = (
        "As long as the original, with figures of single frames and of their motion. The "
        "original's own halves, one against the other, are the yardstick; that of copies are its "
        "eighths, each against what is clear of it in time."
    )
    caption = (
        "Distances, lower is better (see coop_eval.clips); share of frames that are nearer to one "
        "of the original than real frames are."
    )
    table = Table(caption, ["original", "by", *ClipDistances._fields, "copies"], rows)
    return [Section("clip", "Clip", text, [table], pictures, data)]


def _sheet(*clips: Floats) -> bytes:
    rows = [x[:, np.linspace(0, x.shape[1] - 1, _SHOWN).astype(int)].swapaxes(0, 1) for x in clips]
    return grid(np.concatenate(rows), columns=_SHOWN)
