"""Pattern completion of unseen faces: CoopNets 2016, Table 1, and 2018, section 5.3 and Table 2.

Squares of 20, 30, 40 and 50 pixels at random places of 64×64 test faces, and irregular strokes; 100
faces as in 2016, one mask each. All models have the same inference, but for σ, which is their
card's: 4 chains from N(0, I), 40 Langevin steps and 20 without noise. This was chosen on training
faces, with dual MCMC teaching at M30, where the papers' 1,000 steps fit the known pixels better
(0.089 for 0.095, root mean square) but change the error in the hole by 1 % only; σ = 0.15 for 0.3
does no better, 1 worse; the start from an encoder, which not all models have, gains up to 5 % of
one chain's error. Models learn from 4,000 faces in 6 minutes of one processor; the paper's 10,000
faces and its time are not comparable, and its test faces are others.

Four estimates come from the same chains: the suggestion that explains the known pixels best, as
``coop-run complete`` gives; the mean of the four, which estimates the posterior mean; this mean
blended with the known pixels (Poisson editing), which the paper does not do; and, as a bound, the
suggestion nearest to the original.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from coop_eval.filling.completion import Inferring, Judged, blended, judge, suggest
from coop_eval.filling.holes import Mask, holes, irregular
from coop_eval.peers.inpainting import PEERS
from coop_eval.subject import Floats, unit_pictures
from coop_runtime import load
from tables import markdown

from .rows import Case, Scale, Values
from .sources import research_file, split
from .spread import over_seeds

TITLE = "Completion of faces"

METHODS = ("coopnets", "triangle", "mcmc-triangle", "abp", "vae", "gan")
HOLES = ("M20", "M30", "M40", "M50", "irregular")
FACES = 100
ESTIMATES = ("best", "mean", "mean, blended", "oracle")
FIGURES = {
    "error": "Error per hidden pixel, relative to the range; less is better",
    "psnr": "PSNR of the hidden pixels, dB; more is better",
    "ssim": "SSIM of the whole picture; more is better",
    "seam": "Seam: steps across the hole's border relative to the original's; 1 is best",
}

#: The papers' numbers; of the interpolations the best one of each hole.
PAPERS = {
    "error": {
        "paper 2016: CoopNets": {"M20": 0.0966, "M30": 0.1112, "M40": 0.1184},
        "paper 2016: GAN": {"M20": 0.2535, "M30": 0.2606, "M40": 0.2618},
        "paper 2016: best interpolation": {"M20": 0.1123, "M30": 0.1310, "M40": 0.1525},
        "paper 2018: CoopNets": {"M30": 0.115, "M40": 0.124, "M50": 0.136},
        "paper 2018: DCGAN": {"M30": 0.211, "M40": 0.212, "M50": 0.214},
        "paper 2018: best interpolation": {"M30": 0.120, "M40": 0.135, "M50": 0.164},
        "paper 2018: MRF": {"M30": 0.132, "M40": 0.148, "M50": 0.178},
    },
    "psnr": {
        "paper 2018: CoopNets": {"M30": 16.893, "M40": 16.098, "M50": 15.105},
        "paper 2018: DCGAN": {"M30": 12.116, "M40": 11.984, "M50": 11.890},
        "paper 2018: best interpolation": {"M30": 16.665, "M40": 15.698, "M50": 14.164},
        "paper 2018: MRF": {"M30": 15.739, "M40": 14.834, "M50": 13.313},
    },
}


def cases(scale: Scale) -> list[Case]:
    """List the models, a row each and seed, and the peers."""
    count = min(FACES, scale.examples)
    models = [
        Case(
            f"{method} seed {seed}",
            (scale.images("faces64", method, seed),),
            partial(measure_model, count, inference(scale)),
        )
        for method in METHODS
        for seed in scale.seeds
    ]
    return models + [Case(name, (), partial(measure_peer, count, name)) for name in PEERS]


def inference(scale: Scale) -> Inferring:
    """Give how latents are inferred: 4 chains; fewer where little is spent."""
    return Inferring(chains=4 if scale.examples >= FACES else 2)


def measure_model(count: int, how: Inferring, bundle: Path) -> Values:
    """Complete the first ``count`` test faces by a model."""
    model = load(bundle, "cpu", 1)

    def estimates(x: Floats, missing: Mask) -> dict[str, Floats]:
        done = suggest(model, x, missing, how)
        mixed = blended(x, missing, done.drafts.mean(axis=1))
        found = (done.best, done.mean, mixed, done.oracle(x, missing))
        return dict(zip(ESTIMATES, found, strict=True))

    return _judged(count, estimates)


def measure_peer(count: int, name: str) -> Values:
    """Complete the first ``count`` test faces by a peer."""
    return _judged(count, lambda x, missing: {"": PEERS[name](x, missing)})


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out a table for each figure."""
    parts = []
    for figure, caption in FIGURES.items():
        lines = [["", *HOLES]]
        lines += [
            [name, *(f"{numbers[h]:g}" if h in numbers else "" for h in HOLES)]
            for name, numbers in PAPERS.get(figure, {}).items()
        ]
        lines += [[name, *_cells(rows, [name], "", figure)] for name in PEERS]
        for method in METHODS:
            runs = [f"{method} seed {seed}" for seed in scale.seeds]
            lines += [
                [f"{method}: {estimate}", *_cells(rows, runs, estimate, figure)]
                for estimate in ESTIMATES
            ]
        parts.append(f"{caption}.\n\n{markdown(lines)}")
    how = inference(scale)
    legend = (
        f"Of {how.chains} chains from N(0, I): *best* explains the known pixels best, *mean* is "
        "their mean, *blended* without a seam, *oracle* the one nearest to the original, which no "
        f"method can know. {min(FACES, scale.examples)} test faces, {how.steps} Langevin steps and "
        f"{how.settle} without noise; ± is over the seeds that were run."
    )
    return "\n\n".join([legend, *parts])


def _judged(count: int, fill: Callable[[Floats, Mask], dict[str, Floats]]) -> Values:
    x, values = unit_pictures(split("faces64").test[:count]), Values()
    for hole in HOLES:
        missing = _missing(hole, len(x))
        for estimate, completed in fill(x, missing).items():
            judged: Judged = judge(x, completed, missing)
            for figure, value in judged._asdict().items():
                values[f"{hole} {estimate} {figure}"] = value
    return values


def _missing(hole: str, count: int) -> Mask:
    """Give the masks of the test faces; those of training are of other seeds."""
    if hole != "irregular":
        return holes(hole, count, (64, 64), seed=2018)
    with np.load(research_file("masks/irregular_masks.npz")) as arrays:
        return irregular(arrays["mask64"], count, seed=2018)


def _cells(rows: Mapping[str, Values], names: list[str], estimate: str, figure: str) -> list[str]:
    digits = 2 if figure == "psnr" else 4
    return [over_seeds(rows, names, f"{hole} {estimate} {figure}", digits) for hole in HOLES]
