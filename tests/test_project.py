"""What holds the project together: version, commands, documents, imports."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import coop_runtime

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCUMENTS = "\n".join(
    path.read_text() for path in (ROOT / "README.md", ROOT / "docs/guide.md", ROOT / "Makefile")
)


def imported(package: str, *without: str) -> set[str]:
    """Top-level names that a package's files import, at the top or inside functions."""
    names = set()
    for file in (ROOT / package).rglob("*.py"):
        if file.name in without:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.partition(".")[0])
    return names


def test_the_changelog_is_of_this_version() -> None:
    assert f"## {PROJECT['project']['version']}" in (ROOT / "CHANGELOG.md").read_text()
    assert coop_runtime.__version__ == PROJECT["project"]["version"]


def test_imports_point_one_way() -> None:
    apart = {"torch", "click", "PIL", "gradio", "onnx", "coop_trainer", "coop_apps"}
    # One file imports torch, in the function that a bundle's TorchScript needs; test_embedding.py
    # plays where torch is forbidden.
    assert not imported("runtime", "torchscript.py") & apart
    assert imported("runtime") & apart <= {"torch"}
    assert not imported("trainer") & {"click", "gradio", "coop_apps"}


@pytest.mark.parametrize("command", sorted(PROJECT["project"]["scripts"]))
def test_every_command_is_documented(command: str) -> None:
    assert command in DOCUMENTS


def test_the_readme_names_the_make_targets_first() -> None:
    readme = (ROOT / "README.md").read_text()
    targets = re.findall(r"^make (\w+)", readme, re.MULTILINE)
    assert targets[:3] == ["studio", "demo", "test"]
    for target in targets:
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_documents_link_to_what_exists() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_decisions_are_short() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [d.name[:4] for d in decisions] == [f"{k:04d}" for k in range(1, len(decisions) + 1)]
    for decision in decisions:
        assert len(decision.read_text().splitlines()) < 15, decision.name


def test_the_readmes_python_example_is_ten_lines_that_run_on_public_names() -> None:
    readme = (ROOT / "README.md").read_text()
    code = readme.partition("```python\n")[2].partition("```")[0]
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 10
    for name in re.findall(r"coop_runtime\.(\w+)", code):
        assert name in coop_runtime.__all__


PUBLIC = [name for name, thing in vars(coop_runtime).items() if inspect.isroutine(thing)]
PUBLIC += [name for name, thing in vars(coop_runtime).items() if inspect.isclass(thing)]


@pytest.mark.parametrize("name", sorted(set(PUBLIC) & set(coop_runtime.__all__)))
def test_every_public_function_and_class_has_a_docstring(name: str) -> None:
    assert getattr(coop_runtime, name).__doc__
