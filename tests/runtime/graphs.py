"""Small graphs, and what inspecting them comes to."""

import time
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from coop_runtime import GraphError
from coop_runtime.inspect_graph import inspect_graph
from coop_runtime.onnx_file import read_file

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
