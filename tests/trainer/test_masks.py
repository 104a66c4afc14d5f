from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from coop_runtime import CoopError
from coop_trainer.data import MASKS, Signals, draw_masks, hide, load_masks

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 8, 6, 3), dtype=np.uint8)
HOLES = RNG.random((4, 8, 6)) < 0.3


def images() -> Signals:
    return Signals("images", ("set",), (IMAGES,), (0.0, 255.0))


@pytest.mark.parametrize(("name", "share"), [("P.5", 0.5), ("P.7", 0.7), ("P.9", 0.9)])
def test_salt_and_pepper_hides_its_share_of_the_pixels(name: str, share: float) -> None:
    seen = draw_masks(name, 20, (64, 64), seed=3)
    assert seen.shape == (20, 64, 64, 1)
    sd = (share * (1 - share) / seen.size) ** 0.5
    assert abs((~seen).mean() - share) < 5 * sd
    together = (~seen[:, :, 1:] & ~seen[:, :, :-1]).mean()  # neighbours are independent
    assert abs(together - share**2) < 0.01
    assert draw_masks(name, 2, (3, 4, 5), seed=0).shape == (2, 3, 4, 5, 1)


@pytest.mark.parametrize(("name", "side"), [("B20", 20), ("B30", 30)])
def test_one_block_anywhere(name: str, side: int) -> None:
    hidden = ~draw_masks(name, 500, (64, 40), seed=0)[..., 0]
    tops, lefts = hidden.any(2).argmax(1), hidden.any(1).argmax(1)
    assert (hidden.sum((1, 2)) == side**2).all()
    for top, left, mask in zip(tops, lefts, hidden, strict=True):
        assert mask[top : top + side, left : left + side].all()
    assert (tops.min(), tops.max()) == (0, 64 - side)
    assert (lefts.min(), lefts.max()) == (0, 40 - side)


def test_ten_blocks_may_overlap() -> None:
    hidden = (~draw_masks("MB10", 200, (64, 64), seed=0)).sum((1, 2, 3))
    assert 100 < hidden.min() < hidden.max() <= 1000
    along = np.minimum(np.minimum(np.arange(1, 65), np.arange(64, 0, -1)), 10) / 55
    expected = (1 - (1 - np.outer(along, along)) ** 10).sum()
    assert hidden.mean() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", MASKS)
def test_the_seed_decides_and_the_count_does_not(name: str) -> None:
    few, many = draw_masks(name, 3, (64, 64), seed=1), draw_masks(name, 9, (64, 64), seed=1)
    np.testing.assert_array_equal(few, many[:3])
    assert (few != draw_masks(name, 3, (64, 64), seed=2)).any()


@pytest.mark.parametrize("name", MASKS)
def test_small_letters_name_the_same_mask(name: str) -> None:
    large = Signals("images", ("x",), (np.zeros((2, 32, 32, 1), np.uint8),), (0.0, 255.0))
    one, other = (hide(large, n, 0).seen for n in (name, name.lower()))
    np.testing.assert_array_equal(one, other)


def test_masks_that_do_not_fit() -> None:
    for name, shape in (("B30", (64, 28)), ("MB10", (9, 9)), ("B20", (30, 64, 64))):
        with pytest.raises(
            CoopError, match=f"mask {name} hides .* found {'x'.join(map(str, shape))}"
        ):
            draw_masks(name, 1, shape, seed=0)
    with pytest.raises(CoopError, match=r"no mask 'P5'; expected one of P\.5"):
        draw_masks("P5", 1, (64, 64), seed=0)


def test_mask_files_hold_what_is_missing(tmp_path: Path) -> None:
    np.savez(tmp_path / "only.npz", holes=HOLES.astype(np.uint8))
    np.savez(tmp_path / "two.npz", masks=HOLES, other=HOLES[:1])
    np.save(tmp_path / "white.npy", HOLES.astype(np.uint8) * 255)
    np.save(tmp_path / "channel.npy", HOLES[..., None].astype(np.float32))
    (tmp_path / "set").mkdir()
    for k, hole in enumerate(HOLES):
        Image.fromarray(hole).save(tmp_path / "set" / f"{k}.png")
    for name in ("only.npz", "only.npz:holes", "two.npz", "white.npy", "channel.npy", "set"):
        seen = load_masks(str(tmp_path / name), 4, (8, 6))
        assert seen.dtype == np.bool_
        np.testing.assert_array_equal(seen[..., 0], ~HOLES)
    for name in ("two.npz:other", "set/0.png"):
        seen = load_masks(str(tmp_path / name), 4, [8, 6])
        np.testing.assert_array_equal(seen[..., 0], np.stack([~HOLES[0]] * 4))
    np.testing.assert_array_equal(
        load_masks(str(tmp_path / "set"), 1, (4, 8, 6))[0, ..., 0], ~HOLES
    )


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (HOLES[:3], r"of shape \(4, 8, 6\), or \(8, 6\) for all, found \(3, 8, 6\)"),
        (HOLES[:, :5], r"found \(4, 5, 6\)"),
        (HOLES * 7, "found other values"),
        (np.full((8, 6), np.nan), "found other values"),
        (np.full((8, 6), "a"), "found other values"),
    ],
)
def test_mask_files_that_do_not_fit(tmp_path: Path, array: Any, message: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(CoopError, match=message) as caught:
        load_masks(str(tmp_path / "x.npy"), 4, (8, 6))
    assert "x.npy" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mask_files_that_cannot_be_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=HOLES, b=HOLES)
    with pytest.raises(CoopError, match="no array 'masks', only a, b"):
        load_masks(str(tmp_path / "x.npz"), 4, (8, 6))
    with pytest.raises(CoopError, match="no array 'c'"):
        load_masks(str(tmp_path / "x.npz:c"), 4, (8, 6))
    with pytest.raises(CoopError, match="cannot be read"):
        load_masks(str(tmp_path / "nothing.npy"), 4, (8, 6))
    with pytest.raises(CoopError, match="no such file"):
        load_masks(str(tmp_path / "nothing.png"), 4, (8, 6))
    for k, shape in enumerate([(8, 6), (6, 8)]):
        Image.new("L", shape).save(tmp_path / f"{k}.png")
    with pytest.raises(CoopError, match="masks of several shapes"):
        load_masks(str(tmp_path), 2, (8, 6))


def test_hidden_values_do_not_leak() -> None:
    seen = ~HOLES[..., None]
    masked = images().with_masks([seen])
    device = torch.device("cpu")
    (x,), (whole,), masks = masked.tensors(device), images().tensors(device), masked.masks(device)
    assert masks is not None
    (mask,) = masks
    assert (mask.shape, mask.dtype) == ((4, 1, 8, 6), torch.float32)
    assert torch.equal(x, torch.where(mask == 1, whole, 0))
    others = np.where(seen, IMAGES, 255 - IMAGES)  # differ only where nobody looks
    again = Signals("images", ("set",), (others,), (0.0, 255.0)).with_masks([seen])
    assert masked.to_npz() == again.to_npz()
    assert images().masks(device) is None


def test_masked_data_are_stored_and_read_back() -> None:
    masked = images().with_masks([~HOLES[..., None]])
    again = Signals.from_npz(masked.to_npz())
    assert masked.seen is not None
    assert again.seen is not None
    np.testing.assert_array_equal(again.seen[0], masked.seen[0])
    np.testing.assert_array_equal(again.arrays[0], masked.arrays[0])


def test_hidden_sound_is_silent() -> None:
    sound = np.linspace(-0.5, 0.5, 9, dtype=np.float32).reshape(1, 9, 1)
    masked = Signals("sound", ("a",), (sound,), (-0.5, 0.5), 8000.0).with_masks([sound > 0])
    assert masked.arrays[0].dtype == np.float32
    assert masked.arrays[0].ravel().tolist() == [0, 0, 0, 0, 0, 0.125, 0.25, 0.375, 0.5]


def test_masks_are_validated() -> None:
    seen = ~HOLES[..., None]
    for wrong in ([seen[:3]], [seen, seen], [seen.astype(np.uint8)], []):
        with pytest.raises(CoopError, match="masks: expected bool arrays") as caught:
            images().with_masks(wrong)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    with pytest.raises(CoopError, match="nothing is observed"):
        images().with_masks([np.zeros_like(seen)])
    with pytest.raises(CoopError, match="masked already"):
        images().with_masks([seen]).with_masks([seen])
