"""The real data of the experiments, split once and for all into training and test examples.

All come from the research sets beside the repository (see their README), which are not part of the
project: an experiment whose data are missing is skipped, and says so.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_runtime.errors import CoopError
from coop_trainer.data.images import read_idx

__all__ = ["DATA", "SETS", "Split", "research_file", "split"]

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

#: Image sets by name.
SETS = ("faces64", "cifar10", "fashion", "mnist", "scenes64")

Pixels = NDArray[np.uint8]
Labels = NDArray[np.uint8]


def research_file(name: str) -> Path:
    """Find a file of the research data, as ``clips64/flag.npz``.

    Raises
    ------
    CoopError
        It is not there.
    """
    path = DATA / name
    if not path.is_file():
        folder = f"{DATA.parent.name}/{DATA.name}"
        raise CoopError(
            f"research data are missing: expected {name} in {folder} beside the repository"
        )
    return path


@dataclass(frozen=True)
class Split:
    """Training and test pictures of a set, (n, height, width, channels), with labels if it has any.

    Labels are empty where a set has none.
    """

    train: Pixels
    test: Pixels
    train_labels: Labels
    test_labels: Labels

    def thinned(self, n: int | None) -> "Split":
        """Give at most n pictures of training and of test, evenly spaced: some sets are sorted."""
        train, test = (
            slice(None, None, -(-len(x) // n) if n else 1) for x in (self.train, self.test)
        )
        return Split(
            self.train[train], self.test[test], self.train_labels[train], self.test_labels[test]
        )


@cache
def split(name: str) -> Split:
    """Read a set and split it, always alike.

    Fashion-MNIST, MNIST and CIFAR-10 come split. Of the faces, the last 1,000 are test examples; of
    the scenes, sorted by class, every sixth.

    Raises
    ------
    CoopError
        The data are not there.
    """
    none = np.zeros(0, np.uint8)
    if name in ("fashion", "mnist"):
        folder, test = {
            "fashion": ("fashion_mnist", "t10k_first5000"),
            "mnist": ("mnist", "t10k_0000-1499"),
        }[name]
        pictures, labels = (
            [
                read_idx(research_file(f"{folder}/{part}-{kind}-ubyte.gz"))
                for part in ("train", test)
            ]
            for kind in ("images-idx3", "labels-idx1")
        )
        return Split(pictures[0][..., None], pictures[1][..., None], *labels)
    if name == "cifar10":
        train, test_part = (
            _npz(f"cifar10/cifar10_{part}.npz")
            for part in ("train_00000-09999", "val_train45000-45999")
        )
        return Split(train["images"], test_part["images"], train["labels"], test_part["labels"])
    if name == "faces64":
        images = _npz("faces64/celeba64_000001-005000.npz")["images"]
        return Split(images[:4000], images[4000:], none, none)
    if name == "scenes64":
        whole = _npz("scenes64/intel_scenes64_public.npz")
        test_ones = np.arange(len(whole["images"])) % 6 == 5
        images, labels = whole["images"], whole["labels"]
        return Split(images[~test_ones], images[test_ones], labels[~test_ones], labels[test_ones])
    raise CoopError(f"unknown set '{name}'; expected one of {', '.join(SETS)}")


def _npz(name: str) -> dict[str, Any]:
    with np.load(research_file(name)) as arrays:
        return {key: arrays[key] for key in arrays.files}
