"""What the graphs of a card must take and give: names, types and shapes."""

from collections.abc import Iterable, Sequence
from typing import Any

from .arrays import round_up
from .card import CARD_FILE, Card, Graph
from .chain import CHAIN_SCALARS, WHOLE
from .errors import CardError, GraphError
from .onnx_file import TYPES, Body, Value

__all__ = ["check_body", "check_contract", "example_numbers", "example_shapes"]

Shape = tuple[int | str, ...]
Shapes = dict[str, Shape]

_AGAIN = "fetch or export the bundle again"
_FLOAT, _INT64 = 1, 7


def check_contract(card: Card, name: str) -> None:
    """Check that the card gives graph ``name`` the names, ranks and fixed sizes it must have.

    Fixed are the channels, and the sizes along axes that cannot be extended.

    Raises
    ------
    CardError
        One line that says which name or shape differs.
    """
    graph, where = card.graphs[name], f"{CARD_FILE}: graph '{name}'"
    cells = () if card.latent is None else _sizes(card, "cells", card.latent.strides)
    contract = _contract(card, name, "batch", _sizes(card, "size"), cells, "states")
    for kind, found, expected in zip(
        ("input", "output"), (graph.inputs, graph.outputs), contract, strict=True
    ):
        if set(expected) != set(found):
            raise CardError(f"{where}: {_other_names(kind, expected, found)}; {_AGAIN}")
        for key, shape in expected.items():
            agree = len(found[key]) == len(shape) and all(
                size == number
                for size, number in zip(found[key], shape, strict=True)
                if isinstance(number, int)
            )
            if not agree:
                raise CardError(f"{where}: {_other_shape(kind, key, shape, found[key])}; {_AGAIN}")


def check_body(graph: Graph, body: Body) -> None:
    """Check that a graph's names, types, ranks and fixed dimensions are the card's.

    Raises
    ------
    GraphError
        One line that says which name, type or shape differs.
    """
    for kind, values, expected in (
        ("input", body.inputs, graph.inputs),
        ("output", body.outputs, graph.outputs),
    ):
        found = {value.name: value for value in values}
        if set(expected) != set(found) or len(found) != len(values):
            raise GraphError(_other_names(kind, expected, [v.name for v in values]))
        for key, value in found.items():
            _check_value(kind, value, expected[key])


def example_shapes(card: Card, name: str) -> tuple[Shapes, Shapes]:
    """Give the shape of each input and output of graph ``name`` for one example as in training.

    Sizes off the graph's strides are rounded up; a chain takes the card's number of steps.
    """
    size = round_up(card.signal.trained_shape, card.graphs[name].strides)
    cells: Sequence[int] = ()
    if card.latent is not None:
        whole = round_up(card.signal.trained_shape, card.latent.strides)
        cells = [n // stride for n, stride in zip(whole, card.latent.strides, strict=True)]
    return _contract(card, name, 1, size, cells, _steps(card) + 1)


def example_numbers(card: Card) -> dict[str, list[int]]:
    """Give the whole numbers of such a run of a chain from which it makes sizes."""
    return {"steps": [_steps(card)], "first_step": [1], "origin": [0] * card.signal.dims}


def _steps(card: Card) -> int:
    return max(1, card.langevin.steps if card.langevin else 1)


def _contract(
    card: Card,
    name: str,
    batch: int | str,
    size: Sequence[int | str],
    cells: Sequence[int | str],
    states: int | str,
) -> tuple[Shapes, Shapes]:
    """Give what graph ``name`` takes and gives, for this batch, size and so many cells, states."""
    x: Shape = (batch, card.signal.channels, *size)
    z: Shape = (batch,) if card.latent is None else (batch, card.latent.channels, *cells)
    one: Shape = (batch,)
    contracts: dict[str, tuple[Shapes, Shapes]] = {
        "generator": ({"z": z}, {"x": x}),
        "energy": ({"x": x}, {"energy": one, "gradient": x}),
        "posterior": (
            {"z": z, "x": x, "mask": x, "sigma": ()},
            {"log_p": one, "gradient": z, "reconstruction": x},
        ),
        "encoder": ({"x": x}, {"mean": z, "log_variance": z}),
        "chain": (
            {"x": x, "stream": (batch, 5), "origin": (batch, card.signal.dims)}
            | dict.fromkeys(CHAIN_SCALARS, ()),
            {"end": x, "gradient": x, "energies": (batch, states)},
        ),
    }
    return contracts[name]


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


def _check_value(kind: str, value: Value, expected: Shape) -> None:
    number = _INT64 if value.name in WHOLE else _FLOAT
    if value.type != number:
        raise GraphError(
            f"{kind} '{value.name}': expected {TYPES[number]}, found {TYPES[value.type]}"
        )
    found = value.shape or ()
    if list(found) != [axis if isinstance(axis, int) else None for axis in expected]:
        raise GraphError(_other_shape(kind, value.name, expected, found))


def _other_names(kind: str, expected: Iterable[str], found: Iterable[str]) -> str:
    return f"expected the {kind}s {', '.join(expected)}, found {', '.join(found) or 'none'}"


def _other_shape(kind: str, name: str, expected: Iterable[Any], found: Iterable[Any]) -> str:
    shown = [
        f"({', '.join('any' if axis is None else str(axis) for axis in shape)})"
        for shape in (expected, found)
    ]
    return f"{kind} '{name}': expected the shape {shown[0]}, found {shown[1]}"
