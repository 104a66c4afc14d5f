"""Holes of pictures: what is painted is filled, what is known stays, and files say how."""

import base64
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from coop_apps.run import main
from coop_apps.studio.filling import canvas, painted, told
from coop_apps.studio.ready import learned
from coop_runtime import CoopError, read_card

from .conftest import open_tab, settled, wait_until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Pixels = NDArray[np.uint8]
BRUSH = (233, 30, 99)
# Gives an image of the page as PNG, as it was sent.
PIXELS = """async image => {
    await image.decode();
    const whole = document.createElement("canvas");
    [whole.width, whole.height] = [image.naturalWidth, image.naturalHeight];
    whole.getContext("2d").drawImage(image, 0, 0);
    return whole.toDataURL();
}"""


def upload(folder: Path, size: tuple[int, int] = (48, 40)) -> Path:
    levels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(levels).save(folder / "wall.png")
    return folder / "wall.png"


def pixels(path: Path | str) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_mask_is_what_is_painted() -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    large = canvas(picture)
    assert large.shape == (17 * 20, 17 * 30, 3)
    layer = np.zeros((*large.shape[:2], 4), np.uint8)
    layer[17 * 4 : 17 * 7, 17 * 10 : 17 * 12, 3] = 255
    expected = np.zeros((20, 30), bool)
    expected[4:7, 10:12] = True
    np.testing.assert_array_equal(painted([layer], (20, 30)), expected)
    np.testing.assert_array_equal(painted([], (20, 30)), np.zeros((20, 30), bool))


def test_what_the_model_looks_at_is_said_and_bounded(library: Path) -> None:
    brick, digits = (read_card(library / name) for name in ("brick", "digits"))
    missing = np.zeros((1, 1, 2000, 2000), bool)
    with pytest.raises(CoopError, match="nothing is missing: paint"):
        told(brick, missing)
    missing[..., 900:940, 1000:1020] = True
    assert told(brick, missing) == (16, "The model looked at 52 × 72 pixels around the hole. ")
    assert told(digits, missing)[0] is None
    assert "scaled to the picture's 2000 × 2000" in told(digits, missing)[1]
    missing[..., :1500, :1500] = True
    with pytest.raises(CoopError, match="at most about 768 × 768 are filled at once"):
        told(brick, missing)


def test_what_was_learned_is_cut_out_of_the_sheet(library: Path, tmp_path: Path) -> None:
    card = read_card(library / "digits")
    assert learned(library / "digits", card) == []
    bundle = tmp_path / "digits"
    (bundle / "samples").mkdir(parents=True)
    sheet = np.full((16 + 4 + 16, 3 * 20 - 4), 255, np.uint8)
    sheet[:16, 20:36] = 100
    Image.fromarray(sheet).save(bundle / "samples/sheet.png")
    card.files["samples/sheet.png"] = next(iter(card.files.values()))
    found = learned(bundle, card)
    assert [p.shape for p in found] == [(16, 16, 1)] * 3
    low, high = card.signal.value_range
    assert (found[1] == round((100 / 127.5 - 1 - low) * 255 / (high - low))).all()


def middle(levels: Pixels, height: float, width: float) -> NDArray[np.float64]:
    """Give the mean colours of 4 × 4 parts of the middle of a picture."""
    image, (y, x) = Image.fromarray(levels), (n / 2 for n in levels.shape[:2])
    box = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return np.asarray(image.resize((4, 4), Image.Resampling.BOX, box)).astype(float)


def on_canvas(page: Any) -> Pixels:
    data = page.locator("#inpaint-editor canvas").last.screenshot()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def to_be_painted(page: Any) -> bool:
    """Say whether the canvas shows the picture that was chosen, and no other is on its way."""
    if not settled(page):
        return False
    data = page.locator("#inpaint-picture img").evaluate(PIXELS)
    image = Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB")
    picture, editor = np.asarray(image), page.locator("#inpaint-editor").inner_text()
    half = int(re.findall(r"(\d+)%", editor)[0]) / 100 / 2
    large = canvas(picture).shape
    seen = middle(on_canvas(page), half * large[0], half * large[1])
    expected = middle(picture, picture.shape[0] / 2, picture.shape[1] / 2)
    return bool(np.abs(seen - expected).max() < 20) and settled(page)


def paint(page: Any) -> None:
    """Paint a stroke through the middle of the canvas with the mouse."""
    page.locator("#inpaint-editor canvas").last.scroll_into_view_if_needed()
    wait_until(page, lambda: to_be_painted(page), "the picture is on the canvas")
    box = page.locator("#inpaint-editor canvas").last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 30, y)
    page.mouse.down()
    for k in range(10):
        page.mouse.move(x - 30 + 6 * k, y + k)
    page.mouse.up()

    def is_painted() -> bool:
        levels = on_canvas(page)
        colour = levels[levels.shape[0] // 2 + 5, levels.shape[1] // 2].astype(float)
        return bool(np.abs(colour - BRUSH).max() < 20)

    wait_until(page, is_painted, "the stroke is on the canvas")


def said(page: Any, text: str) -> str:
    line = page.locator("#inpaint-status")
    page.locator("#inpaint-status", has_text=text).wait_for(timeout=60_000)
    return str(line.inner_text())


def fetched(page: Any, button: str) -> Path:
    page.locator(f"{button}:not([disabled])").wait_for()
    with page.expect_download() as download:
        page.locator(button).click()
    return Path(download.value.path())


def opened(page: Any, picture: Path | None) -> None:
    open_tab(page, "Inpaint")
    page.locator("#inpaint-examples img").first.wait_for()
    if picture is not None:
        page.locator("#inpaint-picture img[src*='example-']").wait_for()  # it comes by itself
        page.locator("#inpaint-picture input[type=file]").set_input_files(str(picture))
        page.locator(f"#inpaint-picture img[src*='{picture.name}']").wait_for()


def test_a_painted_hole_is_filled_and_the_rest_stays(
    page: Any, library: Path, tmp_path: Path, shot: Callable[..., Path]
) -> None:
    picture = upload(tmp_path)
    opened(page, picture)
    paint(page)
    page.locator("#inpaint-start").click()
    words = said(page, "Done in")
    page.locator("#inpaint-suggestions img").nth(3).wait_for()
    shot(page, "inpaint")
    for gallery in ("examples", "suggestions"):  # all of it is seen
        assert page.locator(f"#inpaint-{gallery} .grid-wrap").evaluate(
            "box => box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth"
        )
    mask = pixels(fetched(page, "#inpaint-mask-file")) > 127
    assert 0.02 < mask.mean() < 0.5
    result = fetched(page, "#inpaint-file")
    before, after = pixels(picture), pixels(result)
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert (after[mask] != before[mask]).any()

    with Image.open(result) as image:
        how = json.loads(image.info["coopnets"])["made_with"]
    assert how.split(" -o ")[0] in " ".join(words.split())
    large = "[...document.querySelectorAll('#inpaint-slider img')].map(image => image.src).join()"
    first = page.evaluate(large)
    page.locator("#inpaint-suggestions button").nth(1).click()
    page.wait_for_function(f"first => {large} !== first", arg=first)
    second = fetched(page, "#inpaint-file")
    with Image.open(second) as image:
        again = json.loads(image.info["coopnets"])["made_with"]
    assert "--choose 2" in again
    assert (pixels(second) != after).any()

    Image.fromarray(mask).save(tmp_path / "mask.png")
    for line, expected in ((how, after), (again, pixels(second))):
        line = re.sub(r"exported/", f"{library}/", line)
        line = line.replace("wall.png", str(picture))
        line = line.replace("mask.png", str(tmp_path / "mask.png"))
        command = shlex.split(line)[1:-1]
        done = CliRunner().invoke(main, [*command, str(tmp_path / "out.png")])
        assert done.exit_code == 0, done.output
        np.testing.assert_array_equal(pixels(tmp_path / "out.png"), expected)


def test_a_hole_in_an_example_of_a_fixed_size(page: Any, shot: Callable[..., Path]) -> None:
    opened(page, None)
    page.locator("#inpaint-bundle input").click()
    page.get_by_role("option", name="digits").click()
    page.locator("#inpaint-picture img[src*='example-digits-1']").wait_for()
    page.locator("#inpaint-examples button").nth(2).click()
    page.locator("#inpaint-picture img[src*='example-digits-3']").wait_for()
    paint(page)
    page.locator("#inpaint-start").click()
    said(page, "Done in")
    shot(page, "inpaint-digits")
    result = pixels(fetched(page, "#inpaint-file"))
    mask = pixels(fetched(page, "#inpaint-mask-file"))
    assert result.shape[:2] == mask.shape == (16, 16)


def test_nothing_painted_is_one_friendly_line(page: Any, tmp_path: Path) -> None:
    opened(page, upload(tmp_path))
    page.locator("#inpaint-start").click()
    page.get_by_text("nothing is missing: paint over the part that is to be filled").wait_for()
