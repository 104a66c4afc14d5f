"""Textures in a browser: draw, stop, look, download, make the same by the command it names."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from PIL import Image

from coop_apps.run import main as coop_run

from .conftest import Server, fits_a_phone


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
    page.wait_for_function("document.querySelector('#textures-seed input').value != '0'")
    page.get_by_label("Draft").check()
    page.get_by_label("Seamless tile").check()
    set_number(page, "Height, pixels", 64)
    set_number(page, "Width, pixels", 64)
    page.get_by_role("button", name="Draw", exact=True).click()
    line = done(page)
    seed = page.locator("#textures-seed input").input_value()
    assert re.search(rf"--size 64x64 --seed {seed} --refine 0 --loop", line)
    assert downloaded(page, tmp_path).stat().st_size > 1000


def test_it_fits_a_phone(page: Any, shot: Callable[..., Path]) -> None:
    fits_a_phone(page)
    shot(page, "textures-phone")
