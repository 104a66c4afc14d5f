"""A new bundle appears in the lists of the page, and for clients that opened no page."""

import shutil
from pathlib import Path
from unittest.mock import Mock

import gradio as gr
import pytest

from coop_apps.studio.choices import Choice, keep_current
from coop_apps.studio.library import Library


@pytest.fixture
def place(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "exported" / "brick")).parent


def test_lists_follow_the_library(place: Path, tiny_bundle: Path) -> None:
    library = Library(place)
    textures = Choice(gr.Dropdown(["brick"]), lambda: library.names("texture"))
    sounds = Choice(gr.Dropdown([]), lambda: library.names("sound"))
    page, tab = Mock(), Mock()
    keep_current(library, [textures, sounds], page, [tab])
    refresh = page.load.call_args.args[0]
    assert tab.select.call_args.args[0] is refresh
    shutil.copytree(tiny_bundle, place / "stone")
    shutil.copytree(tiny_bundle, place / ".coop-0.tmp")  # is being written
    library.scan()
    assert textures.dropdown.preprocess("stone") == "stone"
    first, second = refresh("brick", None)
    assert (first["choices"], first["value"]) == (["brick", "stone"], "brick")
    assert (second["choices"], second["value"]) == ([], None)
    shutil.rmtree(place / "brick")
    library.scan()
    assert refresh("brick", None)[0]["value"] == "stone"


def test_watchers_are_told_of_other_bundles_only(place: Path, tiny_bundle: Path) -> None:
    library, told = Library(place), list[int]()
    library.watchers.append(lambda: told.append(1))
    library.scan()
    assert told == []
    shutil.copytree(tiny_bundle, place / "stone")
    library.scan()
    assert told == [1]
