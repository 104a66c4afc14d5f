"""Textures in a browser: draw, stop, look, download, make the same by the command it names."""

import hashlib
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from coop_apps.run import main as coop_run
from coop_apps.studio.drawing import Drawing
from coop_apps.studio.library import Library
from coop_apps.studio.limits import Limits
from coop_apps.studio.results import Results
from coop_apps.studio.show import Clock
from coop_apps.studio.studio import Studio
from coop_apps.studio.textures import _doing, _learned_from
from coop_apps.studio.worker import Worker
from coop_runtime import read_card
from coop_runtime.card import Entry

from .conftest import Open, Server, changed, fits_a_phone


def done(page: Any) -> str:
    """Wait for the end of drawing; give the line that the page then shows."""
    status = page.locator("#textures-status")
    status.get_by_text("Done in").wait_for(timeout=60_000)
    return str(status.inner_text())


def set_number(page: Any, label: str, value: int) -> None:
    box = page.get_by_label(f"number input for {label}")
    box.fill(str(value))
    box.press("Tab")


def downloaded(page: Any, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download PNG").click()
    path = folder / str(waiting.value.suggested_filename)
    waiting.value.save_as(path)
    return path


def test_a_texture_is_drawn_and_its_command_draws_it_again(
    page: Any, server: Server, tmp_path: Path, shot: Callable[..., Path]
) -> None:
    set_number(page, "Height, pixels", 96)
    set_number(page, "Width, pixels", 80)
    set_number(page, "Steps of refinement", 7)
    page.get_by_role("button", name="Draw", exact=True).click()
    line = done(page)
    shot(page, "textures")
    page.get_by_alt_text("the texture that was drawn").wait_for()
    page.locator("#textures-energy canvas, #textures-energy svg.marks").first.wait_for()
    command = line.partition("command:")[2].replace("exported/", f"{server.library}/")
    path = downloaded(page, tmp_path)
    with Image.open(path) as picture:
        assert picture.size == (80, 96)
        assert "--refine 7" in picture.info["coopnets"]
        pixels = np.asarray(picture)
    words = shlex.split(command)[1:-1]
    again = tmp_path / "again.png"
    assert CliRunner().invoke(coop_run, [*words, str(again)]).exit_code == 0
    with Image.open(again) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_another_seed_and_a_draft_and_a_tile(page: Any, tmp_path: Path) -> None:
    page.get_by_role("button", name="Another seed").click()
    changed(page, "#textures-seed input", "value", "0")
    page.get_by_label("Draft").check()
    page.get_by_label("Seamless tile").check()
    set_number(page, "Height, pixels", 64)
    set_number(page, "Width, pixels", 64)
    page.get_by_role("button", name="Draw", exact=True).click()
    line = done(page)
    assert page.locator("#textures-energy .vega-embed").count() == 0  # a draft has none to plot
    seed = page.locator("#textures-seed input").input_value()
    assert re.search(rf"--size 64x64 --seed {seed} --refine 0 --loop", line)
    assert downloaded(page, tmp_path).stat().st_size > 1000


@pytest.mark.parametrize(
    ("done", "step", "energy", "steps", "said"),
    [
        (0.05, 900, None, 9, "drawing the draft"),
        (0.1, 2048, None, 9, "refining the first rows"),
        (0.2, 64, 1.0, 9, "refining, row 64"),
        (0.5, 1024, None, 0, "drawing the draft"),
    ],
)
def test_it_is_said_what_is_being_done(
    done: float, step: int, energy: float | None, steps: int, said: str
) -> None:
    state = Drawing(np.zeros((1, 1, 4, 4), np.float32), done, step, energy)
    assert _doing(state, steps, "row", Clock()).partition(", 1 s")[0] == said


@pytest.fixture
def photographed(library: Path, tmp_path: Path) -> tuple[Path, NDArray[np.uint8]]:
    """Give a folder with the textures `bare` and `stone`, and the picture that `stone` keeps."""
    folder = tmp_path / "exported"
    for name in ("bare", "stone"):
        shutil.copytree(library / "brick", folder / name)
    levels = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    path = folder / "stone" / "samples" / "original.png"
    path.parent.mkdir()
    Image.fromarray(levels).save(path)
    data, card = path.read_bytes(), read_card(folder / "stone")
    entry = Entry(hashlib.sha256(data).hexdigest(), len(data))
    card = replace(card, files=card.files | {"samples/original.png": entry})
    (folder / "stone" / "card.json").write_text(card.to_json(), encoding="utf-8")
    return folder, levels


def test_what_it_learned_from_is_shown_where_the_bundle_has_it(
    photographed: tuple[Path, NDArray[np.uint8]], tmp_path: Path
) -> None:
    folder, levels = photographed
    studio = Studio(Library(folder), Worker(1.0), Limits(), Results(tmp_path), learning=False)
    shown = _learned_from(studio, "stone")
    assert shown["visible"]
    np.testing.assert_array_equal(shown["value"], np.repeat(levels[..., None], 3, axis=2))
    assert not _learned_from(studio, "bare")["visible"]
    assert not _learned_from(studio, None)["visible"]


def test_on_a_phone_what_is_drawn_comes_before_what_it_learned_from(
    chromium: Any, open_server: Open, photographed: tuple[Path, NDArray[np.uint8]]
) -> None:
    with open_server(folder=photographed[0]) as server:
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.goto(f"{server.url}/")
        page.get_by_label("Texture", exact=True).click()
        page.get_by_role("option", name="stone").click()
        places = []
        for name in ("#textures-status", "#textures-original img"):
            page.locator(name).wait_for()
            places.append(page.locator(name).bounding_box()["y"])
        page.close()
    assert places[0] < places[1]


def test_it_fits_a_phone(page: Any, shot: Callable[..., Path]) -> None:
    fits_a_phone(page)
    shot(page, "textures-phone")
