"""Sizes are foreseen as ONNX Runtime makes them, and huge ones found before room is made."""

import tracemalloc
from typing import Any

import numpy as np
import onnx
import pytest

from coop_runtime import GraphError
from coop_runtime.sessions import SessionOptions, open_session

from .graphs import Constants, inspected, made, node, refused


def test_huge_sizes() -> None:
    ones = np.ones(1, np.float32)
    doubled = [node("Concat", [f"c{k}"] * 2, [f"c{k + 1}"], axis=0) for k in range(40)]
    first, last = node("Identity", ["x"], ["c0"]), node("ReduceSum", ["c40"], ["y"])
    refused("'c28' is too large", made(first, *doubled, last))
    sizes = {"one": ones, "big": np.array([1 << 10] * 3)}
    expand = [node("Expand", ["one", "big"], ["e"]), node("ReduceSum", ["e"], ["y"])]
    refused("too much would be computed while it is loaded", made(*expand, constants=sizes))
    outer = [
        node("Expand", ["x", "big"], ["e"]),
        node("Unsqueeze", ["e", "zero"], ["row"]),
        node("Unsqueeze", ["e", "one"], ["column"]),
        node("Mul", ["row", "column"], ["product"]),
        node("ReduceSum", ["product"], ["y"], keepdims=0),
    ]
    wide = {"zero": np.array([0]), "one": np.array([1]), "big": np.array([1 << 13, 2])}
    with pytest.raises(GraphError, match="needs more than 64 MiB"):
        inspected(made(*outer, constants=wide), memory=1 << 26)
    padded = node("Conv", ["x", "w"], ["y"], pads=[1 << 20, 1 << 20] * 2)
    square = np.ones((1, 1, 1, 1), np.float32)
    model = made(padded, constants={"w": square}, x=(1, 1, 8, 8), y=(None,) * 4)
    refused("'y' is too large", model, x=(1, 1, 8, 8), y=(1, 1, 8, 8))


def shapes_by_onnxruntime(model: onnx.ModelProto, x: np.ndarray[Any, Any]) -> tuple[int, ...]:
    session = open_session(model.SerializeToString(), "cpu", SessionOptions(threads=1), "g")
    (y,) = session.run(["y"], {"x": x})
    shape: tuple[int, ...] = y.shape
    return shape


def ints(*numbers: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


W = np.ones((4, 3, 5, 3), np.float32)
UP = np.ones((3, 2, 4, 5), np.float32)
CASES: list[tuple[list[onnx.NodeProto], Constants]] = [
    ([node("Conv", ["x", "w"], ["y"], strides=[2, 1], pads=[1, 0, 2, 3])], {"w": W}),
    ([node("Conv", ["x", "w"], ["y"], dilations=[1, 2], kernel_shape=[5, 3])], {"w": W}),
    ([node("ConvTranspose", ["x", "w"], ["y"], strides=[3, 2], pads=[1, 0, 2, 1])], {"w": UP}),
    (
        [node("ConvTranspose", ["x", "w"], ["y"], strides=[3, 2], output_padding=[1, 1])],
        {"w": UP},
    ),
    ([node("AveragePool", ["x"], ["y"], kernel_shape=[2, 3], strides=[2, 2])], {}),
    ([node("Slice", ["x", "s", "e", "a"], ["y"])], {"s": ints(2), "e": ints(-1), "a": ints(3)}),
    (
        [node("Slice", ["x", "s", "e", "a", "d"], ["y"])],
        {"s": ints(-1), "e": ints(-(2**63)), "a": ints(2), "d": ints(-2)},
    ),
    ([node("Split", ["x"], ["y", "z"], axis=3, num_outputs=2)], {}),
    ([node("Split", ["x", "n"], ["y", "z"], axis=3)], {"n": ints(4, 5)}),
    ([node("Reshape", ["x", "n"], ["y"])], {"n": ints(0, -1, 2)}),
    ([node("Transpose", ["x"], ["y"], perm=[0, 3, 1, 2])], {}),
    ([node("Unsqueeze", ["x", "a"], ["y"])], {"a": ints(0, 3)}),
    ([node("Squeeze", ["x", "a"], ["y"])], {"a": ints(0)}),
    ([node("Gather", ["x", "i"], ["y"], axis=1)], {"i": ints(0, 2, -1)}),
    ([node("ReduceSum", ["x", "a"], ["y"], keepdims=0)], {"a": ints(1, -1)}),
    ([node("ReduceMean", ["x"], ["y"])], {}),
    ([node("Flatten", ["x"], ["y"], axis=2)], {}),
    ([node("Pad", ["x", "p"], ["y"])], {"p": ints(0, 0, 1, -2, 0, 0, 3, 4)}),
    ([node("Pad", ["x", "p", "", "a"], ["y"])], {"p": ints(1, 2, 3, 4), "a": ints(3, -2)}),
    ([node("Clip", ["x", "", "m"], ["y"])], {"m": np.ones((), np.float32)}),
    ([node("Concat", ["x", "x"], ["y"], axis=-1)], {}),
    ([node("MatMul", ["x", "m"], ["y"])], {"m": np.ones((1, 3, 9, 4), np.float32)}),
    (
        [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "m"], ["y"], transB=1)],
        {"m": np.ones((5, 192 + 24), np.float32)},
    ),
    ([node("Mul", ["x", "m"], ["y"])], {"m": np.ones((2, 1, 8, 1), np.float32)}),
    (  # sizes that are computed from sizes
        [
            node("Shape", ["x"], ["s"], start=2),
            node("Mul", ["s", "two"], ["t"]),
            node("Div", ["t", "three"], ["q"]),
            node("Concat", ["lead", "q"], ["n"], axis=0),
            node("ConstantOfShape", ["n"], ["y"]),
        ],
        {"two": ints(2), "three": ints(3), "lead": ints(1, 3)},
    ),
    (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "i"], ["n"]),
            node("Expand", ["one", "n"], ["y"]),
        ],
        {"i": ints(3, 1), "one": np.ones((1, 1), np.float32)},
    ),
    (
        [
            node("Greater", ["x", "zero"], ["m"]),
            node("Where", ["m", "x", "zero"], ["w"]),
            node("Neg", ["w"], ["y"]),
        ],
        {"zero": np.zeros(1, np.float32)},
    ),
    (
        [node("Resize", ["x", "", "f"], ["y"], mode="nearest")],
        {"f": np.array([1, 1, 2, 3], np.float32)},
    ),
    (
        [
            node("Constant", [], ["f"], value_floats=[1.0, 1.0, 1.0, 4.0]),
            node("Constant", [], ["n"], value_ints=[0, -1]),
            node("Resize", ["x", "", "f"], ["wide"], mode="nearest", nearest_mode="floor"),
            node("Reshape", ["wide", "n"], ["y"]),
        ],
        {},
    ),
]


@pytest.mark.parametrize(
    ("inputs", "constants", "message"),
    [
        (["x", "", "f"], {"f": np.full(4, 65536, np.float32)}, "'y' is too large"),
        (["x", "", "f"], {"f": np.array([1, 1, 1024, 512], np.float32)}, "more than 256 MiB"),
        (["x", "", "f"], {"f": np.array([1, 1, 2, 1e9], np.float32)}, "whole factors up to 65536"),
        (["x", "", "f"], {"f": np.array([1, 1, 2, np.inf], np.float32)}, "whole factors up to"),
        (["x", "", "f"], {"f": np.array([1, 1, 2, np.nan], np.float32)}, "whole factors up to"),
        (["x", "", "f"], {"f": np.array([1, 1, 2, 1.5], np.float32)}, "whole factors up to"),
        (["x", "", "f"], {"f": np.array([1, 1, 2, 0], np.float32)}, "whole factors up to"),
        (["x", "", "f"], {"f": np.array([2, 2], np.float32)}, "a size depends on data"),
        (["x", "", "x"], {}, "a size depends on data"),
        (["x", "", "", "n"], {"n": np.array([1, 3, 1 << 40, 9])}, "is missing|expected factors"),
        (["x", "", "f", "n"], {"f": np.ones(4, np.float32), "n": [1, 3, 8, 9]}, "nothing else"),
    ],
)
def test_a_huge_or_hidden_scale_is_found_before_room_is_made(
    inputs: list[str], constants: Constants, message: str
) -> None:
    model = made(node("Resize", inputs, ["y"], mode="nearest"), constants=constants, x=(1, 3, 8, 9))
    tracemalloc.start()
    refused(message, model, x=(1, 3, 8, 9), memory=1 << 28)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("case", range(len(CASES)))
def test_sizes_are_those_of_onnxruntime(case: int) -> None:
    nodes, constants = CASES[case]
    x = np.ones((1, 3, 8, 9), np.float32)
    rank = shapes_by_onnxruntime(untyped(nodes, constants), x)
    inspected(made(*nodes, constants=constants, x=x.shape, y=rank), y=rank, x=x.shape)


def untyped(nodes: list[onnx.NodeProto], constants: Constants) -> onnx.ModelProto:
    model = made(*nodes, constants=constants, x=(1, 3, 8, 9))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return model
