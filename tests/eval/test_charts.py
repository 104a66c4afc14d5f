"""Charts are PNG files of what they were given."""

import io

import numpy as np
import pytest
from PIL import Image

from coop_eval.charts import energy_chart, grid
from coop_runtime import CoopError


def test_a_grid_holds_each_picture_in_its_place() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 32)).astype(np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(grid((x / 255).astype(np.float32), 3, gap=1))))
    assert sheet.shape == (2 * 9, 2 * 98, 3)  # each pixel of small pictures is shown as 2×2
    np.testing.assert_array_equal(sheet[::2, ::2][5:9, 33:65], x[4].transpose(1, 2, 0))
    assert (sheet[::2, ::2][4] == 255).all()


def test_a_grid_of_grey_pictures_is_grey() -> None:
    sheet = Image.open(io.BytesIO(grid(np.zeros((2, 1, 4, 64), np.float32), 12)))
    assert (sheet.mode, sheet.size) == ("L", (130, 4))


def test_a_chart_of_energies_is_a_picture_with_a_line_for_each_kind() -> None:
    rng = np.random.default_rng(0)
    chart = energy_chart({"test": rng.standard_normal(50), "noise": 5 + rng.standard_normal(50)})
    image = Image.open(io.BytesIO(chart))
    assert image.format == "PNG"
    colours = {c for _, c in image.convert("RGB").getcolors(2**24) or []}
    assert {(31, 119, 180), (255, 127, 14)} <= colours


def test_what_are_no_pictures_is_refused() -> None:
    with pytest.raises(CoopError, match="1 or 3 channels"):
        grid(np.zeros((2, 2, 4, 4), np.float32))
