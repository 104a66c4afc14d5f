"""The runtime alone: no other package than numpy and onnxruntime, quick to import, documented."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import coop_runtime

PLAY = """
import sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[2:]:
            raise ImportError(f"{name} is forbidden here")

sys.meta_path.insert(0, Forbid())
import coop_runtime
assert "onnxruntime" not in sys.modules, "importing coop_runtime must stay quick"
model = coop_runtime.load(sys.argv[1])
x = model.generate(n=2, seed=0, size=(9, 12))
for state in model.refine(x, steps=3):
    pass
print(state.step, coop_runtime.to_uint8(state.x, model.card.signal).shape)
"""


FORBIDDEN = ("torch", "gradio", "click", "PIL", "onnx", "coop_trainer", "coop_apps")


def test_it_plays_where_all_else_is_forbidden(tiny_bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLAY, str(tiny_bundle), *FORBIDDEN],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3 (2, 9, 12, 3)\n"


def test_every_public_name_is_documented() -> None:
    modules = [coop_runtime] + [
        importlib.import_module(m.name)
        for m in pkgutil.walk_packages(coop_runtime.__path__, "coop_runtime.")
    ]
    for module in modules:
        assert module.__doc__, module
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                assert (value.__doc__ or "").strip(), f"{module.__name__}.{name}"
    assert sorted(coop_runtime.__all__) == sorted(set(coop_runtime.__all__))


def test_every_method_of_the_model_is_documented() -> None:
    for name, method in inspect.getmembers(coop_runtime.Model, inspect.isfunction):
        assert name.startswith("_") or method.__doc__, name


def test_every_public_name_stands_on_the_page_for_embedders() -> None:
    page = (Path(__file__).parents[2] / "docs" / "embed.md").read_text("utf-8")
    told = set(re.findall(r"`(\w+)`|\.(\w+)\(|(\w+)\(", page))
    words = {word for found in told for word in found}
    methods = {name for name, _ in inspect.getmembers(coop_runtime.Model, inspect.isfunction)}
    public = {name for name in methods if not name.startswith("_")} | set(coop_runtime.__all__)
    assert public <= words
