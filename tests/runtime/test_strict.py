"""Strict tables: every refusal names the key."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from coop_runtime import CoopError
from coop_runtime.strict import decode, encode


@dataclass(frozen=True)
class Inner:
    size: float


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
    "free": [None],
}


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
        ({"either": 1.5}, "t.either: expected a text, found 1.5"),
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
