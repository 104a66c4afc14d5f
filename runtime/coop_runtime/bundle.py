"""Loading a bundle, verified: the card, the bytes of its graphs, and what these must be."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from .card import CARD_FILE, Card, Graph
from .chain import CHAIN_SCALARS, WHOLE
from .errors import ArgumentError, BundleError, CardError, FileError, GraphError
from .graphs import LoadedGraph
from .model import Model
from .reading import plain, read_regular
from .sessions import SessionOptions, choose_device, open_session
from .torchscript import open_programs
from .vetting import vet

__all__ = ["Backend", "check_contract", "check_session", "load", "read_card", "read_graph"]

Backend = Literal["auto", "onnx", "torchscript"]
Shape = tuple[int | str, ...]
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
    arena: bool = True,
    provider_options: Mapping[str, str] | None = None,
) -> Model:
    """Load a bundle, verified: the card, every graph's bytes, names, types and shapes.

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
        Seconds, > 0, after which a graph's run for one example is ended with `TimeLimitError`;
        None for no limit. Only with ONNX.
    arena
        Whether ONNX Runtime keeps memory for the next call; without it calls are slower and the
        process smaller.
    provider_options
        For ONNX Runtime's CUDA provider, e.g. ``{"gpu_mem_limit": "2000000000"}``.

    Raises
    ------
    BundleError
        One line: which file is missing, changed or not as the card says.
    ArgumentError
        A wrong argument, or why the device cannot be had.

    Examples
    --------
    >>> model = load("exported/brick")  # doctest: +SKIP
    >>> draft = model.generate(n=1, seed=0, size=(448, 448))  # doctest: +SKIP
    >>> *_, last = model.refine(draft, steps=30)  # doctest: +SKIP
    """
    if backend not in ("auto", "onnx", "torchscript"):
        raise ArgumentError("backend", f"expected auto, onnx or torchscript, found {backend!r}")
    if time_limit is not None and not time_limit > 0:
        raise ArgumentError("time_limit", f"expected > 0 seconds, found {time_limit}")
    options = SessionOptions(threads, arena, provider_options or {})
    card = read_card(folder)
    for name in card.graphs:
        check_contract(card, name)
    if backend == "torchscript":
        programs, place = open_programs(card, partial(_read, folder, card), device, threads)
        return Model(card, programs, place)
    device = choose_device(device)
    graphs = {}
    for name in card.graphs:
        spec, data = card.graphs[name], read_graph(folder, card, name)
        session = open_session(data, device, options, spec.file)
        check_session(spec, session)
        bound = device if name == "chain" and device != "cpu" else None
        graphs[name] = LoadedGraph(spec, session, time_limit=time_limit, bound=bound)
    return Model(card, graphs, device)


def read_card(folder: Path | str) -> Card:
    """Read and check the card of the bundle in ``folder``.

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
    folder = Path(folder)
    if not folder.is_dir():
        raise CardError(f"no such bundle: '{plain(folder)}'; give a folder of coop-export")
    try:
        text = read_regular(folder / CARD_FILE, _LARGEST_CARD)
    except FileNotFoundError:
        raise CardError(
            f"'{plain(folder)}' has no {CARD_FILE}, so it is no bundle; "
            "give a folder of coop-export"
        ) from None
    return Card.from_json(text)


def read_graph(folder: Path | str, card: Card, name: str) -> bytes:
    """Read the file of graph ``name`` once, verify these bytes against the card, look into them.

    Raises
    ------
    BundleError
        The file is missing, cannot be read, is not the one that the card describes, or holds
        what coop-export never writes, see `vet`.
    """
    file = card.graphs[name].file
    data = _read(folder, card, file)
    try:
        vet(data, name)
    except BundleError as error:
        raise GraphError(f"{file}: {error}") from None
    return data


def _read(folder: Path | str, card: Card, file: str) -> bytes:
    path, entry = Path(folder) / file, card.files[file]
    if entry.bytes > _LARGEST_FILE:
        raise FileError(f"'{path}': expected at most {_LARGEST_FILE} bytes, found {entry.bytes}")
    try:
        data = read_regular(path, _LARGEST_FILE)
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


def check_contract(card: Card, name: str) -> None:
    """Check that the card gives graph ``name`` the names, ranks and fixed sizes it must have.

    Fixed are the channels, and the sizes along axes that cannot be extended.

    Raises
    ------
    BundleError
        One line that says which name or shape differs.
    """
    x: Shape = ("batch", card.signal.channels, *_sizes(card, "size"))
    z: Shape = ("batch",)
    if card.latent is not None:
        z = ("batch", card.latent.channels, *_sizes(card, "cells", card.latent.strides))
    one: Shape = ("batch",)
    contract: dict[str, tuple[dict[str, Shape], dict[str, Shape]]] = {
        "generator": ({"z": z}, {"x": x}),
        "energy": ({"x": x}, {"energy": one, "gradient": x}),
        "posterior": (
            {"z": z, "x": x, "mask": x, "sigma": ()},
            {"log_p": one, "gradient": z, "reconstruction": x},
        ),
        "encoder": ({"x": x}, {"mean": z, "log_variance": z}),
        "chain": (
            {"x": x, "stream": ("batch", 5), "origin": ("batch", card.signal.dims)}
            | dict.fromkeys(CHAIN_SCALARS, ()),
            {"end": x, "gradient": x, "energies": ("batch", "states")},
        ),
    }
    graph, where = card.graphs[name], f"{CARD_FILE}: graph '{name}'"
    for kind, found, expected in zip(
        ("input", "output"), (graph.inputs, graph.outputs), contract[name], strict=True
    ):
        _check_names(where, kind, expected, found)
        for key, shape in expected.items():
            agree = len(found[key]) == len(shape) and all(
                size == number
                for size, number in zip(found[key], shape, strict=True)
                if isinstance(number, int)
            )
            if not agree:
                _refuse_shape(where, kind, key, shape, found[key])


def _sizes(card: Card, free: str, strides: tuple[int, ...] | None = None) -> Shape:
    """Give the spatial shape, in cells of these strides: ``free`` for axes that can be extended."""
    signal = card.signal
    return tuple(
        free if extendable else size // stride
        for size, extendable, stride in zip(
            signal.trained_shape,
            signal.extendable,
            strides or (1,) * signal.dims,
            strict=True,
        )
    )


def check_session(graph: Graph, session: Any) -> None:
    """Check that a session's names, types, ranks and fixed dimensions are the card's.

    Raises
    ------
    BundleError
        One line that says which name, type or shape differs.
    """
    try:
        _check_nodes(graph, "input", session.get_inputs(), graph.inputs)
        _check_nodes(graph, "output", session.get_outputs(), graph.outputs)
    except UnicodeDecodeError:
        raise GraphError(f"{graph.file}: a name in it is not UTF-8; {_AGAIN}") from None


def _check_nodes(graph: Graph, kind: str, nodes: Sequence[Any], expected: dict[str, Shape]) -> None:
    found = {node.name: tuple(node.shape) for node in nodes}
    _check_names(graph.file, kind, expected, found)
    for node in nodes:
        number = "tensor(int64)" if node.name in WHOLE else "tensor(float)"
        if node.type != number:
            raise GraphError(
                f"{graph.file}: {kind} '{node.name}': expected {number}, "
                f"found {node.type}; {_AGAIN}"
            )
        if _fixed(found[node.name]) != _fixed(expected[node.name]):
            _refuse_shape(graph.file, kind, node.name, expected[node.name], found[node.name])


def _fixed(shape: tuple[Any, ...]) -> list[int | None]:
    """Keep the numbers of a shape; a name (or nothing) stands for any size."""
    return [axis if isinstance(axis, int) else None for axis in shape]


def _check_names(where: str, kind: str, expected: dict[str, Shape], found: dict[str, Any]) -> None:
    if set(expected) != set(found):
        raise GraphError(
            f"{where}: expected the {kind}s {', '.join(expected)}, "
            f"found {', '.join(found) or 'none'}; {_AGAIN}"
        )


def _refuse_shape(
    where: str, kind: str, name: str, expected: tuple[Any, ...], found: tuple[Any, ...]
) -> None:
    shapes = [f"({', '.join(map(str, shape))})" for shape in (expected, found)]
    raise GraphError(
        f"{where}: {kind} '{name}': expected the shape {shapes[0]}, found {shapes[1]}; {_AGAIN}"
    )
