"""Strict tables: every refusal names the key."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest

from coop_runtime import CoopError
from coop_runtime.strict import decode, encode


@dataclass(frozen=True)
class Inner:
    size: float


class Row(NamedTuple):
    filters: int
    kernel: int | tuple[int, ...]
    extra: float = 0.5


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    pair: tuple[int, int] = (1, 2)
    many: tuple[float, ...] = ()
    table: dict[str, Inner] | None = None
    either: int | str = 0
    mode: Literal["a", "b"] = "a"
    flag: bool = False
    row: Row | None = None
    rows: tuple[Row, ...] = ()
    choice: int | tuple[int, ...] | None = None
    free: Any = None


FULL: dict[str, Any] = {
    "name": "n",
    "inner": {"size": 1},
    "pair": [3, 4],
    "many": [1, 2.5],
    "table": {"k": {"size": 2.0}},
    "either": "text",
    "mode": "b",
    "flag": True,
    "row": [8, 3, 0.0],
    "rows": [[4, [1, 3], 2.0]],
    "choice": [5],
    "free": [None],
}


def test_named_tuples_are_arrays_whose_defaults_may_be_left_out() -> None:
    outer = decode(Outer, FULL | {"row": [8, [1, 3]], "rows": [Row(2, (3,)), [4, 5, 6]]}, "t")
    assert outer.row == Row(8, (1, 3), 0.5)
    assert outer.rows == (Row(2, (3,), 0.5), Row(4, 5, 6.0))
    assert all(type(row) is Row for row in (outer.row, *outer.rows))
    assert encode(outer)["row"] == [8, [1, 3], 0.5]
    assert type(decode(Outer, encode(outer), "t").row) is Row


@pytest.mark.parametrize("choice", [5, (5, 6), None])
def test_unions_take_the_type_that_fits(choice: object) -> None:
    assert decode(Outer, FULL | {"choice": choice}, "t").choice == choice


def test_round_trip() -> None:
    outer = decode(Outer, FULL, "t")
    assert outer.pair == (3, 4)
    assert outer.table == {"k": Inner(2.0)}
    assert isinstance(outer.inner.size, float)
    assert encode(outer) == FULL
    assert decode(Outer, encode(outer), "t") == outer
    assert decode(Outer, {"name": "n", "inner": {"size": 1}}, "t").pair == (1, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nmae": 1}, r"t: unknown key 'nmae' \(did you mean 'name'\?\); known: name, inner"),
        ({"name": 1}, "t.name: expected a text, found 1"),
        ({"inner": 1}, "t.inner: expected a table, found 1"),
        ({"inner": {}}, "t.inner: the key 'size' is missing"),
        ({"inner": {"size": True}}, "t.inner.size: expected a number, found True"),
        ({"inner": {"size": "1"}}, "t.inner.size: expected a number, found '1'"),
        ({"pair": [1]}, "t.pair: expected 2 values, found 1"),
        ({"pair": [1, 2.5]}, r"t.pair\[1\]: expected a whole number, found 2.5"),
        ({"pair": 1}, "t.pair: expected a list, found 1"),
        ({"many": [1, None]}, r"t.many\[1\]: expected a number, found None"),
        ({"table": []}, r"t.table: expected a table, found \[\]"),
        ({"table": {"k": {"size": []}}}, r"t.table.k.size: expected a number, found \[\]"),
        ({"either": 1.5}, "t.either: expected a whole number or a text, found 1.5"),
        ({"choice": "x"}, "t.choice: expected a whole number or a list, found 'x'"),
        ({"choice": [1, "x"]}, r"t.choice\[1\]: expected a whole number, found 'x'"),
        ({"row": 3}, "t.row: expected a list, found 3"),
        ({"row": {"filters": 3}}, "t.row: expected a list, found {'filters': 3}"),
        ({"row": [3]}, r"t.row: expected 2 to 3 values \(filters, kernel, extra\), found 1"),
        ({"row": [3, None]}, "t.row.kernel: expected a whole number or a list, found None"),
        ({"rows": [[1, 1], [1, "x"]]}, r"t.rows\[1\].kernel: expected a whole number or a list"),
        ({"mode": "c"}, "t.mode: expected one of a, b; found 'c'"),
        ({"flag": 1}, "t.flag: expected true or false, found 1"),
        ({"flag": "x" * 99}, r"t.flag: expected true or false, found 'x{36}\.\.\."),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CoopError, match=message):
        decode(Outer, FULL | changes, "t")


def test_not_a_table() -> None:
    with pytest.raises(CoopError, match=r"t: expected a table, found \[1\]"):
        decode(Outer, [1], "t")
