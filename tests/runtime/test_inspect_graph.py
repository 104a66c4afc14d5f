"""What a graph must not hold, found before ONNX Runtime sees it; and that sizes are foreseen."""

import time
import tracemalloc
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from coop_runtime import GraphError
from coop_runtime.inspect_graph import inspect_graph
from coop_runtime.onnx_file import read_file
from coop_runtime.operators import OPERATORS
from coop_runtime.sessions import SessionOptions, open_session
from coop_runtime.watchdog import limited

node = helper.make_node
Constants = dict[str, Any]


def made(
    *nodes: onnx.NodeProto,
    constants: Constants | None = None,
    x: tuple[int, ...] = (2,),
    y: tuple[int | None, ...] = (None,),
) -> onnx.ModelProto:
    """Give a model that makes y of x, with these float32 or int64 constants."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)]
    arrays = [numpy_helper.from_array(np.array(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "g", inputs, outputs, arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def inspected(
    model: onnx.ModelProto | bytes,
    y: tuple[int, ...] = (2,),
    x: tuple[int, ...] = (2,),
    **options: Any,
) -> None:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    inspect_graph(read_file(data), {"x": x}, {"y": y}, **options)


def refused(message: str, model: onnx.ModelProto | bytes, **options: Any) -> None:
    began = time.monotonic()
    with pytest.raises(GraphError, match=message) as caught:
        inspected(model, **options)
    assert str(caught.value).isprintable()
    assert time.monotonic() - began < 2


def identity() -> onnx.ModelProto:
    return made(node("Identity", ["x"], ["y"]))


def with_tensor(tensor: onnx.TensorProto) -> onnx.ModelProto:
    model = made(node("Add", ["x", "c"], ["y"]))
    tensor.name = "c"
    model.graph.initializer.append(tensor)
    return model


def test_fields_that_coop_export_does_not_write() -> None:
    inspected(identity())
    for key, value, message in (
        ("functions", onnx.FunctionProto(name="f"), r"does not write \(number 25\)"),
        ("training_info", onnx.TrainingInfoProto(), r"does not write \(number 20\)"),
        ("opset_import", helper.make_opsetid("com.microsoft", 1), "the standard operators"),
        ("metadata_props", onnx.StringStringEntryProto(key="k"), r"\(number 14\)"),
    ):
        model = identity()
        getattr(model, key).append(value)
        refused(message, model)
    model = identity()
    model.graph.sparse_initializer.append(onnx.SparseTensorProto())
    refused(r"does not write \(number 15\)", model)
    model = identity()
    model.graph.node[0].overload = "o"
    refused(r"does not write \(number 8\)", model)
    model = identity()
    model.ir_version = 3
    refused("version of the format: expected 8 to 13, found 3", model)
    model = identity()
    model.opset_import[0].version = 9
    refused("version of the operators: expected 18 to 23, found 9", model)


def test_operators_and_subgraphs() -> None:
    body = helper.make_graph([], "body", [], [])
    for operator, message in (
        (node("Identity", ["x"], ["y"], domain="evil"), "operators of the domain 'evil'"),
        (node("Scan", ["x"], ["y"]), "the operator 'Scan' is not allowed"),
        (node("Loop", ["x"], ["y"], body=body), "the operator 'Loop' is not allowed"),
        (node("BitShift", ["x"], ["y"]), "the operator 'BitShift' is not allowed"),
        (node("Identity", ["x"], ["y"], body=body), "'Identity' cannot have a subgraph"),
        (node("\x1b[2J", ["x"], ["y"]), r"the operator '\\x1b\[2J' is not allowed"),
        (node("Identity", ["z"], ["y"]), "'z' is used before it is computed"),
        (node("Identity", ["x"], ["x"]), "the name 'x' is given twice"),
        (node("Identity", ["x"], [""]), "the name '' is given twice, or empty"),
        (node("Identity", [], ["y"]), "input 1 is missing"),
        (node("Identity", ["x"], ["y", "z"]), r"has 1 output\(s\)"),
    ):
        refused(message, made(operator))


def test_tensors() -> None:
    def tensor(**changes: Any) -> onnx.TensorProto:
        made_tensor = numpy_helper.from_array(np.zeros(2, np.float32))
        for key, value in changes.items():
            field = getattr(made_tensor, key)
            if isinstance(value, list):
                del field[:]
                field.extend(value)
            else:
                setattr(made_tensor, key, value)
        return made_tensor

    inspected(with_tensor(tensor()))
    inspected(with_tensor(helper.make_tensor("c", TensorProto.FLOAT, [2], [1.0, 2.0])))
    external = tensor(data_location=TensorProto.EXTERNAL)
    external.external_data.add(key="location", value="../../etc/passwd")
    refused(r"does not write \(number 1[34]\)", with_tensor(external))
    for message, changes in (
        ("are not of the shape", {"dims": [3]}),
        ("is too large", {"dims": [1 << 40]}),
        ("are not of the shape", {"dims": [1 << 31, 1 << 31, 0]}),
        ("is too large", {"dims": [1] * 9}),
        ("is too large", {"dims": [-2]}),
        ("an element type", {"data_type": TensorProto.STRING}),
        ("an element type", {"data_type": 99}),
        ("are not of the shape", {"float_data": [1.0, 2.0]}),
        ("are not of the shape", {"raw_data": b""}),
    ):
        refused(message, with_tensor(tensor(**changes)))
    truth = tensor(data_type=TensorProto.BOOL, raw_data=b"\x01\x02")
    refused("are not of the shape", with_tensor(truth))


def test_bytes_that_are_no_file() -> None:
    data = identity().SerializeToString()
    refused("no graph", b"\x08\x08" + b"\x42\x02\x10\x12")
    refused("does not write", b"not a graph")
    refused("'producer' is there twice", data + b"\x12\x00" * 2)
    refused("'graph' is there twice", data + b"\x3a\x00")
    refused("cut off", data + b"\x12")
    refused("cut off", data + b"\x12\x7f")
    refused("not a number", data + b"\x28" + b"\xff" * 10)
    refused("'version' is of a wrong type", data + b"\x2d" + b"\x00" * 4)
    refused("'note' is no text", data + b"\x32\x01\xff")
    refused("'note' is too long", data + b"\x32\x80\x80\x04" + b"a" * (1 << 16))


def test_reading_takes_linear_time_and_little_memory() -> None:
    many = made(node("Identity", ["x"], ["y"]))
    nodes = b"\x0a\x00" * 10_000_000  # ten million empty nodes in a graph
    graph = many.graph.SerializeToString() + nodes
    data = b"\x08\x08\x42\x02\x10\x12\x3a" + length(len(graph)) + graph
    refused("too many fields and numbers", data)
    deep = b""
    for _ in range(2000):  # a graph in an attribute of a node of a graph …
        attribute = b"\x32" + length(len(deep)) + deep
        inner = b"\x2a" + length(len(attribute)) + attribute
        deep = b"\x0a" + length(len(inner)) + inner
    refused("nested too deeply", b"\x3a" + length(len(deep)) + deep)


def length(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


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


def test_whole_numbers_are_not_divided_by_what_may_be_zero() -> None:
    shape = node("Shape", ["x"], ["s"])
    for by, nodes in (
        ("zero", [node("Sub", ["s", "s"], ["zero"])]),
        ("far", [node("Cast", ["x"], ["far"], to=TensorProto.INT64)]),
        ("minus", []),
    ):
        divided = [node("Div", ["s", by], ["q"]), node("Cast", ["q"], ["y"], to=1)]
        message = "not positive|a size depends on data"
        refused(message, made(shape, *nodes, *divided, constants={"minus": np.array([-1])}))


def test_numbers_of_16_bits_are_only_weights_turned_into_float32() -> None:
    def rounded(kind: int, *nodes: onnx.NodeProto) -> onnx.ModelProto:
        model = made(*nodes)
        weights = onnx.TensorProto(name="w", data_type=kind, dims=[2], raw_data=bytes(4))
        model.graph.initializer.append(weights)
        return model

    added = node("Add", ["x", "c"], ["y"])
    for kind in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
        inspected(rounded(kind, node("Cast", ["w"], ["c"], to=1), added))
        less = (node("Cast", ["x"], ["c"], to=kind), node("Cast", ["c"], ["y"], to=1))
        refused("only weights may have them", rounded(kind, *less))
        for other in (7, 10, 11, 16):
            turned = node("Cast", ["w"], ["d"], to=other), node("Cast", ["d"], ["c"], to=1)
            refused("only weights may have them", rounded(kind, *turned, added))
        refused("'Add' is given numbers of 16 bits", rounded(kind, node("Add", ["w", "w"], ["y"])))
        shape = node("Reshape", ["w", "w"], ["c"])
        refused("'Reshape' is given numbers of 16 bits", rounded(kind, shape, added))
        cut = rounded(kind, node("Cast", ["w"], ["c"], to=1), added)
        cut.graph.initializer[0].raw_data = bytes(3)
        refused("the bytes of the tensor 'w' are not of the shape", cut)
        # Sizes are checked as those of float32 are: what they become counts.
        wide = rounded(kind, node("Cast", ["w"], ["c"], to=1), added)
        wide.graph.initializer[0].CopyFrom(
            onnx.TensorProto(name="w", data_type=kind, dims=[1 << 20], raw_data=bytes(1 << 21))
        )
        with pytest.raises(GraphError, match="needs more than 4 MiB"):
            inspected(wide, memory=1 << 22)


def test_outputs_are_what_the_card_says() -> None:
    refused(r"output 'y': expected the shape \(3,\), it gives \(2,\)", identity(), y=(3,))
    refused("'y' is not of the type and shape", made(node("Identity", ["x"], ["y"]), y=(7,)))


def loop(steps: str = "n", body_output: str = "after", operator: str = "Tanh") -> onnx.ModelProto:
    """Give a chain: y = tanh(tanh(… x)), n times."""

    def value(name: str, kind: int, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    nodes = [node("Identity", ["on"], ["still"]), node(operator, ["before"], ["after"])]
    if body_output == "wide":
        nodes.append(node("Concat", ["after", "after"], ["wide"], axis=0))
    body = helper.make_graph(
        nodes,
        "step",
        [
            value("k", TensorProto.INT64, []),
            value("on", TensorProto.BOOL, []),
            value("before", TensorProto.FLOAT, [2]),
        ],
        [
            value("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info(body_output, TensorProto.FLOAT, [None]),
        ],
    )
    model = made(node("Loop", [steps, "", "x"], ["y"], body=body))
    model.graph.input.append(value("n", TensorProto.INT64, []))
    model.graph.initializer.append(numpy_helper.from_array(np.array(1 << 62), "forever"))
    return model


def test_a_loop_stands_in_a_chain_only() -> None:
    def inspect(model: onnx.ModelProto, chain: bool = True) -> None:
        file = read_file(model.SerializeToString())
        shapes, numbers = {"x": (2,), "n": ()}, {"n": [5]}
        inspect_graph(file, shapes, {"y": (2,)}, numbers=numbers, chain=chain)

    inspect(loop())
    for model, chain, message in (
        (loop(), False, "the operator 'Loop' is not allowed"),
        (loop(steps="forever"), True, "whose number of steps is not the caller's"),
        (loop(steps=""), True, "whose number of steps is not the caller's"),
        (loop(body_output="wide"), True, r"a loop that makes \(4,\) of \(2,\)"),
        (loop(operator="Loop"), True, "a loop without a body|'Loop' is not allowed"),
    ):
        with pytest.raises(GraphError, match=message):
            inspect(model, chain)


def test_an_endless_loop_is_stopped() -> None:
    session = open_session(loop().SerializeToString(), "cpu", SessionOptions(threads=1), "g")
    options, x = onnxruntime.RunOptions(), np.ones(2, np.float32)
    with limited(0.2, lambda: setattr(options, "terminate", True)) as late:
        began = time.monotonic()
        with pytest.raises(Exception, match="terminate"):
            session.run(["y"], {"x": x, "n": np.array(1 << 62)}, options)
    assert late.is_set()
    assert time.monotonic() - began < 2
    (y,) = session.run(["y"], {"x": x, "n": np.array(3)})
    np.testing.assert_allclose(y, np.tanh(np.tanh(np.tanh(x))), rtol=1e-5)


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


def test_every_operator_is_standard() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain}
    assert set(OPERATORS) <= known
