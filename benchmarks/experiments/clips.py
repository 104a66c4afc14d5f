"""Dynamic textures: our drafts and refined clips against the linear dynamic texture.

Clips of 64×64 pixels: fire_pot, waterfall_curtain, flag, boiling_water. CoopNets and alternating
back-propagation learn each for 7 minutes of processor time, with seeds 0, 1 and 2 (0 if quick). Of
each, drafts and clips refined by the card's steps, and by others, are drawn as long as the original
from these seeds and compared with the whole of it; the null value is one half of the original
against the other, and of copied frames an eighth of it against what is clear of it in time. The
peer learns from the same clip, with 20 and with 50 states. Papers show pictures of clips, no
numbers.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

import coop_runtime
from coop_eval.clip_copies import copied_frames, copied_frames_real
from coop_eval.clips import ClipDistances, compare, null
from coop_eval.peers import dynamic_texture
from coop_eval.subject import from_model
from coop_runtime import Array
from tables import markdown

from .rows import Case, Scale, Values
from .sources import research_file
from .spread import by_seed, over_seeds
from .steps import STATES, states

__all__ = ["TITLE", "cases", "table"]

TITLE = "Clips: dynamic textures (triangle, section 4.1.5; Spatial-Temporal CoopNets)"

_CLIPS = ("fire_pot", "waterfall_curtain", "flag", "boiling_water")
_WAYS = (("coopnets", "drafts"), ("coopnets", "refined"), ("abp", "drafts"))
_STATES = (20, 50)
_MINUTES = 7.0
_UNITS = {
    "brightness": "brightness",
    "contrast": "contrast",
    "pixels": "pixels",
    "spectrum": "spectrum, dB",
    "patches": "patches, SW",
    "change": "change, dB",
    "temporal_spectrum": "spectrum in time, dB",
    "autocorrelation": "autocorrelation in time",
    "cuboids": "blocks in time, SW",
    "copied": "copied frames",
}


def cases(scale: Scale) -> list[Case]:
    """List the rows: of each clip its null value, the peer, and our methods."""
    found = []
    for clip in _CLIPS:
        found.append(Case(f"{clip} null", (), partial(_null, clip)))
        found += [
            Case(f"{clip} linear {n} states", (), partial(_peer, clip, n, scale.seeds))
            for n in _STATES
        ]
        for method, way in _WAYS:
            for seed in scale.seeds:
                training = scale.training("clips", f"clips64/{clip}.npz", method, _MINUTES, seed)
                name, measure = f"{clip} {method} {way}", partial(_ours, clip, way, scale)
                found.append(Case(f"{name} seed {seed}", (training,), measure))
    return found


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the rows, a table for each clip; the smallest distance is the best."""
    names = by_seed(case.name for case in cases(scale))
    tables = []
    for clip in _CLIPS:
        lines = []
        for case, of in names.items():
            if case.split()[0] != clip:
                continue
            title = case.removeprefix(f"{clip} ")
            lines.append([title, *_cells(rows, of)])
            lines += [
                [f"{title}, {state} steps", *_cells(rows, of, f"{state} ")]
                for state in STATES
                if any(f"{state} pixels" in rows.get(name, {}) for name in of)
            ]
        tables.append(markdown([[clip, *_UNITS.values()], *lines]))
    return "\n\n".join(tables)


def _cells(rows: Mapping[str, Values], names: Sequence[str], prefix: str = "") -> list[str]:
    return [
        over_seeds(rows, names, f"{prefix}{key}", 2 if "dB" in unit else 4)
        for key, unit in _UNITS.items()
    ]


def _original(clip: str) -> Array:
    with np.load(research_file(f"clips64/{clip}.npz")) as content:
        frames = content["frames"]
    levels: Array = frames.transpose(3, 0, 1, 2).astype(np.float32) / np.float32(255)
    return levels


def _null(clip: str) -> Values:
    original = _original(clip)
    return {**null(original)._asdict(), "copied": copied_frames_real(original)}


def _peer(clip: str, states: int, seeds: tuple[int, ...]) -> Values:
    original = _original(clip)
    texture = dynamic_texture.learn(original, states)
    frames = original.shape[1]
    drawn = (dynamic_texture.synthesise(texture, frames, np.random.default_rng(s)) for s in seeds)
    return _summary([_distances(clip, original) for clip in drawn])


def _ours(clip: str, way: str, scale: Scale, bundle: Path) -> Values:
    """Judge drafts; or refined clips, and, with the steps before names, those of other lengths."""
    original = _original(clip)
    found: dict[str, list[dict[str, float]]] = {}
    with coop_runtime.load(bundle, device="cpu", threads=1) as model:
        for seed in scale.seeds:
            drawn = {"": model.generate(1, seed, size=original.shape[1:])}
            if way == "refined":
                after = states(model, drawn[""], seed, scale.steps)
                drawn[""] = model.refined(drawn[""], seed=seed).x
                drawn |= {f"{state} ": x for state, x in after.items()}
            for prefix, x in drawn.items():
                distances = _distances(from_model(x, model), original)
                found.setdefault(prefix, []).append(distances)
    values: Values = {}
    for prefix, of_seeds in found.items():
        values |= {f"{prefix}{key}": value for key, value in _summary(of_seeds).items()}
    return values


def _distances(sample: Array, original: Array) -> dict[str, float]:
    distances: ClipDistances = compare(sample, original)
    return {**distances._asdict(), "copied": copied_frames(sample, original)}


def _summary(found: list[dict[str, float]]) -> Values:
    """Give the means over seeds, with standard deviations if there are several."""
    values: Values = {key: float(np.mean([f[key] for f in found])) for key in found[0]}
    if len(found) > 1:
        values |= {f"{key} sd": float(np.std([f[key] for f in found], ddof=1)) for key in found[0]}
    return values
