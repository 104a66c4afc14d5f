"""docs/studio-api.md: its examples run, and every public endpoint has one."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

import coop_runtime

DOCS = Path(__file__).parents[3] / "docs" / "studio-api.md"
EXAMPLES = dict(
    re.findall(r"## `/(\w+)`.*?```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def example(name: str, server: Any, folder: Path) -> dict[str, Any]:
    """Run an example against the server; give its variables."""
    code = EXAMPLES[name].replace("http://127.0.0.1:7860", server.url)
    code = code.replace("Client(", f"Client(verbose=False, download_files={str(folder)!r}, src=")
    variables: dict[str, Any] = {}
    try:
        exec(compile(code, f"{DOCS.name}, /{name}", "exec"), variables)
    finally:
        if "client" in variables:
            variables["client"].close()
    return variables


def test_every_endpoint_has_an_example(server: Any) -> None:
    info = httpx.get(f"{server.url}/gradio_api/info", trust_env=False).json()
    public = {name.strip("/") for name in info["named_endpoints"]}
    assert public == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name: str, server: Any, tmp_path: Path) -> None:
    example(name, server, tmp_path)


def test_the_texture_is_what_the_runtime_draws(server: Any, tmp_path: Path) -> None:
    path = example("textures", server, tmp_path)["png"]["value"]
    model = coop_runtime.load(server.library / "brick", "cpu")
    *_, last = model.refine(model.generate(1, 7, (64, 96)), 5, 7)
    expected = coop_runtime.to_uint8(last.x, model.card.signal)[0]
    with Image.open(path) as picture:
        assert picture.tobytes() == expected.tobytes()
        assert "coop-run generate exported/brick" in picture.info["coopnets"]
