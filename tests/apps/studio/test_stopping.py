"""Stop, on every tab that computes: a job ends at once, says so, and the next one runs to its end.

The models of this studio are slow on purpose: on a quick machine a job would end before the click.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Open, Server, open_tab
from .test_inpaint_tab import opened, paint, upload

SLOW = """
import time
from coop_runtime.graphs import LoadedGraph
def slowly(self, *arguments, run=LoadedGraph._run):
    time.sleep(0.1)
    return run(self, *arguments)
LoadedGraph._run = slowly
"""


@pytest.fixture(scope="module")
def server(open_server: Open) -> Iterator[Server]:
    """Give a studio whose graphs take a tenth of a second more for each example."""
    with open_server(before=SLOW) as running:
        yield running


def sliders(page: Any, **values: float) -> None:
    """Set sliders by the beginning of their labels."""
    for label, value in values.items():
        box = page.get_by_label(f"number input for {label.replace('_', ' ')}")
        shown = box.and_(page.locator(":visible")).first
        shown.fill(str(value))
        shown.press("Tab")


def draw(page: Any) -> Callable[[bool], None]:
    def setting(long: bool) -> None:
        side = 2048 if long else 64
        sliders(page, Height=side, Width=side, Steps_of_refinement=100 if long else 1)

    return setting


def sound(page: Any) -> Callable[[bool], None]:
    return timed(page, "Sounds", "Choose a sound")


def film(page: Any) -> Callable[[bool], None]:
    return timed(page, "Clips", "Choose a clip")


def timed(page: Any, tab: str, hint: str) -> Callable[[bool], None]:
    open_tab(page, tab)
    page.locator(f"#{tab.lower()}-status").get_by_text(hint).wait_for()
    return lambda long: sliders(
        page, Length=12 if long else 0.5, Steps_of_refinement=100 if long else 1
    )


def sheet(page: Any) -> Callable[[bool], None]:
    open_tab(page, "Explore")
    open_tab(page, "Sheet")
    return lambda long: sliders(
        page, Pictures=64 if long else 2, Steps_of_refinement=100 if long else 1
    )


def panel(page: Any) -> Callable[[bool], None]:
    open_tab(page, "Explore")
    return lambda long: sliders(page, Steps_of_refinement=50 if long else 0)


TABS = {
    "textures": (draw, "Draw"),
    "sounds": (sound, "Make"),
    "clips": (film, "Film"),
    "explore-sheet": (sheet, "#explore-sheet"),
    "explore-panel": (panel, "#explore-panel"),
}


@pytest.mark.parametrize("name", TABS)
def test_a_job_is_stopped_at_once_and_the_next_one_runs(page: Any, name: str) -> None:
    enter, button = TABS[name]
    setting = enter(page)
    if button.startswith("#"):
        start, stop = page.locator(f"{button}-start"), page.locator(f"{button}-stop")
    else:
        start = page.get_by_role("button", name=button, exact=True)
        stop = page.get_by_role("button", name="Stop", exact=True)
    status = page.locator(f"#{name}-status")
    setting(True)
    start.click()
    status.locator("progress").wait_for()
    stop.click()
    status.get_by_text("Stopped.").wait_for(timeout=5_000)
    setting(False)
    start.click()
    status.get_by_text("Done in").wait_for()
    page.wait_for_timeout(1000)
    assert "Done in" in status.inner_text()


def test_a_completion_is_stopped(page: Any, tmp_path: Path) -> None:
    opened(page, upload(tmp_path, (300, 300)))
    page.get_by_role("button", name="More").click()
    page.get_by_label("number input for Steps", exact=True).fill("1000")
    paint(page)
    page.locator("#inpaint-start").click()
    status = page.locator("#inpaint-status")
    status.get_by_text("step ").wait_for()
    page.locator("#inpaint-stop").click()
    status.get_by_text("Stopped.").wait_for(timeout=10_000)
    page.wait_for_timeout(1000)
    assert "Stopped." in status.inner_text()
