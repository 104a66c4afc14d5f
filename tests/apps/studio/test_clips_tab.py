"""The tab of clips, in a browser: film, watch, pause, download, stop."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image, ImageSequence

from coop_apps.run import main as play

from .conftest import fits_a_phone, open_tab


@pytest.fixture
def tab(page: Any) -> Any:
    """Give the page at the tab."""
    open_tab(page, "Clips")
    page.locator("#clips-status").get_by_text("Choose a clip").wait_for()
    return page


def enter(page: Any, name: str, value: float) -> None:
    box = page.locator(f"{name} input[type=number]")
    box.fill(str(value))
    box.press("Tab")


def film(page: Any) -> str:
    """Press Film, wait, and give the line of the command that does the same."""
    page.get_by_role("button", name="Film", exact=True).click()
    page.locator("#clips-status").get_by_text("Done in").wait_for()
    return str(page.locator("#clips-status code").inner_text())


def frames(path: str | Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as clip:
        return np.stack([np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(clip)])


def test_a_clip_longer_than_the_learned_one_is_made_and_kept_with_its_settings(
    tab: Any, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shot: Any
) -> None:
    tab.get_by_text("8 frames of 16×16 pixels").wait_for()
    enter(tab, "#clips-seconds", 2)
    enter(tab, "#clips-seed", 5)
    tab.get_by_label("WebP").check()
    line = film(tab)
    assert line.startswith("coop-run generate exported/waves --size 25x16x16 --seed 5 --refine 5 ")
    tab.locator("#clips-film img[src^='data:image/webp']").wait_for()
    tab.locator("#clips-file:not([disabled])").wait_for()
    with tab.expect_download() as loading:
        tab.locator("#clips-file").click()
    path = Path(loading.value.path())
    shot(tab, "clips")

    (tmp_path / "exported").symlink_to(library)
    monkeypatch.chdir(tmp_path)
    again = CliRunner().invoke(play, shlex.split(line)[1:])
    assert again.exit_code == 0, again.output
    assert frames(path).shape == (25, 16, 16, 3)
    np.testing.assert_array_equal(frames(path), frames("out.webp"))
    with Image.open(path) as clip:
        assert line.removesuffix("out.webp") in clip.getexif()[ExifTags.Base.ImageDescription]


@pytest.mark.parametrize(("kind", "begins"), [("MP4", (4, b"ftyp")), ("GIF", (0, b"GIF89a"))])
def test_other_files(tab: Any, kind: str, begins: tuple[int, bytes]) -> None:
    if kind == "MP4":
        pytest.importorskip("av", reason="MP4 needs PyAV")
    enter(tab, "#clips-seconds", 0.5)
    tab.get_by_label(kind, exact=True).check()
    film(tab)
    tab.locator("#clips-file:not([disabled])").wait_for()
    with tab.expect_download() as loading:
        tab.locator("#clips-file").click()
    assert Path(loading.value.path()).read_bytes()[begins[0] :].startswith(begins[1])


def test_it_can_be_paused(tab: Any) -> None:
    enter(tab, "#clips-seconds", 0.5)
    film(tab)
    tab.get_by_label("Pause").check()
    tab.locator("#clips-film img[src^='data:image/png']").wait_for()
    tab.get_by_label("Pause").uncheck()
    tab.locator("#clips-film img[src^='data:image/webp']").wait_for()


def test_it_fits_a_phone(tab: Any, shot: Any) -> None:
    fits_a_phone(tab)
    shot(tab, "clips-phone")
