"""Chapters on what a model of pictures draws: how good, how new, and what its energy says."""

import numpy as np

from coop_runtime import Model

from ..charts import energy_chart, grid
from ..pictures.diversity import Memorised
from ..pictures.features import Classifier, classifier
from ..pictures.quality import Quality, Report, report
from ..report import Cell, Picture, Section, Table
from .asked import Ask, Real
from .needs import real_pictures

__all__ = ["generation"]

_SHOWN = 36


def generation(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Judge drafts and refined samples by test pictures; look for copies; compare energies.

    Raises
    ------
    CoopError
        What the model learned from is not known, or there are too few pictures.
    """
    train, test = real_pictures(real)
    ask.tell("training a classifier")
    classes = (real.train_labels, real.labels)
    named = classes if all(of is not None for of in classes) else (None, None)
    features = classifier(ask.cache / "classifier.npz", train, test, *named, seed=ask.seed)
    ask.tell(f"drawing {ask.samples} samples, refining and judging them")
    found = report(model, features, train, test, n=ask.samples, seed=ask.seed, others=real.other)
    sections = [_quality(found, len(test)), _copies(found, train)]
    return [*sections, _energies(found)] if found.energies else sections


def _quality(found: Report, tests: int) -> Section:
    rows: list[list[Cell]] = [
        [_state(steps), *_figures(quality)] for steps, quality in found.quality.items()
    ]
    shown = {0: found.samples[min(found.samples)], 1: found.samples[found.own_steps]}
    return Section(
        "generation",
        "Generation",
        f"{len(shown[0])} samples against {tests} unseen pictures, in the features of a classifier "
        f"that was trained on the spot (SHA-256 {found.features.sha256[:16]}…) and names "
        f"{_named(found.features)} of unseen pictures. Real pictures in the place of samples are "
        "the yardstick: no model is expected to be nearer.",
        [
            Table(
                "Kernel distance × 1000 with its deviation, Fréchet distance, sliced Wasserstein "
                "distance of patches (mean of all scales): lower is better. Precision, recall, "
                "density, coverage: higher. SSIM of pairs: lower is more diverse "
                f"(unseen pictures: {found.test_similarity:.3f}).",
                ["samples", "kernel", "±", "Fréchet", "sliced", *_COVERAGE, "SSIM"],
                [*rows, ["real pictures", *_figures(found.real)]],
            )
        ],
        [
            Picture("drafts", "Drafts.", grid(shown[0][:_SHOWN])),
            Picture(
                "samples",
                f"After the {found.own_steps} steps that the model's card asks for.",
                grid(shown[1][:_SHOWN]),
            ),
        ],
        {
            "classifier": {
                "sha256": found.features.sha256,
                "accuracy": found.features.accuracy,
                "damage_accuracy": found.features.damage_accuracy,
            },
            "real": _data(found.real),
            "steps": {str(steps): _data(quality) for steps, quality in found.quality.items()},
        },
    )


def _named(features: Classifier) -> str:
    damage = f"the damage of {features.damage_accuracy:.0%}"
    return (
        damage if features.accuracy is None else f"the class of {features.accuracy:.0%}, {damage}"
    )


def _copies(found: Report, train: np.ndarray) -> Section:
    kinds = {"pixels": found.memorised_pixels, "features": found.memorised_features}
    own = found.samples[found.own_steps]
    order = np.argsort(found.memorised_pixels.samples.distances)[:12]
    nearest = train[found.memorised_pixels.samples.indices[order]]
    return Section(
        "copies",
        "Nearest training pictures",
        "The distance of each sample from the nearest training picture, beside that of unseen real "
        "pictures: samples that are much nearer would be copies.",
        [
            Table(
                "Share of samples nearer than all but a few unseen pictures are; quotient of the "
                "median distances, 1 for real pictures.",
                ["distance of", "share", "quotient"],
                [[name, kind.share, kind.ratio] for name, kind in kinds.items()],
            )
        ],
        [
            Picture(
                "nearest",
                "The twelve samples that are nearest to a training picture; below, that picture.",
                grid(np.concatenate([own[order], nearest]), columns=len(order)),
            )
        ],
        {name: _copied(kind) for name, kind in kinds.items()},
    )


def _energies(found: Report) -> Section:
    assert found.energies is not None  # noqa: S101  asked before
    auroc = found.energies.auroc
    return Section(
        "energies",
        "Energies",
        "What the descriptor makes of unseen pictures, of those it learned from, of the model's "
        "own samples, of noise and of other pictures.",
        [
            Table(
                "AUROC: the probability that such a picture has more energy than an unseen one; "
                "0.5 cannot be told apart, 1 always is.",
                ["pictures", "AUROC"],
                list(auroc.items()),
            )
        ],
        [Picture("energies", "Histograms of the energies.", energy_chart(found.energies.of))],
        {"auroc": auroc},
    )


_COVERAGE = ("precision", "recall", "density", "coverage")


def _state(steps: int) -> str:
    return f"after {steps} steps" if steps else "drafts"


def _figures(quality: Quality) -> list[Cell]:
    return [
        1000 * quality.kernel.mean,
        1000 * quality.kernel.deviation,
        quality.frechet,
        float(np.mean(list(quality.sliced.values()))),
        *quality.coverage,
        quality.similarity,
    ]


def _data(quality: Quality) -> dict[str, object]:
    return {
        "kernel": quality.kernel._asdict(),
        "frechet": quality.frechet,
        "sliced": quality.sliced,
        "coverage": quality.coverage._asdict(),
        "similarity": quality.similarity,
    }


def _copied(kind: Memorised) -> dict[str, float]:
    return {"share": kind.share, "ratio": kind.ratio}
