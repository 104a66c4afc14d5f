"""How good the pictures of a model are, before and after refinement by its descriptor."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coop_runtime import Array, CoopError, Model

from ..energy.energies import Energies, energies
from ..refinement import STEPS, after_steps, own_steps
from .coverage import Coverage, coverage
from .diversity import Memorised, memorised, pairwise_similarity
from .features import Classifier, check_pictures
from .frechet import frechet
from .kernel import KernelDistance, kernel_distance
from .sliced import multiscale_sliced

__all__ = ["Quality", "Report", "quality", "report", "states"]

#: Pictures that take their steps together.
_BATCH = 50
#: Samples whose nearest training examples are looked for, and pictures of each kind of energies.
_LOOKED_UP = 500


class Quality(NamedTuple):
    """How like real pictures some are.

    Attributes
    ----------
    kernel, frechet
        Distances of features; see `kernel_distance`, `frechet`.
    sliced
        By the height of the level; see `multiscale_sliced`.
    coverage
        Precision, recall, density and coverage of features.
    similarity
        Mean structural similarity of pairs.
    """

    kernel: KernelDistance
    frechet: float
    sliced: dict[int, float]
    coverage: Coverage
    similarity: float


@dataclass(frozen=True)
class Report:
    """What is known of a model of pictures.

    Attributes
    ----------
    features
        Whose figures these are: its accuracies and hash belong to them.
    samples
        Pictures (n, channels, height, width) in [0, 1] after so many Langevin steps. Those of a
        model without a generator were noise at step 0, those of one without an energy took none.
    quality
        Of the samples, by their steps, against the test pictures.
    real
        The null: as many training pictures in the place of samples. A model that gave its training
        pictures back would have these figures.
    test_similarity
        Mean structural similarity of pairs of test pictures.
    own_steps
        Steps that the model's card asks for.
    memorised_pixels, memorised_features
        Training pictures nearest to the samples after these steps, or the nearest number of steps.
    energies
        Of ``test``, ``train``, ``generated``, ``noise`` and other pictures; None: no energy.
    """

    features: Classifier
    samples: dict[int, Array]
    quality: dict[int, Quality]
    real: Quality
    test_similarity: float
    own_steps: int
    memorised_pixels: Memorised
    memorised_features: Memorised
    energies: Energies | None

    @property
    def best_steps(self) -> int:
        """Steps after which the kernel distance is least."""
        return min(self.quality, key=lambda steps: self.quality[steps].kernel.mean)


def report(
    model: Model,
    features: Classifier,
    train: Array,
    test: Array,
    *,
    n: int = 1000,
    steps: Iterable[int] = STEPS,
    noise: bool | None = None,
    seed: int = 0,
    others: Mapping[str, Array] | None = None,
) -> Report:
    """Draw pictures, refine them in one chain each, and judge them at some of its states.

    Parameters
    ----------
    model
        Of pictures: with a generator, an energy, or both.
    features
        Trained on ``train``; see `coop_eval.pictures.features.classifier`.
    train, test
        Real pictures (m, channels, height, width) in [0, 1], of the model's size.
    n
        Samples, ≥ 8.
    steps
        Numbers of Langevin steps; those of the model's card are added.
    noise
        Whether steps add noise; None: as the card says.
    seed
        Of samples and of all that is chosen.
    others
        Pictures of other things by name, of the same shape, whose energies are compared too.

    Raises
    ------
    CoopError
        Pictures that are not the model's, or too few.
    """
    check_pictures("train", train)
    check_pictures("test", test)
    _check_size(model, train, test)
    drawn = states(model, n, {*steps, own_steps(model)}, seed, noise)
    reference = features.features(test)
    some = np.random.default_rng(seed).permutation(len(train))[:n]
    judged = {
        k: quality(x, test, features, reference=reference, seed=seed) for k, x in drawn.items()
    }
    own = drawn[own_steps(model)][:_LOOKED_UP]
    held_out = test[:_LOOKED_UP]
    learned = features.features(train)
    has_energy = "energy" in model.card.graphs
    return Report(
        features=features,
        samples=drawn,
        quality=judged,
        real=quality(train[some], test, features, reference=reference, seed=seed),
        test_similarity=pairwise_similarity(test, seed=seed),
        own_steps=own_steps(model),
        memorised_pixels=memorised(own, held_out, train),
        memorised_features=memorised(features.features(own), reference[:_LOOKED_UP], learned),
        energies=_energies(model, own, train[some], held_out, others) if has_energy else None,
    )


def states(
    model: Model, n: int, steps: Iterable[int], seed: int = 0, noise: bool | None = None
) -> dict[int, Array]:
    """Draw n pictures and take Langevin steps, with the card's settings; keep some states.

    A model without a generator starts from the noise that its card names, as its own sampler does.

    Parameters
    ----------
    model
        Of pictures.
    n
        ≥ 1.
    steps
        Numbers of steps, ≥ 0, after which states are kept; of a model without an energy only 0 is.
    seed, noise
        As in `Model.generate`, `Model.refine`.

    Returns
    -------
    Pictures (n, channels, height, width) in [0, 1], by number of steps, in ascending order.
    """
    wanted = sorted({*steps} if "energy" in model.card.graphs else {0})
    draw = model.noise if model.card.latent is None else model.generate
    parts: dict[int, list[Array]] = {step: [] for step in wanted}
    for first in range(0, n, _BATCH):
        x = draw(min(_BATCH, n - first), seed, first=first)
        for step, state in after_steps(model, x, wanted, seed, noise=noise, first=first).items():
            parts[step].append(state)
    low, high = model.card.signal.value_range
    return {
        step: np.clip((np.concatenate(x) - low) / (high - low), 0, 1) for step, x in parts.items()
    }


def quality(
    samples: Array,
    real: Array,
    features: Classifier,
    *,
    reference: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Quality:
    """Judge pictures by real ones.

    Parameters
    ----------
    samples, real
        (n, channels, height, width) and (m, channels, height, width) in [0, 1].
    features
        What features are compared.
    reference
        Features of ``real``, if they are known.
    seed
        Of subsets, places, directions and pairs.
    """
    theirs = features.features(real) if reference is None else reference
    ours = features.features(samples)
    return Quality(
        kernel_distance(ours, theirs, seed=seed),
        frechet(ours, theirs),
        multiscale_sliced(samples, real, seed=seed),
        coverage(theirs, ours),
        pairwise_similarity(samples, seed=seed),
    )


def _energies(
    model: Model, own: Array, train: Array, test: Array, others: Mapping[str, Array] | None
) -> Energies:
    noise = np.random.default_rng(0).random(test.shape, np.float32)
    kinds = {"test": test, "train": train[:_LOOKED_UP], "generated": own, "noise": noise}
    return energies(model, kinds | {k: x[:_LOOKED_UP] for k, x in (others or {}).items()})


def _check_size(model: Model, *sets: Array) -> None:
    signal = model.card.signal
    shape = signal.channels, *signal.trained_shape
    for pictures in sets:
        if pictures.shape[1:] != shape:
            raise CoopError(
                f"pictures: expected those of the model, {shape}, found {pictures.shape[1:]}; "
                "give the set that it has learned"
            )
