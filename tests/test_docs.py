"""The documents: links and anchors, commands and options, Python blocks, places in the code."""

import ast
import contextlib
import re
import shlex
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pytest

from coop_apps import evaluate, export, run, train
from coop_apps.studio import command
from coop_runtime.card import Card, Graph, Langevin, Signal

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *(ROOT / n for n in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / n for n in ("exported/README.md", "examples/README.md")),
        *DOCS.rglob("*.md"),
    ]
)
COMMANDS = {
    "coop-train": train.main,
    "coop-export": export.main,
    "coop-run": run.main,
    "coop-eval": evaluate.main,
    "coop-studio": command.main,
}

SOUND_ENERGY = """<ir_version: 8, opset_import: ["": 18]>
energy (float[batch, 1, t] x) => (float[batch] energy, float[batch, 1, t] gradient)
<int64[2] axes = {1, 2}, float half = {0.5}>
{
    square = Mul(x, x)
    sum = ReduceSum<keepdims = 0>(square, axes)
    energy = Mul(half, sum)
    gradient = Identity(x)
}"""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Give the page's fenced blocks of a language; "" for those that name none."""
    text = page.read_text("utf-8")
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [block for _, named, block in found if named == language]


def without_blocks(page: Path) -> str:
    text = page.read_text("utf-8")
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Give the headings' anchors that are the same in the site and where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    return {in_the_site(h) for h in headings} & {elsewhere(h) for h in headings}


def in_the_site(heading: str) -> str:
    """Give the anchor that Python-Markdown makes of a heading."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def elsewhere(heading: str) -> str:
    """Give the anchor that forges make of a heading."""
    return re.sub(r"[^\w\s-]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_anchors_resolve(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", without_blocks(page))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link}"
        if DOCS in page.parents:
            assert DOCS in target.parents, f"{name(page)}: {link} is not in the site"
        if anchor:
            assert anchor in anchors(target), f"{name(page)}: {link}"


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md"))


def test_every_decision_is_listed_with_its_title() -> None:
    listed = (DOCS / "decisions.md").read_text("utf-8")
    for decision in sorted((DOCS / "decisions").glob("*.md")):
        title = decision.read_text("utf-8").splitlines()[0].removeprefix("# ")
        line = f"- [{title}](decisions/{decision.name})"
        assert line in listed, f"docs/decisions.md lacks this line: {line}"


def command_lines(page: Path) -> list[str]:
    """Give what a page says to type, in blocks and within sentences."""
    lines = "".join(blocks(page, "")).replace("\\\n", " ").splitlines()
    lines += re.findall(r"`((?:coop-\w+|make) [^`]+)`", without_blocks(page))
    parts = [part.strip() for line in lines for part in re.split(r" \| |&& ", line)]
    return [part for part in parts if re.match("coop-|make |python |torchrun ", part)]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_their_options_exist(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for line in command_lines(page):
        words = shlex.split(line, comments=True)
        if "-m" in words and words[words.index("-m") + 1] == "coop_trainer":
            words = ["coop-train", *words[words.index("-m") + 2 :]]
        if words[:1] == ["make"]:
            asked = {word for word in words[1:] if "=" not in word and word != "…"}
            assert asked <= set(targets), f"{name(page)}: {line}"
        elif words[:1] == ["python"] and words[1].endswith(".py"):
            assert (ROOT / words[1]).exists(), f"{name(page)}: {line}"
        elif words and words[0] in COMMANDS:
            try:
                parse(COMMANDS[words[0]], words[0], words[1:])
            except click.UsageError as error:
                pytest.fail(f"{name(page)}: {line}: {error.format_message()}")


def parse(asked: click.Command, called: str, words: list[str]) -> None:
    """Read a command line as click does, without running it."""
    words = ["some" if word in {"…", "..."} else word for word in words]
    if not isinstance(asked, click.Group):
        asked.make_parser(click.Context(asked, info_name=called)).parse_args(list(words))
    elif words and words[0] != "some" and not words[0].startswith("-"):
        _, found, rest = asked.resolve_command(click.Context(asked), words)
        assert found is not None
        parse(found, words[0], rest)


# Those of studio-api.md need a server: tests/apps/studio/test_client.py runs them.
WITH_PYTHON = [p for p in PAGES if blocks(p, "python") and p.name != "studio-api.md"]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_python_blocks_run(
    page: Path,
    sound_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    picture = Path(__file__).parent / "runtime" / "bundles" / "format-2"
    shutil.copytree(picture, tmp_path / "exported" / "brick")
    shutil.copytree(sound_bundle, tmp_path / "exported" / "water")
    for number, block in enumerate(blocks(page, "python")):
        code = compile(block, f"{name(page)}, Python block {number + 1}", "exec")
        with contextlib.suppress(EnoughError):
            exec(code, {"print": printing(20)})


class EnoughError(Exception):
    """Ends a block that goes on without end."""


def printing(times: int) -> Callable[..., None]:
    """Give a ``print`` that formats, and ends the block at its last time."""
    left = iter(range(times))

    def say(*values: object) -> None:
        assert " ".join(map(str, values))
        if next(left, None) is None:
            raise EnoughError

    return say


@pytest.fixture
def sound_bundle(
    edit_bundle: Callable[[Callable[[Card], Card], dict[str, str]], Path],
) -> Path:
    """Give a bundle of a whitened sound, E(x) = ½‖x‖², without a generator."""
    x = ("batch", 1, "t")
    energy = Graph("energy.onnx", (1,), {"x": x}, {"energy": ("batch",), "gradient": x})

    def edit(card: Card) -> Card:
        return replace(
            card,
            signal=Signal("sound", 1, 1, (-1.0, 1.0), (-0.5, 0.5), (64,), (True,), 8000.0, (0.9,)),
            latent=None,
            sigma=None,
            langevin=Langevin(steps=2, step_size=0.1, reach=(0,)),
            graphs={"energy": energy},
            files={"energy.onnx": card.files["energy.onnx"]},
        )

    return edit_bundle(edit, {"energy.onnx": SOUND_ENERGY})


def test_what_implements_an_equation_is_where_the_page_says() -> None:
    text = (DOCS / "algorithms.md").read_text("utf-8")
    places = re.findall(r"`(coop_\w+/[\w/]+\.py)`, `([\w.]+)`", text)
    assert len(places) > 30
    for file, thing in places:
        path = ROOT / {"coop_trainer": "trainer", "coop_runtime": "runtime"}[file.split("/")[0]]
        body = ast.parse((path / file).read_text("utf-8")).body
        for part in thing.split("."):
            found = [n for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
            body = next((n.body for n in found if n.name == part), [])
            assert body, f"docs/algorithms.md: {file} has no {thing}"


def test_pictures_of_the_pages_are_small_and_used() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    for picture in (DOCS / "pictures").iterdir():
        assert picture.stat().st_size < 360_000, picture.name
        assert f"pictures/{picture.name}" in text, picture.name
