"""Weights in 16 bits: stored in half the room, computed with in float32."""

from collections.abc import Iterator

import onnx
import torch
from onnx import GraphProto, TensorProto, helper, numpy_helper

from coop_runtime.card import HalfType
from coop_runtime.errors import CoopError

__all__ = ["LIMITS", "halved"]

#: Largest difference from torch in float32 that is accepted, relative to an output's largest value.
#: One rounding is 0.0005 or 0.004 of a weight; most comes where a unit changes sides of a ReLU.
LIMITS: dict[HalfType, float] = {"float16": 0.05, "bfloat16": 0.1}

_TYPES: dict[HalfType, tuple[int, torch.dtype]] = {
    "float16": (TensorProto.FLOAT16, torch.float16),
    "bfloat16": (TensorProto.BFLOAT16, torch.bfloat16),
}
_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_MOVES = ("Reshape", "Slice", "Transpose")
# Fewer numbers than this spare less than the operator that turns them back takes.
_FEW = 64


def halved(data: bytes, kind: HalfType) -> bytes:
    """Store the weights of convolutions and matrix products in 16 bits, rounded to nearest.

    All else stays float32: inputs, outputs, biases, and whatever is computed; ONNX Runtime turns
    the weights back when it loads the graph. As a weight is rounded once, however often it is
    used, a gradient is still that of the energy beside it.

    Parameters
    ----------
    data
        An ONNX file of `to_onnx`.
    kind
        How they are stored.

    Raises
    ------
    CoopError
        A weight is too large for float16.
    """
    model = onnx.load_from_string(data)
    graph, casts = model.graph, []
    weights = set(_weights(graph))
    for tensor in graph.initializer:
        if tensor.name in weights:
            name, tensor.name = tensor.name, f"{tensor.name}_{kind}"
            _round(tensor, name, kind)
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def _weights(graph: GraphProto) -> Iterator[str]:
    """Give the constants that convolutions and products take, flipped or transposed maybe."""
    sizes = {
        tensor.name: torch.Size(tensor.dims).numel()
        for tensor in graph.initializer
        if tensor.data_type == TensorProto.FLOAT
    }
    made = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        for name in node.input[:2] if node.op_type in _PRODUCTS else ():
            while name in made and made[name].op_type in _MOVES:
                name = made[name].input[0]
            if sizes.get(name, 0) >= _FEW:
                yield name


def _round(tensor: TensorProto, name: str, kind: HalfType) -> None:
    """Replace a tensor's numbers by rounded ones."""
    number, dtype = _TYPES[kind]
    values = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    rounded = values.to(dtype)
    if not bool(rounded.isfinite().all()):
        raise CoopError(
            f"the weights '{name}' reach {float(values.abs().max()):.2g}, more than {kind} holds: "
            "export with --precision bfloat16, or without"
        )
    tensor.data_type = number
    tensor.ClearField("float_data")
    tensor.raw_data = rounded.view(torch.int16).numpy().tobytes()
