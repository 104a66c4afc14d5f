"""Holes: squares, the trainer's masks, irregular ones."""

import numpy as np
import pytest

from coop_eval.filling.holes import holes, irregular
from coop_runtime import CoopError
from coop_trainer.data import draw_masks


@pytest.mark.parametrize("side", [20, 30, 40, 50])
def test_a_square_of_that_side_lies_anywhere_within_each_picture(side: int) -> None:
    missing = holes(f"M{side}", 300, (64, 64), seed=3)
    assert missing.shape == (300, 1, 64, 64)
    rows, columns = missing[:, 0].any(axis=2), missing[:, 0].any(axis=1)
    assert (rows.sum(axis=1) == side).all()
    assert (columns.sum(axis=1) == side).all()
    assert (missing.sum(axis=(1, 2, 3)) == side**2).all()
    assert set(rows.argmax(axis=1)) == set(range(64 - side + 1))


def test_a_mask_depends_on_the_seed_and_its_place_alone() -> None:
    np.testing.assert_array_equal(holes("M30", 3, (64, 64), 1), holes("M30", 9, (64, 64), 1)[:3])
    assert (holes("M30", 3, (64, 64), 1) != holes("M30", 3, (64, 64), 2)).any()


@pytest.mark.parametrize("name", ["P.5", "MB10", "B20"])
def test_masks_of_training_are_those_of_the_trainer(name: str) -> None:
    seen = draw_masks(name, 4, (64, 64), 5)
    np.testing.assert_array_equal(holes(name, 4, (64, 64), 5)[:, 0], ~seen[..., 0])


def test_irregular_masks_are_those_given_mirrored_or_not() -> None:
    given = np.zeros((2, 4, 6), np.uint8)
    given[0, 0, 0] = given[1, 2, 1] = 1
    missing = irregular(given, 40, seed=0)
    assert missing.shape == (40, 1, 4, 6)
    assert missing.dtype == np.bool_
    kinds = {tuple(np.argwhere(mask[0])[0].tolist()) for mask in missing}
    assert kinds == {(0, 0), (0, 5), (2, 1), (2, 4)}


@pytest.mark.parametrize("name", ["M64", "M0", "X30", "m30", "B30"])
def test_a_hole_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(CoopError):
        holes(name, 1, (64, 64) if name != "B30" else (16, 16))


def test_masks_of_other_values_are_refused() -> None:
    with pytest.raises(CoopError, match="0 and 1"):
        irregular(np.full((1, 2, 2), 7), 1)
