"""Sounds that are new, and like the one that they were learned from; the papers show pictures only.

Each model learns one of six sounds (5 s at 11,025 Hz) for 6 minutes, preset ``quick``, by
`coopnets` and by `abp`; 5 s are drawn with each seed of the scale, and `coopnets`' drafts are also
refined with the card's steps. Measured are the statistics of McDermott and Simoncelli (2011) as SNR
against the original, the distance of modulation spectra and the share of near-copied grains
(`coop_eval.sounds.likeness`), for the peers of `coop_eval.peers.sounds` too, and for one half of
the original against the other: what the sound itself reaches. The reduced scale takes fewer
iterations of the statistics' imposition.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

import coop_runtime
from coop_eval.peers.sounds import matched_statistics, random_phase, shuffled_grains
from coop_eval.sounds.hearing import Statistics
from coop_eval.sounds.likeness import Likeness, halves, likeness
from tables import markdown

from .rows import Case, Scale, Values
from .sources import research_file

__all__ = ["SOUNDS", "TITLE", "cases", "table"]

TITLE = "Sounds: new ones, and like the original"

SOUNDS = {
    "chimney_fire": "fire",
    "rain": "rain",
    "stream": "stream",
    "applause_large": "applause",
    "ase_70_manual_typewriter": "typewriter",
    "ase_08_bubbling_water": "bubbles",
}
METHODS = ("coopnets", "abp")
MINUTES = 6.0
PEERS = ("random phase", "shuffled grains", "matched statistics")
ITERATIONS = {"full": 150, "quick": 40}

#: Rows of the tables: case and prefix of its figures, by what is printed.
ROWS = {
    "the original: half against half": ("signal", ""),
    "random phase": ("random phase", ""),
    "shuffled grains": ("shuffled grains", ""),
    "matched statistics": ("matched statistics", ""),
    "CoopNets, drafts": ("coopnets", "drafts "),
    "CoopNets, refined": ("coopnets", "refined "),
    "ABP": ("abp", "drafts "),
}
FIGURES = {
    "snr": "SNR of the statistics, dB, larger is better (ours must be ≥ 10 and above random phase)",
    "copies": "Share of near-copied grains of 50 ms (ours must be ≤ 0.05)",
    "modulation": "Distance of modulation spectra, dB, smaller is better",
}

Sound = NDArray[np.floating]


def cases(scale: Scale) -> list[Case]:
    """Give a row for each sound and method."""
    found = []
    for sound in SOUNDS:
        found.append(Case(f"{sound} signal", (), _signal(sound)))
        found += [Case(f"{sound} {peer}", (), _peer(sound, peer, scale)) for peer in PEERS]
        for method in METHODS:
            training = scale.training("sound", f"sounds11k/{sound}.wav", method, MINUTES)
            found.append(Case(f"{sound} {method}", (training,), _model(sound, scale)))
    return found


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out a table for each figure, and one of the SNR by class."""
    parts = [f"{title}:\n\n{_by_sound(rows, key)}" for key, title in FIGURES.items()]
    parts.append(f"SNR by class of statistics, mean of the sounds, dB:\n\n{_by_class(rows)}")
    return "\n\n".join(parts)


def _signal(sound: str) -> Callable[..., Values]:
    def measure() -> Values:
        original, rate = _original(sound)
        return _figures([likeness(*halves(original), rate)])

    return measure


def _peer(sound: str, peer: str, scale: Scale) -> Callable[..., Values]:
    def made(original: Sound, rate: float, rng: np.random.Generator) -> Sound:
        if peer == "random phase":
            return random_phase(original, rng)
        if peer == "shuffled grains":
            return shuffled_grains(original, rate, rng)
        return matched_statistics(original, rate, rng, iterations=ITERATIONS[scale.name])

    def measure() -> Values:
        original, rate = _original(sound)
        samples = [made(original, rate, np.random.default_rng(seed)) for seed in scale.seeds]
        return _figures([likeness(original, sample, rate) for sample in samples])

    return measure


def _model(sound: str, scale: Scale) -> Callable[..., Values]:
    def measure(bundle: Path) -> Values:
        original, rate = _original(sound)
        model = coop_runtime.load(bundle, "cpu")
        of_each: dict[str, list[Likeness]] = {}
        for seed in scale.seeds:
            draft = model.generate(1, seed=seed, size=len(original))
            drawn = {"drafts ": draft}
            if "energy" in model.card.graphs:
                drawn["refined "] = model.refined(draft, seed=seed).x
            for prefix, x in drawn.items():
                sample = coop_runtime.to_samples(x, model.card.signal)[0, :, 0]
                of_each.setdefault(prefix, []).append(likeness(original, sample, rate))
        values: Values = {}
        for prefix, found in of_each.items():
            values |= _figures(found, prefix)
        return values

    return measure


def _figures(found: Sequence[Likeness], prefix: str = "") -> Values:
    """Give means over samples and, of the table's figures, deviations where there are several."""
    columns = {
        "snr": [one.snr.mean for one in found],
        "copies": [one.copies for one in found],
        "modulation": [one.modulation for one in found],
        **{
            f"snr {name}": [one.snr.classes[name] for one in found] for name in found[0].snr.classes
        },
    }
    values: Values = {f"{prefix}{key}": float(np.mean(column)) for key, column in columns.items()}
    if len(found) > 1:
        deviations = {key: float(np.std(columns[key], ddof=1)) for key in FIGURES}
        values |= {f"{prefix}{key} sd": deviation for key, deviation in deviations.items()}
    return values


def _original(sound: str) -> tuple[Sound, float]:
    samples, rate = soundfile.read(research_file(f"sounds11k/{sound}.wav"))
    return samples, float(rate)


def _by_sound(rows: Mapping[str, Values], key: str) -> str:
    lines = [["", *SOUNDS.values(), "mean"]]
    for title, (case, prefix) in ROWS.items():
        of_sounds = [rows.get(f"{sound} {case}", {}) for sound in SOUNDS]
        numbers = [float(of[prefix + key]) for of in of_sounds if prefix + key in of]
        mean = _number(key, float(np.mean(numbers))) if len(numbers) == len(SOUNDS) else "–"
        lines.append([title, *(_cell(of, prefix, key) for of in of_sounds), mean])
    return markdown(lines)


def _cell(values: Values, prefix: str, key: str) -> str:
    if prefix + key not in values:
        return "not run"
    number = _number(key, float(values[prefix + key]))
    deviation = values.get(f"{prefix}{key} sd")
    return number if deviation is None else f"{number} ± {_number(key, float(deviation))}"


def _number(key: str, value: float) -> str:
    return f"{value:.2f}" if key == "copies" else f"{value:.1f}"


def _by_class(rows: Mapping[str, Values]) -> str:
    classes = [name for name in Statistics._fields if name != "power"]
    lines = [["", *(name.replace("_", " ") for name in classes)]]
    for title, (case, prefix) in ROWS.items():
        of_sounds = [rows.get(f"{sound} {case}", {}) for sound in SOUNDS]
        keys = [f"{prefix}snr {name}" for name in classes]
        columns = [[float(of[key]) for of in of_sounds if key in of] for key in keys]
        complete = all(len(column) == len(of_sounds) for column in columns)
        cells = [f"{np.mean(column):.0f}" if complete else "–" for column in columns]
        lines.append([title, *cells])
    return markdown(lines)
