"""Textures: new pictures of the same texture, not copies (CoopNets, section 5.1; pictures only).

A model learns each texture from its one photograph of 224×224 pixels (textures224), in six minutes
of a processor's time, once with each seed of the scale; drafts and samples refined by the card's
number of steps, and by others, are compared with the photograph. Every figure has its null value,
of the photograph's quadrants against the rest of it. Claims: statistics within 1.25 of the real
crops' and no more than 0.05 more copies.

Peers, from the same photograph: random phase; image quilting, with blocks of 36; synthesis by
Portilla and Simoncelli's statistics, which are those that the distance is of, so it has learned
from the examiner; and Gram matrices of random filters. Their settings are plenoptic's and their
papers' or, as each says, cheaper ones that are no worse, with a tenth of the steps at quick; the
last two, which take a minute or two, make one picture, so MS-SSIM between samples has nothing to
compare.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import coop_runtime
from coop_eval.peers.texture_gram import STEPS as GRAM_STEPS
from coop_eval.peers.texture_gram import gram_matching
from coop_eval.peers.texture_phase import periodic_component, random_phase
from coop_eval.peers.texture_quilting import image_quilting
from coop_eval.peers.texture_synthesis import STEPS as SYNTHESIS_STEPS
from coop_eval.peers.texture_synthesis import portilla_simoncelli
from coop_eval.subject import from_model
from coop_eval.textures.figures import TextureFigures, TextureReference
from coop_trainer.data import load_texture
from tables import markdown

from .rows import Case, Scale, Values
from .sources import research_file
from .spread import by_seed, over_seeds
from .steps import STATES, has_noise, states

__all__ = ["TITLE", "cases", "table"]

TITLE = "Textures: new, and not copies"

TEXTURES = (
    "brick_grey", "grass_grey", "hex_stones", "pebbles", "reptile_skin_grey", "rusted_paint",
    "water_caustics",
)  # fmt: skip
#: Further methods, each on these textures.
FURTHER = {"abp": ("pebbles",), "triangle": ("brick_grey", "pebbles")}
SIDE = 224
MINUTES = 6.0
#: Most that samples may exceed the real crops by: a factor, and a share of copied patches.
STATISTICS, COPIES = 1.25, 0.05

Picture = NDArray[np.float64]
Peer = Callable[[Picture, np.random.Generator], Picture]


def cases(scale: Scale) -> list[Case]:
    """Give a case for each texture and method, and for each texture and peer."""
    pairs = [(name, "coopnets") for name in TEXTURES]
    pairs += [(name, method) for method, of in FURTHER.items() for name in of]
    found = []
    for name, method in pairs:
        for seed in scale.seeds:
            source, options = f"textures224/{name}.png", ("--size", str(SIDE))
            training = scale.training("texture", source, method, MINUTES, seed, options)
            samples = 3 if scale.name == "full" else 2
            measure = partial(measure_model, name, method, samples, scale.steps)
            found.append(Case(f"{name} {method} seed {seed}", (training,), measure))
    for name in TEXTURES:
        for label, peer, samples in peers(scale):
            found.append(Case(f"{name} {label}", (), partial(measure_peer, name, peer, samples)))
    return found


def peers(scale: Scale) -> list[tuple[str, Peer, int]]:
    """Give the peers: name, synthesis, and how many pictures there is time for."""
    part = 1.0 if scale.name == "full" else 0.1

    def phase(picture: Picture, rng: np.random.Generator) -> Picture:
        return random_phase(periodic_component(picture), rng)

    def quilting(picture: Picture, rng: np.random.Generator) -> Picture:
        return image_quilting(picture, (SIDE, SIDE), rng).astype(np.float64)

    def statistics(picture: Picture, rng: np.random.Generator) -> Picture:
        return portilla_simoncelli(picture, rng, steps=round(SYNTHESIS_STEPS * part))

    def gram(picture: Picture, rng: np.random.Generator) -> Picture:
        return gram_matching(picture, (SIDE, SIDE), rng, steps=round(GRAM_STEPS * part))

    return [
        ("random phase", phase, 3),
        ("quilting", quilting, 3),
        ("statistics", statistics, 1),
        ("random filters", gram, 1),
    ]


def photograph(name: str) -> Picture:
    """Read a photograph as training does, (channels, height, width) in [0, 1]; grey has one."""
    source = str(research_file(f"textures224/{name}.png"))
    levels = load_texture([source], size=SIDE, crop=SIDE).arrays[0][0] / 255.0
    picture: Picture = np.moveaxis(levels, -1, 0)
    if np.array_equal(picture, picture[:1].repeat(len(picture), 0)):
        return picture[:1]
    return picture


def measure_model(name: str, method: str, samples: int, steps: int, bundle: Path) -> Values:
    """Measure drafts and refined samples of a model against the photograph it learned from."""
    noisy = has_noise(method)
    return measure_bundle(photograph(name), samples, steps, bundle, noisy=noisy)


def measure_bundle(
    picture: Picture, samples: int, steps: int, bundle: Path, *, noisy: bool = True
) -> Values:
    """Measure drafts of a bundle, its samples, and those of up to so many steps, on a picture."""
    reference = TextureReference.of(picture)
    model = coop_runtime.load(bundle)
    drafts = model.generate(samples, seed=0, size=picture.shape[1:])
    found = values(reference.figures(pictures(model, drafts, len(picture))), "draft ")
    if "energy" in model.card.graphs:
        refined = {"": model.refined(drafts, seed=0).x}
        after = states(model, drafts, 0, steps, noisy=noisy)
        refined |= {f"{state} ": x for state, x in after.items()}
        for prefix, x in refined.items():
            found |= values(reference.figures(pictures(model, x, len(picture))), prefix)
    else:  # abp has no descriptor: its drafts are its samples
        found |= {key.removeprefix("draft "): value for key, value in found.items()}
    return found | values(reference.real, "real ")


def measure_peer(name: str, peer: Peer, samples: int) -> Values:
    """Measure what a peer makes of a photograph."""
    picture = photograph(name)
    reference = TextureReference.of(picture)
    made = [np.clip(peer(picture, np.random.default_rng(seed)), 0, 1) for seed in range(samples)]
    return values(reference.figures(made), "") | values(reference.real, "real ")


def pictures(model: coop_runtime.Model, x: coop_runtime.Array, channels: int) -> list[Picture]:
    """Give a model's pictures in [0, 1], (channels, …); grey is the mean of a colour model's."""
    levels = from_model(x, model).astype(np.float64)
    return list(levels if levels.shape[1] == channels else levels.mean(1, keepdims=True))


def values(figures: TextureFigures, prefix: str) -> Values:
    """Name figures for a row."""
    return {f"{prefix}{key}": value for key, value in figures._asdict().items()}


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out a table with a line per texture and method, then say which claims hold."""
    head = (
        "texture", "method", "PS distance", "÷ real crops", "drafts", "copied", "− real's",
        "sliced W", "real's", "MS-SSIM", "real's",
    )  # fmt: skip
    body, kept = [], []
    for case, names in by_seed(case.name for case in cases(scale)).items():
        name, _, method = case.partition(" ")
        if not (measured := {key: rows[key] for key in names if key in rows}):
            body.append([name, method, "not run", *[""] * (len(head) - 3)])
            continue
        body.append([name, method, *_cells(measured)])
        if method == "coopnets":
            kept.append((name, _mean(_ratio, measured), _mean(_excess, measured)))
    return "\n".join([markdown([head, *body]), "", *_verdict(kept), "", _by_steps(rows, scale)])


def _by_steps(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the figures of drafts and of samples after so many steps."""
    head = ["texture", "method", "steps", "PS ÷ real crops", "copied", "sliced W", "MS-SSIM"]
    lines = []
    for case, names in by_seed(case.name for case in cases(scale)).items():
        measured = [rows[name] for name in names if name in rows]
        runs = [row for row in measured if f"{STATES[0]} statistics" in row]
        for state in ("draft", *STATES):
            if runs and f"{state} statistics" in runs[0]:
                steps = state.replace("draft", "0")
                lines.append([*case.split(" ", 1), steps, *_after(runs, state)])
    caption = (
        "Drafts (0 steps) and samples after so many steps; *quiet* ones add no noise. Runs that "
        "were measured before this was looked at are not among them."
    )
    return f"{caption}\n\n{markdown([head, *lines])}"


def _after(runs: Sequence[Values], state: str) -> list[str]:
    of = {str(number): row for number, row in enumerate(runs)}
    real = float(runs[0]["real statistics"])
    figures = {
        "statistics": (2, 1 / real), "copied": (3, 1), "wasserstein": (3, 1), "ms_ssim": (2, 1),
    }  # fmt: skip
    return [
        over_seeds(of, list(of), f"{state} {figure}", digits, factor)
        for figure, (digits, factor) in figures.items()
    ]


def _cells(runs: Mapping[str, Values]) -> list[str]:
    """Give the cells of one texture and method, of the runs of all seeds."""
    row = next(iter(runs.values()))  # what is real, and what is missing, is the same in all

    def cell(figure: str, digits: int, factor: float = 1) -> str:
        return over_seeds(runs, list(runs), figure, digits, factor)

    return [
        cell("statistics", 2),
        cell("statistics", 2, 1 / float(row["real statistics"])),
        cell("draft statistics", 2) if "draft statistics" in row else "–",
        cell("copied", 3),
        f"{_mean(_excess, runs):+.3f}",
        cell("wasserstein", 3),
        f"{row['real wasserstein']:.3f}",
        cell("ms_ssim", 2),
        "–" if isnan(float(row["real ms_ssim"])) else f"{row['real ms_ssim']:.2f}",
    ]


def _mean(figure: Callable[[Values], float], runs: Mapping[str, Values]) -> float:
    return float(np.mean([figure(row) for row in runs.values()]))


def _ratio(row: Values) -> float:
    return float(row["statistics"]) / float(row["real statistics"])


def _excess(row: Values) -> float:
    return float(row["copied"]) - float(row["real copied"])


def _verdict(found: Sequence[tuple[str, float, float]]) -> list[str]:
    """Say on how many textures CoopNets' samples meet each claim, and where they do not."""
    if not found:
        return ["CoopNets: not run."]
    far = [name for name, ratio, _ in found if ratio > STATISTICS]
    copied = [name for name, _, excess in found if excess > COPIES]
    return [
        f"CoopNets: PS distance ≤ {STATISTICS} × the real crops' on {len(found) - len(far)} of "
        f"{len(found)} textures{_but(far)}; copied share ≤ the real crops' + {COPIES} on "
        f"{len(found) - len(copied)} of {len(found)}{_but(copied)}."
    ]


def _but(names: Sequence[str]) -> str:
    return f" (not on {', '.join(names)})" if names else ""
