"""Loading a bundle, verified: the card, the bytes of its graphs, and what these must be."""

import hashlib
import math
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from .arguments import check_choice, check_number
from .card import CARD_FILE, Card
from .contract import check_body, check_contract, example_numbers, example_shapes
from .errors import ArgumentError, CardError, FileError, GraphError, shown
from .graphs import LoadedGraph
from .inspect_graph import MEMORY, inspect_graph
from .model import Model
from .onnx_file import read_file
from .reading import read_regular
from .sessions import SessionOptions, choose_device, open_session
from .torchscript import open_programs

__all__ = ["Backend", "load", "read_card", "read_graph", "read_sample"]

Backend = Literal["auto", "onnx", "torchscript"]
_AGAIN = "fetch or export the bundle again"
_LARGEST_CARD = 2**22  # bytes
_LARGEST_FILE = 2**30


def load(
    folder: Path | str,
    device: str = "auto",
    threads: int | None = None,
    *,
    backend: Backend = "auto",
    time_limit: float | None = None,
    options: SessionOptions | None = None,
    interrupt: Callable[[], bool] | None = None,
) -> Model:
    """Load a bundle, verified: the card, every graph's bytes, operators, names, types and shapes.

    Only files that the card names are read, and nothing is run before all are verified.

    Parameters
    ----------
    folder
        A folder that coop-export wrote.
    device
        ``"auto"`` (a CUDA device if it really works, else the CPU), ``"cpu"``, ``"cuda"`` or
        ``"cuda:1"``; a device asked for by name is taken or refused, never replaced.
    threads
        Threads of one operation on the CPU, ≥ 1; None for one per core.
    backend
        ``"auto"`` and ``"onnx"`` play the ONNX graphs; ``"torchscript"`` plays the TorchScript
        programs, which need torch, and can do harm: ask for it only where you trust who made them.
    time_limit
        Seconds, > 0, after which the loading of a graph, and then each run of one for one example,
        is ended with `TimeLimitError`, as soon as the operator under way is done; None for no
        limit. Only with ONNX.
    options
        Threads, memory and more of ONNX Runtime, see `SessionOptions`; ``threads`` overrules it.
    interrupt
        Asked, in the thread that calls, before a graph is run for one example; True ends the call
        with `CancelledError`. Only with ONNX.

    Raises
    ------
    BundleError
        One line: which file is missing, changed or not as the card says, or holds what coop-export
        never writes.
    TimeLimitError
        A graph took longer than ``time_limit`` to load.
    ArgumentError
        A wrong argument, or why the device cannot be had.

    Examples
    --------
    >>> model = load("exported/brick")  # doctest: +SKIP
    >>> draft = model.generate(n=1, seed=0, size=(448, 448))  # doctest: +SKIP
    >>> *_, last = model.refine(draft, steps=30)  # doctest: +SKIP
    """
    check_choice("backend", backend, "auto", "onnx", "torchscript")
    if time_limit is not None:
        check_number("time_limit", time_limit, most=math.inf)
    if not isinstance(options, SessionOptions | None):
        raise ArgumentError("options", f"expected SessionOptions, found {shown(options)}")
    if interrupt is not None and not callable(interrupt):
        raise ArgumentError("interrupt", f"expected a function, found {shown(interrupt)}")
    chosen = options or SessionOptions()
    if threads is not None:
        chosen = replace(chosen, threads=threads)
    card = read_card(folder)
    if backend == "torchscript":
        programs, place = open_programs(card, partial(_read, folder, card), device, threads)
        return Model(card, programs, place)
    device = choose_device(device)
    files = {name: read_graph(folder, card, name, chosen.memory) for name in card.graphs}
    graphs = {}
    for name, data in files.items():
        spec = card.graphs[name]
        session = open_session(data, device, chosen, spec.file, time_limit)
        graphs[name] = LoadedGraph(
            spec,
            session,
            time_limit=time_limit,
            shrink=chosen.shrunk(device),
            bound=device if name == "chain" and device != "cpu" else None,
            interrupt=interrupt,
        )
    return Model(card, graphs, device)


def read_card(folder: Path | str) -> Card:
    """Read and check the card of the bundle in ``folder``, and nothing else of it.

    Raises
    ------
    BundleError
        No such folder, no card in it, or a card that is not valid.

    Examples
    --------
    >>> read_card("exported/brik")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CardError: no such bundle: 'exported/brik'; give a folder of coop-export
    """
    if not isinstance(folder, str | os.PathLike):
        raise ArgumentError("folder", f"expected a path, found {shown(folder)}")
    folder = Path(folder)
    if "\0" in str(folder) or not folder.is_dir():
        raise CardError(f"no such bundle: '{folder}'; give a folder of coop-export")
    try:
        text = read_regular(folder / CARD_FILE, _LARGEST_CARD)
    except FileNotFoundError:
        raise CardError(
            f"'{folder}' has no {CARD_FILE}, so it is no bundle; give a folder of coop-export"
        ) from None
    try:
        card = Card.from_json(text)
        for name in card.graphs:
            check_contract(card, name)
    except CardError as error:
        raise CardError(f"'{folder}': {error}") from None
    return card


def read_graph(folder: Path | str, card: Card, name: str, memory: int = MEMORY) -> bytes:
    """Read the file of graph ``name`` once, verify these bytes against the card, look into them.

    Parameters
    ----------
    folder, card
        The bundle, and what `read_card` gave.
    name
        Of the graph.
    memory
        Bytes that a run at the size of training may need.

    Raises
    ------
    FileError
        The file is missing, cannot be read, or is not the one that the card describes.
    GraphError
        It holds what coop-export never writes, or not what the card says.
    """
    graph = card.graphs[name]
    data = _read(folder, card, graph.file)
    try:
        content = read_file(data)
        check_body(graph, content.graph)
        inspect_graph(
            content,
            *example_shapes(card, name),
            numbers=example_numbers(card),
            chain=name == "chain",
            memory=memory,
        )
    except GraphError as error:
        raise GraphError(f"{graph.file}: {error}; {_AGAIN}") from None
    return data


def read_sample(folder: Path | str, card: Card, name: str) -> bytes | None:
    """Read the file ``samples/NAME``, verified against the card; None if the card names none.

    Parameters
    ----------
    folder, card
        The bundle, and what `read_card` gave.
    name
        Such as ``"original.wav"``, what the model learned from; see docs/format.md.

    Raises
    ------
    FileError
        The file is missing, cannot be read, or is not the one that the card describes.
    """
    file = f"samples/{name}"
    return _read(folder, card, file) if file in card.files else None


def _read(folder: Path | str, card: Card, file: str) -> bytes:
    path, entry = Path(folder) / file, card.files[file]
    if entry.bytes > _LARGEST_FILE:
        raise FileError(f"'{path}': expected at most {_LARGEST_FILE} bytes, found {entry.bytes}")
    try:
        data = read_regular(path, entry.bytes, exactly=True)
    except FileNotFoundError:
        raise FileError(f"'{path}' is missing from the bundle; {_AGAIN}") from None
    if len(data) != entry.bytes:
        raise FileError(f"'{path}': expected {entry.bytes} bytes, found {len(data)}; {_AGAIN}")
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise FileError(
            f"'{path}' was changed: expected sha256 {entry.sha256[:12]}…, "
            f"found {found[:12]}…; {_AGAIN}"
        )
    return data
