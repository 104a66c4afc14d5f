"""The tab of sounds, in a browser: make, hear, download, play with, stop."""

import io
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from coop_apps.run import main as play

from .conftest import changed, fits_a_phone, open_tab


@pytest.fixture
def tab(page: Any) -> Any:
    """Give the page at the tab, whose steps are known."""
    open_tab(page, "Sounds")
    page.locator("#sounds-status").get_by_text("Choose a sound").wait_for()
    return page


# Counts how often a player begins, in `rounds`, and how often it ends since then, in `ends`.
ROUNDS = """() => {
    const play = HTMLMediaElement.prototype.play, known = new WeakSet();
    window.rounds = window.ends = 0;
    HTMLMediaElement.prototype.play = function () {
        if (!known.has(this)) this.addEventListener("ended", () => window.ends++);
        known.add(this);
        window.rounds++;
        window.ends = 0;
        return play.call(this);
    };
}"""


def enter(page: Any, name: str, value: float) -> None:
    box = page.locator(f"{name} input[type=number]")
    box.fill(str(value))
    box.press("Tab")


def make(page: Any) -> str:
    """Press Make, wait, and give the line of the command that does the same."""
    page.get_by_role("button", name="Make", exact=True).click()
    page.locator("#sounds-status").get_by_text("Done in").wait_for()
    return str(page.locator("#sounds-status code").inner_text())


def downloaded(page: Any, name: str) -> Path:
    page.locator(f"{name}:not([disabled])").wait_for()
    with page.expect_download() as loading:
        page.locator(name).click()
    return Path(loading.value.path())


def shown(page: Any, name: str) -> np.ndarray[Any, Any]:
    """Give the picture of an element as it is on the screen."""
    data = page.locator(name).screenshot()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


def test_a_sound_is_made_heard_and_kept_with_its_settings(
    tab: Any, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shot: Any
) -> None:
    enter(tab, "#sounds-seconds", 2)
    enter(tab, "#sounds-seed", 5)
    tab.get_by_label("Seamless loop").check()
    line = make(tab)
    assert line.startswith(
        "coop-run generate exported/rain --size 16000 --seed 5 --refine 5 --loop"
    )
    tab.locator("#sounds-picture img").wait_for()
    assert shown(tab, "#sounds-picture img").std() > 20
    tab.locator("#sounds-audio").get_by_text("0:02").wait_for()
    path = downloaded(tab, "#sounds-file")
    shot(tab, "sounds")

    (tmp_path / "exported").symlink_to(library)
    monkeypatch.chdir(tmp_path)
    again = CliRunner().invoke(play, shlex.split(line)[1:])
    assert again.exit_code == 0, again.output
    with soundfile.SoundFile(path) as sound:
        assert (sound.samplerate, sound.subtype) == (8000, "PCM_16")
        assert line.removesuffix("out.wav") in sound.comment
        found = sound.read(dtype="int16")
    np.testing.assert_array_equal(found, soundfile.read("out.wav", dtype="int16")[0])


def test_it_plays_and_repeats(tab: Any) -> None:
    enter(tab, "#sounds-seconds", 1)
    make(tab)
    tab.evaluate(ROUNDS)
    player = tab.locator("#sounds-audio")
    player.get_by_text("0:01").wait_for()  # a player stops itself when it has read its sound
    player.get_by_role("button", name="Play", exact=True).click()
    tab.wait_for_function("window.rounds >= 3")
    tab.get_by_label("Repeat while playing").uncheck()
    player.get_by_role("button", name="Play", exact=True).wait_for()
    tab.evaluate("window.rounds = 0")
    player.get_by_role("button", name="Play", exact=True).click()
    tab.wait_for_function("window.ends >= 1")
    assert tab.evaluate("window.rounds") == 1


def test_another_seed_is_another_sound(tab: Any) -> None:
    enter(tab, "#sounds-seconds", 0.5)
    seen = []
    for _ in range(2):
        before = tab.locator("#sounds-seed input").input_value()
        tab.get_by_role("button", name="Another seed", exact=True).click()
        changed(tab, "#sounds-seed input", "value", before)
        seed = tab.locator("#sounds-seed input").input_value()
        tab.get_by_role("button", name="Make", exact=True).click()
        tab.locator("#sounds-status code").get_by_text(f"--seed {seed}").wait_for()
        seen.append(seed)
    assert seen[0] != seen[1]


def test_the_loop_follows_the_sliders(tab: Any, shot: Any) -> None:
    tab.get_by_text("Play with it").click()
    picture = tab.locator("#live-picture img")
    picture.wait_for()
    before = picture.get_attribute("src")
    tab.locator("#live-way input[type=range]").focus()
    for _ in range(12):
        tab.keyboard.press("ArrowRight")
    changed(tab, "#live-picture img", "src", before)
    tab.locator("#live-audio").get_by_text("0:02").wait_for()
    shot(tab, "sounds-live")


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone(tab: Any, dark: bool, shot: Any) -> None:
    if dark:
        tab.goto(f"{tab.url}?__theme=dark")
        open_tab(tab, "Sounds")
    fits_a_phone(tab)
    shot(tab, f"sounds-phone-{'dark' if dark else 'light'}")
