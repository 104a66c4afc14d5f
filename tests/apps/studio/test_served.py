"""The studio opens, and the shared fixtures work."""

import re
from typing import Any

from PIL import Image


def test_the_page_opens_and_draws(page: Any, shot: Any) -> None:
    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_text(re.compile("Done in")).wait_for()
    with Image.open(shot(page, "textures")) as picture:
        assert picture.size == (1280, 900)
