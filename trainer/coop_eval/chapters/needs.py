"""What chapters need besides a model: asked of all of them before any is begun."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from coop_runtime import CoopError

from .asked import Ask, Floats, Labels, Real

__all__ = ["check_needs", "classes", "incomplete_run", "real_pictures", "starts"]

#: Pictures of a kind without which nearest neighbours of features cannot be counted.
_FEWEST = 6


def check_needs(chapters: Iterable[str], real: Real, ask: Ask) -> None:
    """Check that chapters can be written.

    Raises
    ------
    CoopError
        What one of them needs is missing.
    """
    for name in chapters:
        if name in _OF:
            _OF[name](real, ask)


def real_pictures(real: Real) -> tuple[Floats, Floats]:
    """Give what a model of pictures learned from, and what it has not seen; for `generation`."""
    if real.train is None:
        raise CoopError(
            "generation: give --train, the pictures that the model learned from (a run knows its "
            "own), or --only completion"
        )
    train, test = real.train[0], real.test[0]
    for option, pictures in (("--data", test), ("--train", train)):
        if len(pictures) < _FEWEST:
            raise CoopError(
                f"generation: expected at least {_FEWEST} pictures in {option}, found "
                f"{len(pictures)}; give more, or --only completion"
            )
    return train, test


def starts(real: Real, ask: Ask) -> Floats:
    """Give the pictures that `landscape` starts from."""
    x = real.test[0][: ask.examples]
    if len(x) < 2:
        raise CoopError("landscape: expected at least two pictures; give more, or more --examples")
    return x


def incomplete_run(real: Real, ask: Ask) -> tuple[Path, Floats]:
    """Give the run of incomplete pictures, and the originals; for `recovery`."""
    if ask.run is None:
        raise CoopError("recovery: give a run of incomplete pictures; a bundle does not keep them")
    if real.train is None:
        raise CoopError(
            "recovery: give --train, the originals that the run learned from with holes, in their "
            "order"
        )
    return ask.run, real.train[0]


def classes(real: Real) -> tuple[Floats, Labels, Labels]:
    """Give what a model learned from, its classes, and those of the test pictures; `features`."""
    if real.labels is None or real.train_labels is None or real.train is None:
        raise CoopError(
            "features: give --labels and --train-labels, the classes of --data and of --train"
        )
    return real.train[0], real.train_labels, real.labels


_OF: Mapping[str, Callable[[Real, Ask], object]] = {
    "generation": lambda real, _: real_pictures(real),
    "landscape": starts,
    "recovery": incomplete_run,
    "features": lambda real, _: classes(real),
}
