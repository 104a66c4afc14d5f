"""A bundle with anything wrong is refused in one line that says what."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coop_runtime import Card, CoopError, load, read_card
from coop_runtime.card import Graph

Edit = Callable[[Callable[[Card], Card], dict[str, str]], Path]


def refused(folder: Path, pattern: str) -> None:
    with pytest.raises(CoopError, match=pattern) as caught:
        load(folder, "cpu")
    assert "\n" not in str(caught.value)


def edit_json(folder: Path, **changes: Any) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def graph_changed(card: Card, name: str, **changes: Any) -> Card:
    graph: Graph = replace(card.graphs[name], **changes)
    return replace(card, graphs=card.graphs | {name: graph})


def same(card: Card) -> Card:
    return card


def test_load(tiny_bundle: Path) -> None:
    model = load(str(tiny_bundle), "cpu", threads=1)
    assert model.card == read_card(tiny_bundle)
    assert model.device == "cpu"
    assert set(model.graphs) == {"generator", "energy", "posterior"}
    with pytest.raises(CoopError, match="threads: expected a whole number ≥ 1, found 0"):
        load(tiny_bundle, "cpu", threads=0)


def test_missing_things(tiny_bundle: Path) -> None:
    refused(tiny_bundle / "nothing", "no such bundle: '.*nothing'; give a folder of coop-export")
    refused(tiny_bundle / "card.json", "no such bundle")
    (tiny_bundle / "energy.onnx").unlink()
    refused(tiny_bundle, "energy.onnx' is missing from the bundle")
    (tiny_bundle / "card.json").unlink()
    refused(tiny_bundle, "has no card.json, so it is no bundle")
    (tiny_bundle / "card.json").mkdir()
    refused(tiny_bundle, "cannot read '.*card.json': it is not a regular file")


@pytest.mark.parametrize("name", ["generator.onnx", "energy.onnx", "posterior.onnx"])
def test_flipped_byte(tiny_bundle: Path, name: str) -> None:
    path = tiny_bundle / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(tiny_bundle, f"{name}' was changed: expected sha256 .*…, found .*…; fetch or export")
    path.write_bytes(data[:-1])
    refused(tiny_bundle, f"{name}': expected {len(data)} bytes, found {len(data) - 1}")


def test_each_graph_is_read_once(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    original = os.open

    def counting(path: Path, flags: int) -> int:
        read.append(path.name)
        return original(path, flags)

    monkeypatch.setattr(os, "open", counting)
    load(tiny_bundle, "cpu")
    assert sorted(read) == ["card.json", "energy.onnx", "generator.onnx", "posterior.onnx"]


@pytest.mark.parametrize("version", [3, 0, None, "1", True])
def test_unknown_format(tiny_bundle: Path, version: object) -> None:
    edit_json(tiny_bundle, format=version)
    refused(tiny_bundle, r"card.json: unknown format version|card.json.format: expected a whole")


def test_a_card_that_is_not_valid(tiny_bundle: Path) -> None:
    card = tiny_bundle / "card.json"
    valid = card.read_text("utf-8")
    edit_json(tiny_bundle, sigmma=1)
    refused(tiny_bundle, r"unknown key 'sigmma' \(did you mean 'sigma'\?\)")
    edited = valid.replace('"generator.onnx"', '"../generator.onnx"')
    card.write_text(edited, "utf-8")
    refused(tiny_bundle, "expected a file name inside the bundle, found '../generator.onnx'")
    for text in (valid[:-20], "", "[]", "[" * 100_000):
        card.write_text(text, "utf-8")
        refused(tiny_bundle, "card.json: ")
    card.write_bytes(b"\xff\xfe{}\x00")
    refused(tiny_bundle, "card.json: ")


def test_names_that_differ_from_the_card(edit_bundle: Edit, energy_text: str) -> None:
    text = re.sub(r"\bgradient\b", "grad", energy_text)
    refused(
        edit_bundle(same, {"energy.onnx": text}),
        "energy.onnx: expected the outputs energy, gradient, found energy, grad;",
    )


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("float[batch, 3, H, W] x)", "float[batch, 3, 8, W] x)", r"\(any, 3, 8, any\)"),
        ("float[batch, 3, H, W] gradient", "float[batch, 3, H, 8] gradient", r"\(any, 3, any, 8\)"),
    ],
)
def test_shapes_that_differ_from_the_card(
    edit_bundle: Edit, energy_text: str, old: str, new: str, found: str
) -> None:
    folder = edit_bundle(same, {"energy.onnx": energy_text.replace(old, new)})
    where = r"energy.onnx: \w+put '\w+': expected the shape \(batch, 3, H, W\)"
    refused(folder, f"{where}, found {found};")


def test_element_types_that_differ(edit_bundle: Edit, energy_text: str) -> None:
    text = energy_text.replace("float[batch, 3, H, W] x)", "double[batch, 3, H, W] x)")
    refused(
        edit_bundle(same, {"energy.onnx": text}),
        r"energy.onnx: input 'x': expected float32, found float64",
    )


def test_a_card_that_breaks_the_contract(edit_bundle: Edit) -> None:
    def renamed(card: Card) -> Card:
        return graph_changed(card, "generator", inputs={"latent": ("batch", 2, "h", "w")})

    refused(edit_bundle(renamed, {}), "graph 'generator': expected the inputs z, found latent")


def test_a_card_with_other_channels_or_ranks(tmp_path: Path, edit_bundle: Edit) -> None:
    shapes = [("batch", 4, "H", "W"), ("batch", 3, "W")]
    for shape in shapes:
        folder = edit_bundle(
            lambda card, s=shape: graph_changed(card, "generator", outputs={"x": s}),  # type: ignore[misc]
            {},
        )
        refused(
            folder, r"graph 'generator': output 'x': expected the shape \(batch, 3, size, size\)"
        )
        folder.rename(tmp_path / str(len(shape)))


def test_not_a_graph(tiny_bundle: Path, tiny_files: dict[str, bytes]) -> None:
    text = b"no graph"
    (tiny_bundle / "energy.onnx").write_bytes(text)
    entry = {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    files = json.loads((tiny_bundle / "card.json").read_text("utf-8"))["files"]
    edit_json(tiny_bundle, files=files | {"energy.onnx": entry})
    refused(tiny_bundle, "energy.onnx: a field that coop-export does not write .* fetch or export")
    assert set(files) == set(tiny_files)
