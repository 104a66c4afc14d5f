"""What a few labels are worth on learned features: a linear classifier on top of them.

Slides "Cooperative learning" (Wu), table of features: the error of an L2-SVM trained on features
that were learned without labels, with 1,000, 2,000 and 4,000 labels. The protocol is that of
Radford, Metz, Chintala: "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", ICLR 2016, section 5.1, which Gao et al. ("Learning Generative ConvNets via
Multi-grid Modeling and Sampling", CVPR 2018) follow: the activations of all layers, the largest
within each cell of a 4×4 grid, side by side.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn

from coop_runtime import Array, CoopError
from coop_trainer.build import build_networks
from coop_trainer.nets import Descriptor
from coop_trainer.nets.growing import Growing
from coop_trainer.start import resume

__all__ = [
    "Probe",
    "descriptor_features",
    "descriptor_of",
    "l2_svm",
    "labelled",
    "principal_components",
    "probe",
]

Labels = NDArray[np.integer]
Numbers = NDArray[np.intp]
Values = NDArray[np.float64]

#: The settings of the SVM that are tried on the labelled examples.
_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
_FOLDS = 3
_ITERATIONS = 100
#: A feature that varies less is left out.
_CONSTANT = 1e-7
_BATCH = 100


class Probe(NamedTuple):
    """How well a linear classifier does on features.

    Attributes
    ----------
    error
        Share of test examples that are classified wrongly.
    penalty
        C of the SVM that was chosen.
    validation
        Its error on labelled examples that were held out, in the mean over folds.
    """

    error: float
    penalty: float
    validation: float


def probe(
    train: Array,
    train_labels: Labels,
    test: Array,
    test_labels: Labels,
    *,
    penalties: Sequence[float] = _PENALTIES,
    seed: int = 0,
) -> Probe:
    """Train an L2-SVM on labelled features and count its errors on others.

    Features are standardised by the labelled examples, then divided by the root of their number, so
    that one range of C fits all kinds of features. C is chosen on the labelled examples alone, by
    cross-validation in three folds.

    Parameters
    ----------
    train, test
        Features (n, entries).
    train_labels, test_labels
        (n,); at least three examples of each label to train on.
    penalties
        C that are tried.
    seed
        Of the folds.

    Raises
    ------
    CoopError
        Features and labels do not go together.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1], [0], [1], [0], [1]]), np.array([0, 1] * 3)
    >>> probe(x, y, x, y).error
    0.0
    """
    if (len(train), len(test)) != (len(train_labels), len(test_labels)):
        raise CoopError("probe: expected a label for each example")
    if np.unique(train_labels, return_counts=True)[1].min() < _FOLDS:
        raise CoopError(f"probe: expected at least {_FOLDS} labelled examples of each class")
    folds = np.random.default_rng(seed).permutation(len(train)) % _FOLDS
    held_out = np.zeros(len(penalties))
    for fold in range(_FOLDS):
        seen = folds != fold
        within = train[seen], train_labels[seen], train[~seen], train_labels[~seen]
        held_out += [_error(*within, penalty) / _FOLDS for penalty in penalties]
    best = int(held_out.argmin())
    error = _error(train, train_labels, test, test_labels, penalties[best])
    return Probe(error, penalties[best], float(held_out[best]))


def l2_svm(x: Array, labels: Labels, C: float) -> tuple[Values, Labels]:
    """Fit ½‖w‖² + C Σ max(0, 1 − y w·x)² for each class against the others.

    The same minimum as scikit-learn's ``LinearSVC`` finds coordinate by coordinate; found for all
    classes at once by L-BFGS, which takes seconds instead of minutes for thousands of features.

    Parameters
    ----------
    x, labels
        (n, entries) and (n,); an offset is one more entry of 1.
    C
        > 0.

    Returns
    -------
    w (entries, classes) and the classes.
    """
    classes = np.unique(labels)
    y = np.where(labels[:, None] == classes, 1, -1).astype(x.dtype)

    def objective(flat: Values) -> tuple[float, Values]:
        w = flat.reshape(x.shape[1], -1)
        short = np.maximum(0, 1 - y * (x @ w.astype(x.dtype)))
        value = 0.5 * np.square(w).sum() + C * np.square(short, dtype=float).sum()
        return float(value), (w - 2 * C * (x.T @ (y * short))).ravel()

    start = np.zeros(x.shape[1] * len(classes))
    found = minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}
    )
    return found.x.reshape(x.shape[1], -1), classes


def _error(
    train: Array, train_labels: Labels, test: Array, test_labels: Labels, penalty: float
) -> float:
    """Train on one part, count errors on the other; features as `probe` scales them."""
    mean, spread = train.mean(0), train.std(0)
    scale = np.where(spread > _CONSTANT, spread, np.inf) * np.sqrt(train.shape[1])

    def scaled(x: Array) -> Array:
        return np.concatenate([(x - mean) / scale, np.ones((len(x), 1), x.dtype)], 1)

    w, classes = l2_svm(scaled(train).astype(np.float32), train_labels, penalty)
    return float((classes[(scaled(test) @ w).argmax(1)] != test_labels).mean())


def labelled(labels: Labels, count: int, rng: np.random.Generator) -> Numbers:
    """Choose examples whose labels may be looked at: as many of each class, (count,).

    Raises
    ------
    CoopError
        There are too few of a class, or ``count`` is no multiple of the number of classes.

    Examples
    --------
    >>> labelled(np.array([3, 4, 3, 4, 3]), 4, np.random.default_rng(0)).tolist()
    [1, 2, 3, 4]
    """
    classes, found = np.unique(labels, return_counts=True)
    each, rest = divmod(count, len(classes))
    if rest or each < 1 or each > found.min():
        raise CoopError(
            f"labelled: expected a multiple of {len(classes)} up to {found.min() * len(classes)}, "
            f"found {count}"
        )
    chosen = [rng.choice(np.flatnonzero(labels == c), each, replace=False) for c in classes]
    return np.sort(np.concatenate(chosen))


def principal_components(fit: Array, number: int) -> Callable[[Array], Array]:
    """Give the map from pictures (n, …) to their first principal components (n, number).

    ``fit``: pictures that they are those of; no labels are needed, so all training pictures.
    """
    from sklearn.decomposition import PCA

    pca = PCA(number, svd_solver="randomized", random_state=0).fit(fit.reshape(len(fit), -1))

    def components(x: Array) -> Array:
        found: Array = pca.transform(x.reshape(len(x), -1)).astype(np.float32)
        return found

    return components


def descriptor_of(run: Path, *, trained: bool = True, seed: int = 0) -> Descriptor:
    """Give the descriptor of a run of ``coop-train`` as it has been learned so far.

    Parameters
    ----------
    run
        A folder of coop-train; it is not changed.
    trained
        False: as it was before anything was learned, with other random weights.
    seed
        Of these.

    Raises
    ------
    CoopError
        No run there, nothing learned yet, or a method without a descriptor.
    """
    training, _, learned = resume(run, torch.device("cpu"), writing=False)
    if learned is None:
        raise CoopError(f"{run}: nothing learned yet (no checkpoint); train first")
    descriptor = training.averaged().descriptor
    if descriptor is None:
        raise CoopError(f"{run}: {training.config.method} learns no descriptor")
    if not trained:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            descriptor = build_networks(training.config, training.signals).descriptor
        assert descriptor is not None  # noqa: S101  the method learns one
    return descriptor.eval()


def descriptor_features(descriptor: Descriptor, pictures: Array, *, grid: int = 4) -> Array:
    """Give the activations of all layers but the last, pooled.

    Parameters
    ----------
    descriptor
        Of pictures of this size.
    pictures
        (n, channels, height, width) within [0, 1].
    grid
        Cells along each side, of each of which the largest activation is taken; maps that are
        smaller than the grid are taken as they are.

    Returns
    -------
    (n, filters of all layers × grid²), float32.

    Raises
    ------
    CoopError
        A descriptor of other signals than pictures, or one that grows.
    """
    if descriptor.dims != 2 or isinstance(descriptor, Growing):
        raise CoopError("features: expected a descriptor of pictures that does not grow")
    maps: list[Tensor] = []
    convolutions = [m for column in descriptor.columns for m in _convolutions(column)[1:]]

    def note(module: nn.Module, given: tuple[Any, ...]) -> None:
        """Keep what a convolution is given: the activations of the layer below."""
        h: Tensor = given[0]
        size = [min(grid, side) for side in h.shape[2:]]
        maps.append(F.adaptive_max_pool2d(h, size).flatten(1))

    hooks = [module.register_forward_pre_hook(note) for module in convolutions]
    features = []
    try:
        with torch.inference_mode():
            for k in range(0, len(pictures), _BATCH):
                maps.clear()
                descriptor(2 * torch.from_numpy(pictures[k : k + _BATCH]) - 1)
                features.append(torch.cat(maps, 1).numpy())
    finally:
        for hook in hooks:
            hook.remove()
    return np.concatenate(features)


def _convolutions(column: nn.Module) -> list[nn.Module]:
    return [module for module in column.modules() if isinstance(module, nn.Conv2d)]
