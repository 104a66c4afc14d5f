"""What a model can draw: panels, ways between, uploads drawn again and judged."""

import io
import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from coop_apps.run import main
from coop_apps.studio.exploring import drawn, fitted, moving
from coop_apps.studio.judging import Known, histogram, learned_energies, verdict, windows
from coop_runtime import CoopError, load, read_card

from .conftest import open_tab

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_pictures_are_those_of_generate_and_refine(library: Path) -> None:
    with load(library / "digits", "cpu", 1) as model:
        *_, found = drawn(model, 3, 5, 2)
        expected = model.refined(model.generate(3, 5), 2, 5).x
    assert found.tobytes() == expected.tobytes()


def test_uploads_are_fitted_and_it_is_said(library: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (300, 40), (10, 20, 30)).save(path)
    brick, digits = (read_card(library / name) for name in ("brick", "digits"))
    x, words = fitted(str(path), brick)
    assert (x.shape, words) == ((1, 3, 40, 256), "The model looked at the 256 × 40 in its middle. ")
    x, words = fitted(str(path), digits)
    assert (x.shape, words) == ((1, 1, 16, 16), "It was scaled to 16 × 16 for the model. ")
    Image.new("RGB", (31, 40)).save(path)
    with pytest.raises(CoopError, match=r"'a\.png' is 31 × 40; expected 32 × 32 pixels at least"):
        fitted(str(path), brick)


def test_energies_of_the_card_are_used(library: Path) -> None:
    card = read_card(library / "digits")
    assert learned_energies(card) is None
    card = replace(card, training={"energies": {"training": [1.0, 2.0, 4.0]}})
    known = learned_energies(card)
    assert known is not None
    assert known.share_above(3.0) == 0.25
    assert known.share_above(0.0) == 1
    assert "lower than that of 75 % of the training pictures: typical of" in verdict(1.5, known)
    assert "lower than that of 4 % of the training pictures: unusual to" in verdict(3.84, known)
    assert "higher than that of all of the training pictures" in verdict(9.0, known)
    for wrong in ({"training": [1.0]}, {"training": ["a", 1]}, 3, {}):
        assert learned_energies(replace(card, training={"energies": wrong})) is None


def test_a_histogram_says_what_it_shows() -> None:
    known = Known(np.linspace(0, 10, 51), "them")
    picture = histogram(2.0, known)
    assert 'aria-label="Its energy is 2, lower than that of 80 % of them' in picture
    assert picture.count("<rect") == 24
    assert histogram(1.0, Known(np.array([1.0, 1.0]), "them")).startswith("<svg")


def test_parts_of_a_texture_have_the_size_of_training(library: Path) -> None:
    card = read_card(library / "brick")
    x = np.arange(3 * 70 * 200, dtype=np.float32).reshape(1, 3, 70, 200)
    parts = windows(x, card)
    assert parts.shape == (12, 3, 32, 32)
    np.testing.assert_array_equal(parts[7], x[0, :, 32:64, 32:64])


def test_a_film_plays_again_and_again() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    with Image.open(io.BytesIO(moving(frames))) as film:
        assert (film.n_frames, film.info["loop"]) == (3, 0)  # type: ignore[attr-defined]


def opened(page: Any, part: str) -> None:
    open_tab(page, "Explore")
    open_tab(page, part)


def said(page: Any, name: str, text: str) -> None:
    page.locator(f"#explore-{name}-status", has_text=text).wait_for(timeout=60_000)


def fetched(page: Any, name: str) -> Path:
    page.locator(f"#explore-{name}-file:not([disabled])").wait_for()
    with page.expect_download() as download:
        page.locator(f"#explore-{name}-file").click()
    return Path(download.value.path())


def made_again(path: Path, library: Path, out: Path) -> None:
    """Check that the command in a PNG makes the same pixels."""
    with Image.open(path) as image:
        expected, line = np.asarray(image), json.loads(image.info["coopnets"])["made_with"]
    words = shlex.split(line.replace("exported/", f"{library}/"))[1:-1]
    done = CliRunner().invoke(main, [*words, str(out)])
    assert done.exit_code == 0, done.output
    with Image.open(out) as image:
        np.testing.assert_array_equal(np.asarray(image), expected)


def test_the_panel_and_one_of_its_pictures(
    page: Any, library: Path, tmp_path: Path, shot: Callable[..., Path]
) -> None:
    opened(page, "Panel")
    page.locator("#explore-panel-start").click()
    said(page, "panel", "Done in")
    path = fetched(page, "panel")
    with Image.open(path) as image:
        assert image.size == (9 * 20 - 4, 9 * 20 - 4)
    made_again(path, library, tmp_path / "out.png")
    page.locator("#explore-panel img").click(position={"x": 5, "y": 5})
    page.locator("#explore-panel-cell img").wait_for()
    shot(page, "explore-panel")


def test_the_way_from_one_seed_to_another(
    page: Any, library: Path, tmp_path: Path, shot: Callable[..., Path]
) -> None:
    opened(page, "Between two")
    page.locator("#explore-between-start").click()
    said(page, "between", "Done in")
    page.locator("#explore-film img").wait_for()
    shot(page, "explore-between")
    made_again(fetched(page, "strip"), library, tmp_path / "out.png")
    film = fetched(page, "film")
    with Image.open(film) as opened_film:
        assert opened_film.n_frames == 9  # type: ignore[attr-defined]
    words = ["interpolate", str(library / "digits"), "1", "2", "--how", "spherical"]
    done = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "film.webp")])
    assert done.exit_code == 0, done.output
    assert film.read_bytes() == (tmp_path / "film.webp").read_bytes()


def test_a_sheet_is_what_generate_draws(page: Any, library: Path, tmp_path: Path) -> None:
    opened(page, "Sheet")
    page.locator("#explore-sheet-start").click()
    said(page, "sheet", "Done in")
    made_again(fetched(page, "sheet"), library, tmp_path / "out.png")


def test_an_upload_is_drawn_again_and_judged(
    page: Any, tmp_path: Path, shot: Callable[..., Path]
) -> None:
    Image.new("RGB", (40, 40), (200, 30, 90)).save(tmp_path / "a.png")
    opened(page, "Read again")
    page.locator("#explore-again-picture input[type=file]").set_input_files(tmp_path / "a.png")
    page.locator("#explore-again-picture img[src*='a.png']").wait_for()
    page.locator("#explore-again-start").click()
    said(page, "again", "On average it differs by")
    said(page, "again", "It was scaled to 16 × 16")
    with Image.open(fetched(page, "again")) as image:
        assert image.size == (16, 16)
    opened(page, "How likely")
    page.locator("#explore-likely-start").click()
    page.get_by_text("there is no picture yet").wait_for()
    page.locator("#explore-likely-picture input[type=file]").set_input_files(tmp_path / "a.png")
    page.locator("#explore-likely-picture img[src*='a.png']").wait_for()
    page.locator("#explore-likely-start").click()
    said(page, "likely", "32 pictures that it draws itself")
    page.locator("#explore-likely svg[role=img]").wait_for()
    shot(page, "explore-likely")
