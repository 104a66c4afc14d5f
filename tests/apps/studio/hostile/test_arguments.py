"""Whatever the arguments of an endpoint are: a friendly line, or a result."""

from typing import Any

from .conftest import API, GOOD, Visitor

VALUES: list[Any] = [
    None,
    "",
    "x" * 10_000,
    "../brick",
    "brick/../../canary.txt",
    "/etc/passwd",
    "link",
    "..",
    ".",
    "<script>alert(1)</script>",
    "'; drop table bundles; --",
    "{{7*7}}",
    "%s%n",
    -1,
    0,
    2**53,
    1e308,
    -1e308,
    1e-320,
    True,
    [],
    {},
    [[1]],
    {"a": 1},
    ["brick", "brick"],
]


def test_arguments_of_every_endpoint(visitor: Visitor) -> None:
    """Whatever one argument is: a friendly line, or a result; what others are is as usual."""
    endpoints = visitor.get(f"{API}/info").json()["named_endpoints"]
    assert "/textures" in endpoints
    for name, endpoint in endpoints.items():
        usual = [p.get("parameter_default") for p in endpoint["parameters"]]
        every = 5  # all values for the first, some for each argument of the others: time
        if name == "/textures":
            usual, every = GOOD, 1
        for place in range(len(usual)):
            for value in VALUES[place % every :: every]:
                data = [*usual[:place], value, *usual[place + 1 :]]
                ended = visitor.ask(data, name.strip("/"))
                assert ended.startswith(("complete", "error", "refused 4")), ended
                assert len(ended) < 200_000  # the page's clip is in it


def test_too_few_and_too_many_arguments(visitor: Visitor) -> None:
    for data in ([], GOOD[:3]):
        assert not visitor.ask(data).startswith("complete")
    assert visitor.ask(GOOD * 50).startswith(("complete", "error", "refused 4"))
