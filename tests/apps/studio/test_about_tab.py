"""About: what a bundle's card says, what this machine is, and what cannot be played."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from coop_apps.studio.facts import checksums, in_words, parity_rows, samples
from coop_runtime import Card, read_card
from coop_runtime.card import Parity, Precision

from .conftest import open_tab

CASES = ({"batch": 1}, {"batch": 3})
TRAINING = {
    "method": "coopnets",
    "learned_from": ["wall.png", "<b>*x*.png"],
    "steps": 300,
    "seconds": 90.0,
    "parameters": {"descriptor": 137728, "generator": 70729},
    "licence": "CC0: photographs",
}


@pytest.fixture(scope="module")
def folder(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a library: brick with a report and a training, and a folder that cannot be played."""
    here = tmp_path_factory.mktemp("about") / "exported"
    shutil.copytree(library / "brick", here / "brick")
    parity = {"generator": Parity(3e-6, CASES), "energy": Parity(2e-5, CASES)}
    card = dataclasses.replace(
        read_card(here / "brick"), parity=parity, training=TRAINING, versions={"torch": "2.13.0"}
    )
    (here / "brick" / "card.json").write_text(card.to_json(), encoding="utf-8")
    (here / "torn").mkdir()
    (here / "torn" / "card.json").write_text("{")
    return here


@pytest.fixture(scope="module")
def card(folder: Path) -> Card:
    return read_card(folder / "brick")


def test_the_card_in_plain_words(card: Card) -> None:
    lines = in_words(card).splitlines()
    assert lines[0] == "- Draws textures, of any size; learned at 32×32 pixels"
    assert lines[1].startswith("- Method: cooperative learning (CoopNets)")
    assert lines[2] == "- Learned from: wall.png, &lt;b&gt;&#42;x&#42;.png"
    assert lines[3] == "- Learned for 1.5 minutes, 300 steps"
    assert lines[4] == "- Parameters: descriptor 137,728, generator 70,729"
    assert lines[6] == "- Licence of what it learned from: CC0: photographs"


def test_a_card_that_tells_nothing_or_nonsense_is_shown_without_it(card: Card) -> None:
    for training in ({}, {"method": [], "learned_from": 3, "seconds": "x", "parameters": [1]}):
        bare = dataclasses.replace(card, training=training)
        assert "not stated" in in_words(bare)
        assert "Learned f" not in in_words(bare)


def test_the_parity_report_has_the_limit(card: Card) -> None:
    assert parity_rows(card) == [
        ["generator", "ONNX Runtime", "3.0e-06", "1e-05", "2", "within"],
        ["energy", "ONNX Runtime", "2.0e-05", "1e-05", "2", "beyond: it was allowed more"],
    ]


def test_weights_in_16_bits_have_the_limit_of_their_card(card: Card) -> None:
    half = Precision("float16", 0.05, 8, {"mean": 0.01}, 0.25)
    stored = dataclasses.replace(card, precision=half)
    assert [row[3:] for row in parity_rows(stored)] == [["5e-02", "2", "within"]] * 2
    assert "weights stored in float16" in in_words(stored)


def test_checksums_of_all_files_and_samples_that_the_card_names(card: Card, tmp_path: Path) -> None:
    rows = checksums(card, "0" * 64)
    assert rows[0] == ["card.json", "", "0" * 64]
    assert {name: digest for name, _, digest in rows[1:]} == {
        name: entry.sha256 for name, entry in card.files.items()
    }
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "sheet.png").touch()
    assert samples(card, tmp_path) is None


def test_a_visitor_reads_the_report_and_examines_the_machine(
    open_server: Any, folder: Path, chromium: Any, shot: Any
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    with open_server(folder=folder) as server:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(server.url)
        open_tab(page, "About")
        report = page.locator("#about-parity").get_by_text("3.0e-06")
        report.locator("visible=true").first.wait_for()
        table = page.locator("#about-parity").inner_text()
        assert all(word in table for word in ("generator", "1e-05", "within", "beyond"))
        page.locator("#about-words").get_by_text("Learned for 1.5 minutes").wait_for()
        page.locator("#about-problems").get_by_text("torn").wait_for()
        page.locator("#about-examine").click()
        page.locator("#about-machine").get_by_text("cpu: works").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shot(page, "about")
    context.close()
