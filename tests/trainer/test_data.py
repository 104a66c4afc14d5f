from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from coop_runtime import CoopError
from coop_trainer.data import BUILT_IN, Kind, Signals, load_texture

RAMP = np.arange(20 * 24, dtype=np.uint16).reshape(20, 24)


def save(path: Path, image: Image.Image) -> str:
    image.save(path)
    return str(path)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_pictures(name: str) -> None:
    pictures = load_texture([name], size=128, crop=64)
    assert pictures.arrays[0].shape == (1, 128, 128, 1)
    x = pictures.tensors(torch.device("cpu"))[0]
    assert x.min().item() == -1
    assert x.max().item() == pytest.approx(1, abs=1e-6)


def test_sixteen_bit_grey_keeps_its_shape(tmp_path: Path) -> None:
    path = save(tmp_path / "deep.png", Image.fromarray(RAMP * 136))
    pictures = load_texture([path], size=None, crop=16)
    assert pictures.channels == 1
    expected = np.clip(RAMP * 136 * (255 / 65535) + 0.5, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(pictures.arrays[0][0, ..., 0], expected)


def test_alpha_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:, 10:, 3] = 255  # left half transparent, right half black
    pictures = load_texture([save(tmp_path / "a.png", Image.fromarray(rgba))], size=None, crop=8)
    assert pictures.channels == 3
    assert pictures.arrays[0][0, 0, 0].tolist() == [255] * 3
    assert pictures.arrays[0][0, 0, 15].tolist() == [0] * 3


def test_grey_with_alpha_stays_grey(tmp_path: Path) -> None:
    la = np.dstack([np.tile(np.arange(20, dtype=np.uint8), (20, 1)), np.full((20, 20), 255)])
    path = save(tmp_path / "la.png", Image.fromarray(la.astype(np.uint8), "LA"))
    assert load_texture([path], size=None, crop=8).channels == 1


def test_palette_and_one_bit_pictures_work(tmp_path: Path) -> None:
    levels = (RAMP % 256).astype(np.uint8)
    palette = Image.fromarray(levels).convert("RGB").convert("P")
    assert load_texture([save(tmp_path / "p.png", palette)], size=None, crop=8).channels == 3
    one_bit = Image.fromarray(levels).convert("1")
    assert load_texture([save(tmp_path / "b.png", one_bit)], size=None, crop=8).channels == 1


def test_one_colour_picture_makes_all_colour(tmp_path: Path) -> None:
    grey = save(tmp_path / "g.png", Image.fromarray((RAMP % 256).astype(np.uint8)))
    rgb = np.random.default_rng(0).integers(0, 255, (30, 20, 3), dtype=np.uint8)
    colour = save(tmp_path / "c.png", Image.fromarray(rgb))
    pictures = load_texture([grey, colour], size=None, crop=16)
    assert [a.shape[3] for a in pictures.arrays] == [3, 3]
    assert pictures.names == ("g.png", "c.png")


def test_size_scales_the_shorter_side(tmp_path: Path) -> None:
    path = save(tmp_path / "wide.png", Image.fromarray((RAMP % 256).astype(np.uint8)))
    assert load_texture([path], size=40, crop=16).arrays[0].shape == (1, 40, 48, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (None, "no such picture"),
        (b"hello", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture"),
        (Image.new("L", (1, 1)), "1x1"),
        (Image.new("L", (12, 30)), "smaller than the training crop"),
        (Image.new("L", (30, 30), 7), "one single grey level"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_one_line(
    tmp_path: Path, make: Image.Image | bytes | None, message: str
) -> None:
    path = tmp_path / "x.png"
    if isinstance(make, bytes):
        path.write_bytes(make)
    elif make is not None:
        make.save(path)
    with pytest.raises(CoopError, match=message) as caught:
        load_texture([str(path)], size=None, crop=16)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(CoopError, match="it is a folder"):
        load_texture([str(tmp_path)], size=None, crop=16)


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CoopError, match="not a picture"):
        load_texture([str(path)], size=None, crop=16)


def test_one_pixel_is_refused_whatever_the_size(tmp_path: Path) -> None:
    path = save(tmp_path / "one.png", Image.new("L", (1, 1)))
    with pytest.raises(CoopError, match="1x1"):
        load_texture([path], size=256, crop=64)


@pytest.mark.parametrize(
    ("kind", "shapes", "message"),
    [
        ("texture", [(1, 8, 8)], "expected uint8 arrays with 2 spatial axes"),
        ("texture", [(1, 8, 8, 1), (1, 8, 8, 3)], "equal channels"),
        ("clips", [(1, 8, 8, 3)], "3 spatial axes"),
        ("images", [(0, 8, 8, 3)], "expected uint8"),
        ("images", [], "expected uint8"),
        ("sound", [(1, 8, 1)], "expected float32"),
        ("smell", [(1, 8, 1)], "expected one of"),
    ],
)
def test_arrays_that_are_no_training_data(
    kind: Kind, shapes: list[tuple[int, ...]], message: str
) -> None:
    arrays = tuple(np.zeros(shape, np.uint8) for shape in shapes)
    with pytest.raises(CoopError, match=message):
        Signals(kind, ("a",), arrays, (0.0, 255.0))


@pytest.mark.parametrize("ends", [(0.0, 0.0), (1.0, 0.0), (0.0, np.inf), (np.nan, 1.0)])
def test_ranges_that_are_none(ends: tuple[float, float]) -> None:
    with pytest.raises(CoopError, match="expected a range"):
        Signals("images", ("a",), (np.zeros((1, 4, 4, 1), np.uint8),), ends)
