"""The chapter on a sound: samples against the recording that they were learned from."""

import numpy as np

from coop_runtime import CoopError, Model

from ..peers.sounds import random_phase
from ..report import Cell, Picture, Section, Table
from ..sounds.hearing import SHORTEST
from ..sounds.likeness import Likeness, halves, likeness
from ..sounds.spectrograms import spectrograms
from .asked import Ask, Floats, Real
from .drawn import drawn

__all__ = ["sound"]


def sound(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Compare a draft and a refined sample with each original, and with random-phase noise."""
    rate = model.card.signal.rate
    if rate is None:
        raise CoopError("the model's card names no rate; export the run again")
    rows: list[list[Cell]] = []
    pictures, data = [], {}
    for k, original in enumerate(real.test):
        if len(original) < 2 * SHORTEST * rate:
            raise CoopError(
                f"original {k} takes {len(original) / rate:.1f} s; give {2 * SHORTEST:g} s or "
                "more: its halves are compared"
            )
        made = drawn(model, 1, ask.seed, len(original))
        noise = random_phase(original, np.random.default_rng(ask.seed)).astype(np.float32)
        heard: dict[str, Floats] = {**made.by_steps, "random phase": noise}
        found = {
            "the original's halves": likeness(*halves(original), rate),
            **{name: likeness(original, x, rate) for name, x in heard.items()},
        }
        rows += [[k, name, *_figures(one)] for name, one in found.items()]
        data[str(k)] = {name: _data(one) for name, one in found.items()}
        shown = {"original": original, **made.samples, "random phase": noise}
        png = spectrograms(shown, rate)
        pictures.append(Picture(f"spectrogram-{k}", f"Original {k} and what was drawn.", png))
    text = (
        "As long as the original, with the statistics of hearing after McDermott and Simoncelli "
        "(2011): envelopes of 30 bands, their moments, correlations and modulations. The "
        "original's own halves, one against the other, are the yardstick."
    )
    caption = (
        "Signal-to-noise ratio of the statistics, dB (higher is better); distance of modulation "
        "spectra, dB (lower is better); share of near-copied grains."
    )
    head = ["original", "by", "SNR", "modulation", "copies"]
    table = Table(caption, head, rows)
    return [Section("sound", "Sound", text, [table], pictures, data)]


def _figures(one: Likeness) -> list[Cell]:
    return [one.snr.mean, one.modulation, one.copies]


def _data(one: Likeness) -> dict[str, object]:
    return {
        "snr": one.snr.mean,
        "snr_by_class": dict(one.snr.classes),
        "modulation": one.modulation,
        "copies": one.copies,
    }
