"""What a graph must not hold, found before ONNX Runtime sees it."""

import time
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

from .graphs import inspected, made, node, refused


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


def test_every_operator_is_standard() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain}
    assert set(OPERATORS) <= known
