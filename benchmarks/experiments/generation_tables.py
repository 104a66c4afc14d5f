"""The tables of `generation`: a view for each claim, and all figures of each set."""

from collections.abc import Mapping

from coop_eval.refinement import STEPS
from tables import markdown

from .chosen import with_chosen
from .rows import Scale, Values
from .spread import over_seeds
from .trainings import METHODS

__all__ = ["LONGER", "OTHER", "SETS", "row_name", "table", "yardstick_name"]

SETS = ("fashion", "cifar10", "faces64", "scenes64")
#: Whose pictures are the other data that energies are compared on.
OTHER = {"fashion": "mnist", "cifar10": "faces64", "faces64": "scenes64", "scenes64": "faces64"}
#: What was done to the real pictures of the yardsticks.
YARDSTICKS = {"blurred": "blurred by [1 2 1]", "noisy": "with noise of 5 % of the range"}
#: Steps that a descriptor alone is given besides those of all.
LONGER = (300, 500)

#: Inception scores of CoopNets 2018, Table 1, n = 1100; of the triangle paper's and the slides'
#: tables, FIDs.
SCENES_IS = {"coopnets": "3.79 ± .15", "abp": "2.61 ± .06", "descriptor": "1.51 ± .02 (PCD)"}
CELEBA_FID = {"triangle": "31.92", "coopnets": "56.57", "vae": "99.09", "gan": "38.39 (DCGAN)"}
SLIDES = {"cifar10": ("35.25", "33.61"), "faces64": ("16.98", "16.65")}

COLUMNS = {
    "frechet": ("Fréchet", 1.0, 1),
    "sliced": ("sliced ×10³", 1e3, 1),
    "precision": ("precision", 1.0, 2),
    "recall": ("recall", 1.0, 2),
    "density": ("density", 1.0, 2),
    "coverage": ("coverage", 1.0, 2),
    "similarity": ("SSIM of pairs", 1.0, 3),
}
HEADS = ["kernel ×10³", *(head for head, _, _ in COLUMNS.values())]


def table(rows: Mapping[str, Values], scale: Scale) -> str:
    """Lay out the three claims, and all figures of each set, also by steps."""
    groups = [_runs(scale, source, method) for source in SETS for method in METHODS]
    for runs in groups:
        rows = {**rows, **with_chosen(rows, runs, ["kernel", *COLUMNS])}
    parts = [
        "Kernel distance ×10³ to test pictures, mean ± standard deviation over seeds; the null is "
        "that of as many training pictures. Samples of a seed are taken after the number of steps, "
        "0 among them, that is best for the other seeds, so that no figure chooses its own steps "
        "(but where there is one seed only); *quiet* steps add no noise. Methods without an energy "
        "(vae, gan, abp) are not refined.",
        "**Cooperative against separate learning**\n\n"
        + _claim(rows, scale, SCENES_IS, "paper: scenes, inception score"),
        "**The triangle against CoopNets and the VAE**\n\n"
        + _claim(
            rows,
            scale,
            {"mcmc-triangle": "–", **CELEBA_FID},
            "paper: CelebA, FID",
        ),
        "**Drafts and refined samples**, kernel distance ×10³ after so many steps; *card*: after "
        "as many as the card asks for, what programs get that do not say; *chosen*: after as many "
        "as are best for the other seeds; *gain*: of how many seeds the samples are nearer than "
        "the drafts, after either\n\n" + _refinement(rows, scale),
    ]
    known = [source for source in SETS if any(row.startswith(f"{source} ") for row in rows)]
    for source in known:
        parts += [_details(rows, scale, source), _by_steps(rows, scale, source)]
    return "\n\n".join(parts)


def row_name(source: str, method: str, seed: int) -> str:
    """Name the row of a bundle."""
    return f"{source} {method} seed {seed}"


def yardstick_name(source: str) -> str:
    """Name the row of a set's blurred and noisy real pictures."""
    return f"{source} yardsticks"


def _runs(scale: Scale, source: str, *methods: str) -> list[str]:
    return [row_name(source, method, seed) for method in methods for seed in scale.seeds]


def _one(rows: Mapping[str, Values], scale: Scale, source: str) -> list[str]:
    """Name one measured row of a set: the null is the same in all."""
    return [run for run in _runs(scale, source, *METHODS) if run in rows][:1]


def _claim(
    rows: Mapping[str, Values], scale: Scale, papers: Mapping[str, str], caption: str
) -> str:
    lines = [["method", *SETS, caption]]
    for method, paper in papers.items():
        cells = (over_seeds(rows, _runs(scale, s, method), "chosen kernel", 0) for s in SETS)
        lines.append([method, *cells, paper])
    null = (over_seeds(rows, _one(rows, scale, s), "null kernel", 0) for s in SETS)
    lines.append(["real pictures (null)", *null, ""])
    for name, how in YARDSTICKS.items():
        cells = (over_seeds(rows, [yardstick_name(s)], f"{name} kernel", 0) for s in SETS)
        lines.append([f"real pictures, {how}", *cells, ""])
    return markdown(lines)


def _refinement(rows: Mapping[str, Values], scale: Scale) -> str:
    steps = [*STEPS, *LONGER]
    ends = ["card (steps)", "chosen (steps for each seed)", "gain: card, chosen"]
    lines = [["set", "method", *(f"{k} steps" for k in steps), *ends]]
    for source in SETS:
        if source in SLIDES:
            before, after = SLIDES[source]
            paper = [f"{before} (FID)", *[""] * (len(steps) - 1), f"{after} (FID)", "", ""]
            lines.append([source, "slides: CoopNets", *paper])
        for method in METHODS:
            runs = [run for run in _runs(scale, source, method) if "10 kernel" in rows.get(run, {})]
            if not runs:
                continue
            noisy = [over_seeds(rows, runs, f"{k} kernel", 0) for k in steps]
            quiet = [over_seeds(rows, runs, f"{k} quiet kernel", 0) for k in steps]
            own = rows[runs[0]]["own steps"]
            ended = [
                f"{over_seeds(rows, runs, f'{own} kernel', 0)} ({own})",
                f"{over_seeds(rows, runs, 'chosen kernel', 0)} ({_chosen_steps(rows, runs)})",
                f"{_gained(rows, runs, str(own))}, {_gained(rows, runs, 'chosen')} of {len(runs)}",
            ]
            named = {method: [*noisy, *ended]}
            if quiet[1:] != noisy[1:]:  # the triangle's chains have no noise
                named[f"{method}, quiet"] = [*quiet, *[""] * len(ends)]
            for name, cells in named.items():
                lines.append([source, name, *("" if c == "not run" else c for c in cells)])
    return markdown(lines)


def _gained(rows: Mapping[str, Values], runs: list[str], state: str) -> int:
    """Count the runs whose samples are nearer to the test pictures than their drafts."""
    return sum(float(rows[run][f"{state} kernel"]) < float(rows[run]["0 kernel"]) for run in runs)


def _chosen_steps(rows: Mapping[str, Values], runs: list[str]) -> str:
    """Tell after how many steps the samples of each seed are judged."""
    return ", ".join(str(rows[run]["chosen steps"]) for run in runs if run in rows)


def _details(rows: Mapping[str, Values], scale: Scale, source: str) -> str:
    kinds = {"auroc noise": "noise", "auroc generated": "generated", "auroc other": OTHER[source]}
    lines = [["method", "steps", *HEADS, "nearer to training", *kinds.values()]]
    everything = _runs(scale, source, *METHODS)
    for method in METHODS:
        runs = _runs(scale, source, method)
        told = [over_seeds(rows, runs, kind, 2) for kind in kinds]
        if any(run in rows and "auroc noise" not in rows[run] for run in runs):
            told = ["–"] * len(kinds)  # it learns no energy
        steps = _chosen_steps(rows, runs) or "–"
        copies = over_seeds(rows, runs, "copies", 2)
        lines.append([method, steps, *_figures(rows, runs, "chosen"), copies, *told])
    null = _figures(rows, _one(rows, scale, source), "null")
    lines.append(["real pictures (null)", "–", *null, "", "", "", ""])
    hashes = {str(rows[run]["features"]) for run in everything if run in rows}
    caption = (
        f"**{source}**, after the number of steps that is best for the other seeds. *Nearer to "
        "training*: share of samples (after the card's steps) nearer to a training picture than "
        "95 % of test pictures are. The last three: AUROC of energies of test pictures against "
        "others. Features: "
        f"{', '.join(sorted(hashes)) or 'not run'}."
    )
    return f"{caption}\n\n{markdown(lines)}"


def _by_steps(rows: Mapping[str, Values], scale: Scale, source: str) -> str:
    lines = [["method", "steps", *HEADS]]
    for method in METHODS:
        runs = _runs(scale, source, method)
        for k in STEPS:
            measured = [run for run in runs if f"{k} kernel" in rows.get(run, {})]
            if measured:
                lines.append([method, str(k), *_figures(rows, measured, str(k))])
    caption = (
        f"**{source}**, drafts (0 steps) and samples after so many steps, with noise (but for the "
        "triangle, whose chains have none); of a descriptor alone drafts are noise."
    )
    return f"{caption}\n\n{markdown(lines)}"


def _figures(rows: Mapping[str, Values], runs: list[str], state: str) -> list[str]:
    """Give the cells below `HEADS`."""
    cells = [
        over_seeds(rows, runs, f"{state} {column}", digits, factor)
        for column, (_, factor, digits) in COLUMNS.items()
    ]
    return [over_seeds(rows, runs, f"{state} kernel", 0), *cells]
