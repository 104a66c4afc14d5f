"""A person learns a texture: uploads, trains, stops, comes back, resumes, and plays it."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import coop_runtime
from coop_apps.studio.learn import _off, _suggestion
from coop_apps.studio.library import Library
from coop_apps.studio.limits import Limits
from coop_apps.studio.results import Results
from coop_apps.studio.studio import Studio
from coop_apps.studio.worker import Worker

from .conftest import changed, open_tab

SLOW = 240_000  # milliseconds: torch is imported three times, on a machine that may be busy
CONFIG = Path(__file__).parents[2] / "tiny-texture.toml"
TINY = f"""
from functools import partial
from coop_apps.studio.learning import child, process

def train(lesson, resume):
    words = child.train_words(lesson, resume)
    tiny = ["--config", {str(CONFIG)!r}, "--set", "loop.steps=1000000"]
    return words if resume else [*words[:-2], *tiny, *words[-2:]]

process.Programs = partial(child.Programs, train=train)
"""


@pytest.fixture
def own(library: Path, tmp_path: Path) -> Path:
    """Give a folder of bundles of this test's own, in a folder of its own."""
    return Path(shutil.copytree(library / "brick", tmp_path / "exported" / "brick")).parent


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[[str], Any]]:
    """Give a function that opens a page, as a new visitor."""
    contexts: list[Any] = []

    def opened(url: str) -> Any:
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 1100}))
        page = contexts[-1].new_page()
        page.set_default_timeout(SLOW)
        page.goto(url)
        open_tab(page, "Learn")
        return page

    yield opened
    for context in contexts:
        context.close()


def wait_for(page: Any, words: str) -> str:
    """Wait until the status line says it; give the line."""
    line = page.locator("#learn-status").filter(has_text=re.compile(words))
    line.wait_for(timeout=SLOW)
    text: str = line.inner_text()
    return text


def step_of(line: str) -> int:
    found = re.search(r"step (\d+)", line)
    assert found is not None
    return int(found[1])


def test_upload_train_stop_come_back_resume_and_play(
    open_server: Any, own: Path, tmp_path: Path, visit: Callable[[str], Any], shot: Any
) -> None:
    levels = np.random.default_rng(0).integers(40, 200, (40, 36, 3), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "old wall.png")
    run = tmp_path / "runs" / "studio" / "old-wall" / "run"
    with open_server(folder=own, before=TINY) as server:
        page = visit(server.url)
        page.set_input_files("#learn-file input[type=file]", tmp_path / "old wall.png")
        name = page.get_by_label("Name")
        changed(page, "#learn-name textarea, #learn-name input", "value")
        assert name.input_value() == "old-wall"
        page.locator("#learn-start").click()
        wait_for(page, "old-wall: learning, step")
        page.locator("#learn-sheet img").wait_for()
        page.locator("#learn-words").get_by_text("Energy gap").wait_for()
        for name in ("energy-gap", "revision", "reconstruction"):
            page.locator(f"#learn-{name} .mark-line path").first.wait_for(state="attached")
        shot(page, "learn")
        page.locator("#learn-stop").click()
        reached = step_of(wait_for(page, "is stopped at step"))
        assert (run / "checkpoint.pt").is_file()

    with open_server(folder=own, before=TINY) as server:  # another day
        page = visit(server.url)
        assert step_of(wait_for(page, "is stopped at step")) == reached
        page.locator("#learn-resume").click()
        wait_for(page, "learning, step")
        page.reload()  # the training is the server's
        open_tab(page, "Learn")
        wait_for(page, f"learning, step (?!{reached},)")
        page.locator("#learn-stop").click()
        assert step_of(wait_for(page, "is stopped at step")) > reached
        page.locator("#learn-keep").click()
        wait_for(page, "old-wall is learned")
        card = coop_runtime.read_card(own / "old-wall")
        assert card.training["learned_from"] == ["old-wall.png"]

        open_tab(page, "Textures")
        page.get_by_role("combobox", name="Texture").click()
        page.get_by_role("option", name="old-wall").click()
        page.get_by_role("button", name="Draw", exact=True).click()
        page.get_by_text(re.compile("Done in")).wait_for()
        open_tab(page, "Learn")
        page.set_input_files("#learn-file input[type=file]", tmp_path / "old wall.png")
        changed(page, "#learn-name textarea, #learn-name input", "value")
        page.locator("#learn-start").click()
        page.get_by_text("there is a training or a bundle 'old-wall' already").wait_for()


def test_where_others_come_in_it_is_off_and_says_why(
    open_server: Any, own: Path, visit: Callable[[str], Any]
) -> None:
    with open_server("--no-learn", folder=own) as server:
        page = visit(server.url)
        page.get_by_text("Learning is off: this server is open to others").wait_for()
        assert page.locator("#learn-start").count() == 0


def test_without_torch_it_says_what_to_install(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(Library(own), Worker(1.0), Limits(), Results(tmp_path), learning=True)
    assert _off(studio) == ""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else 1)
    assert _off(studio) == "it needs torch: pip install 'coopnets[train,studio,cpu]'"


@pytest.mark.parametrize(
    ("file", "kind", "name", "expected"),
    [
        ("stone.JPG", "texture", "", ("texture", "stone")),
        ("fire.gif", "texture", "", ("clips", "fire")),
        ("fire.webp", "clips", "x", ("clips", "x")),
        ("fire.webp", "texture", "", ("texture", "fire")),
        ("Ärger!.flac", "clips", "", ("sound", "rger")),
        ("notes.txt", "sound", "", ("sound", "notes")),
    ],
)
def test_a_file_suggests_kind_and_name(
    file: str, kind: Any, name: str, expected: tuple[str, str]
) -> None:
    assert _suggestion(Path(file), kind, name) == expected
