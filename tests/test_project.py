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
    path.read_text("utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
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


def test_the_version_stands_in_one_place() -> None:
    assert coop_runtime.__version__ == PROJECT["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {PROJECT['project']['version']}\n" in citation


def test_the_changelog_is_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    first, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert first == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", one) for one in released)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds
    numbers = [tuple(map(int, re.findall(r"\d+", one)[:3])) for one in released]
    assert numbers == sorted(set(numbers), reverse=True)
    version = tuple(map(int, PROJECT["project"]["version"].split(".")))
    to_come = text.partition("## [Unreleased]")[2].partition("\n## ")[0].strip()
    # The version is the newest one that is out, or the next one, with something in it.
    assert version in numbers[:1] or (to_come and version > max(numbers, default=(0, 0, 0)))


def test_images_copy_what_is_there_and_not_ignored() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    for file in (ROOT / "docker").iterdir():
        text = file.read_text("utf-8")
        copied = [line.split()[1:-1] for line in re.findall(r"^COPY (?!--).+$", text, re.MULTILINE)]
        assert [one for line in copied for one in line] == allowed
        assert all((ROOT / one).exists() for one in allowed)
        assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
        bases = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))
        assert {one for one in bases if ":" not in one} <= {"base", "bare", "build-runtime"}
        assert not any(one.endswith(":latest") for one in bases)


def test_workflows_run_make_targets_that_exist() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    targets = re.findall(r"\brun: make ([^\n]+)", text)
    named = {word for line in targets for word in line.split() if "=" not in word}
    assert {"check", "test", "test-runtime", "docs", "dist"} <= named
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(f"\n{target}:" in makefile for target in named)


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
