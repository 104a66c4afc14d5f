"""A whole chain of Langevin revision as one graph: CoopNets equation (4) in an ONNX Loop.

The numpy twin is `coop_runtime.langevin.langevin`, with the random numbers of
`coop_runtime.philox`; a test binds the two.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper

from .nodes import Nodes
from .randoms import Block, block, keys, normal

__all__ = ["chain_graph"]


def chain_graph(energy: bytes) -> bytes:
    """Turn an exported energy into a graph that runs a chain in one call, for one example.

    Inputs: ``x`` (1, channels, *sizes), the start; ``steps`` () int64, their number ≥ 0;
    ``first_step`` () int64, the number of the first, 1 for a new chain; ``stream`` (1, 5) int64:
    lower and upper half of the seed, example, purpose, chain; ``origin`` (1, dims) int64, where in
    a larger signal x stands; ``step_size`` (), δ; ``noise`` (), a factor of δ·n, 0 for none;
    ``max_drift``, ``low``, ``high`` (), infinite for no limit.

    Outputs: ``end`` and ``gradient``, like x; ``energies`` (1, steps + 1), of every state.

    Parameters
    ----------
    energy
        ONNX file of ``x`` to ``energy`` and ``gradient``.
    """
    model = onnx.load_from_string(energy)
    dims = len(model.graph.input[0].type.tensor_type.shape.dim) - 2
    outer = Nodes("chain_")
    stream = outer.add("Reshape", "stream", outer.whole(5))
    origin = outer.add("Reshape", "origin", outer.whole(dims))
    # The start is a state too: the first round leaves it where it is.
    rounds = outer.add("Add", "steps", outer.scalar(1))
    before = outer.add("Sub", "first_step", outer.scalar(1))
    all_keys = keys(outer, stream, rounds, before)
    place = block(outer, "x", origin, dims)
    zeros = outer.add("Mul", "x", outer.constant(np.float32(0)))
    body = _body(model, all_keys, place, dims)
    results = ["end", "gradient", f"{outer.prefix}energies"]
    outer.add("Loop", rounds, "", "x", zeros, outputs=results, body=body)
    outer.add("Transpose", results[-1], outputs=["energies"], perm=[1, 0])
    return _model(model, outer, dims)


def _body(model: ModelProto, all_keys: str, place: Block, dims: int) -> GraphProto:
    """One step, then energy and gradient of where it leads; their weights lie in here."""
    body = Nodes("step_")
    number, going, x, gradient = "step_number", "step_going", "step_x", "step_gradient"
    half = body.add("Mul", body.constant(np.float32(0.5)), "step_size")
    drift = body.add("Mul", body.add("Mul", half, "step_size"), gradient)
    drift = body.add("Clip", drift, body.add("Neg", "max_drift"), "max_drift")
    key = body.add("Gather", all_keys, number, axis=0)
    n = body.add("Mul", body.add("Mul", "step_size", "noise"), normal(body, place, key, dims))
    moved = body.add("Clip", body.add("Add", body.add("Sub", x, drift), n), "low", "high")
    start = body.add("Equal", number, body.scalar(0))
    state = body.add("Where", start, x, moved)
    still = body.add("Identity", going)
    renamed = _renamed(model.graph, "energy_", state)
    float_, name = TensorProto.FLOAT, helper.make_tensor_value_info
    shape = _shape(model.graph.input[0])
    outputs = [name(still, TensorProto.BOOL, []), name(state, float_, shape)]
    outputs += [name("energy_gradient", float_, shape), name("energy_energy", float_, ["batch"])]
    inputs = [name(number, TensorProto.INT64, []), name(going, TensorProto.BOOL, [])]
    inputs += [name(x, float_, shape), name(gradient, float_, shape)]
    weights = [*body.constants, *renamed.initializer]
    return helper.make_graph([*body.nodes, *renamed.node], "step", inputs, outputs, weights)


def _renamed(graph: GraphProto, prefix: str, x: str) -> GraphProto:
    """Copy a graph under names that clash with no other; its input is called x."""
    copy = GraphProto()
    copy.CopyFrom(graph)
    for constant in copy.initializer:
        constant.name = prefix + constant.name
    for node in copy.node:
        node.name = ""
        for names in (node.input, node.output):
            names[:] = [name and (x if name == "x" else prefix + name) for name in names]
    return copy


def _model(model: ModelProto, outer: Nodes, dims: int) -> bytes:
    """Put inputs and outputs around the nodes."""
    info, shape = helper.make_tensor_value_info, _shape(model.graph.input[0])
    whole, real = TensorProto.INT64, TensorProto.FLOAT
    scalars = ("step_size", "noise", "max_drift", "low", "high")
    inputs = [
        info("x", real, shape),
        *(info(name, whole, []) for name in ("steps", "first_step")),
        info("stream", whole, ["batch", 5]),
        info("origin", whole, ["batch", dims]),
        *(info(name, real, []) for name in scalars),
    ]
    outputs = [
        info("end", real, shape),
        info("gradient", real, shape),
        info("energies", real, ["batch", "states"]),
    ]
    graph = helper.make_graph(outer.nodes, "coopnets", inputs, outputs, outer.constants)
    chain = helper.make_model(
        graph, opset_imports=list(model.opset_import), ir_version=model.ir_version
    )
    onnx.checker.check_model(chain)
    data: bytes = chain.SerializeToString(deterministic=True)
    return data


def _shape(value: ValueInfoProto) -> Sequence[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
