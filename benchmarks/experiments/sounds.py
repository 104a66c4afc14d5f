"""Sounds that are new, and like the one that they were learned from; the papers show pictures only.

Each model learns one of six sounds (5 s at 11,025 Hz) for 6 minutes, preset ``quick``, by
`coopnets` and by `abp`, with each seed of the scale; of each training 5 s are drawn with each of
these seeds, and `coopnets`' drafts are also refined, by the card's number of steps and by others.
Measured are the statistics of McDermott and Simoncelli (2011) as SNR against the original, the
distance of modulation spectra and the share of near-copied grains (`coop_eval.sounds.likeness`),
for the peers of `coop_eval.peers.sounds` too, and for one half of the original against the other:
what the sound itself reaches. The reduced scale takes fewer iterations of the statistics'
imposition, and fewer steps.
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
from .spread import by_seed, over_seeds
from .steps import STATES, states

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
#: Further rows of the tables by sound.
AFTER = {f"CoopNets, {state} steps": ("coopnets", f"{state} ") for state in STATES}
FIGURES = {
    "snr": "SNR of the statistics, dB, larger is better (ours must be ≥ 10 and above random phase)",
    "copies": "Share of near-copied grains of 50 ms (ours must be ≤ 0.05)",
    "modulation": "Distance of modulation spectra, dB, smaller is better",
}

Sound = NDArray[np.floating]
Names = Mapping[str, Sequence[str]]
"""Names of rows by what those of several seeds share."""


def cases(scale: Scale) -> list[Case]:
    """Give a row for each sound and peer, and for each training."""
    found = []
    for sound in SOUNDS:
        found.append(Case(f"{sound} signal", (), _signal(sound)))
        found += [Case(f"{sound} {peer}", (), _peer(sound, peer, scale)) for peer in PEERS]
        for method in METHODS:
            for seed in scale.seeds:
                training = scale.training("sound", f"sounds11k/{sound}.wav", method, MINUTES, seed)
                name = f"{sound} {method} seed {seed}"
                found.append(Case(name, (training,), _model(sound, scale)))
    return found


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out a table for each figure, and one of the SNR by class."""
    names = by_seed(case.name for case in cases(scale))
    parts = [f"{title}:\n\n{_by_sound(rows, names, key)}" for key, title in FIGURES.items()]
    parts.append(f"SNR by class of statistics, mean of the sounds, dB:\n\n{_by_class(rows, names)}")
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
                after = states(model, draft, seed, scale.steps)
                drawn |= {f"{state} ": x for state, x in after.items()}
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


def _by_sound(rows: Mapping[str, Values], names: Names, key: str) -> str:
    digits = 2 if key == "copies" else 1
    lines = [["", *SOUNDS.values(), "mean"]]
    for title, (case, prefix) in (ROWS | AFTER).items():
        of_sounds = [names[f"{sound} {case}"] for sound in SOUNDS]
        cells = [over_seeds(rows, of, prefix + key, digits) for of in of_sounds]
        lines.append([title, *cells, _mean(rows, of_sounds, prefix + key, digits)])
    return markdown(lines)


def _by_class(rows: Mapping[str, Values], names: Names) -> str:
    classes = [name for name in Statistics._fields if name != "power"]
    lines = [["", *(name.replace("_", " ") for name in classes)]]
    for title, (case, prefix) in ROWS.items():
        of_sounds = [names[f"{sound} {case}"] for sound in SOUNDS]
        cells = [_mean(rows, of_sounds, f"{prefix}snr {name}", 0) for name in classes]
        lines.append([title, *cells])
    return markdown(lines)


def _mean(
    rows: Mapping[str, Values], of_sounds: Sequence[Sequence[str]], figure: str, digits: int
) -> str:
    """Give the mean of the sounds of the mean of their seeds, if every sound was measured."""
    found = [
        [float(rows[name][figure]) for name in names if figure in rows.get(name, {})]
        for names in of_sounds
    ]
    return f"{np.mean([np.mean(of) for of in found]):.{digits}f}" if all(found) else "–"
