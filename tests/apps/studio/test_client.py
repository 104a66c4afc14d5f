"""docs/studio-api.md: its examples run, and every public endpoint has one."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

import coop_runtime

DOCS = Path(__file__).parents[3] / "docs" / "studio-api.md"
SECTIONS = re.findall(
    r"^## (`/[^\n]*)\n(?:(?!^## ).)*?```python\n(.*?)```",
    DOCS.read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)
#: By the names of the endpoints that it is about.
EXAMPLES = {tuple(re.findall(r"`/(\w+)`", names)): code for names, code in SECTIONS}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def example(names: tuple[str, ...], server: Any, folder: Path) -> dict[str, Any]:
    """Run an example against the server; give its variables."""
    code = EXAMPLES[names].replace("http://127.0.0.1:7860", server.url)
    code = code.replace("Client(", f"Client(verbose=False, download_files={str(folder)!r}, src=")
    variables: dict[str, Any] = {}
    try:
        exec(compile(code, f"{DOCS.name}, {names}", "exec"), variables)
    finally:
        if "client" in variables:
            variables["client"].close()
    return variables


def test_every_endpoint_has_an_example(server: Any) -> None:
    info = httpx.get(f"{server.url}/gradio_api/info", trust_env=False).json()
    public = {name.strip("/") for name in info["named_endpoints"]}
    assert public == {name for names in EXAMPLES for name in names}


@pytest.mark.parametrize("names", EXAMPLES, ids=lambda names: names[0])
def test_examples_run(
    names: tuple[str, ...], server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example(names, server, tmp_path)


def test_the_texture_is_what_the_runtime_draws(server: Any, tmp_path: Path) -> None:
    path = example(("textures",), server, tmp_path)["png"]["value"]
    model = coop_runtime.load(server.library / "brick", "cpu")
    *_, last = model.refine(model.generate(1, 7, (64, 96)), 5, 7)
    expected = coop_runtime.to_uint8(last.x, model.card.signal)[0]
    with Image.open(path) as picture:
        assert picture.tobytes() == expected.tobytes()
        assert "coop-run generate exported/brick" in picture.info["coopnets"]
