"""Exporting a graph, playing it, and looking into it."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from coop_runtime.card import Signal
from coop_runtime.torchscript import open_program
from coop_trainer.export.graphs import Blueprint, export_torchscript

CHANNELS = 2


CASES = [(1, (1, 2, 3)), (3, (4, 3, 2)), (2, (5, 7, 1))]


def texture(dims: int, size: int) -> Signal:
    shape, free = (size,) * dims, (True,) * dims
    return Signal("texture", dims, CHANNELS, (-1.0, 1.0), (0.0, 255.0), shape, free)


def run(data: bytes, *inputs: Tensor) -> list[Any]:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    feed = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
    results: list[Any] = session.run(None, feed)
    return results


def operators(data: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(data).graph.node]


def weights(data: bytes) -> int:
    """Count the numbers that a graph stores, but for shapes and the like."""
    stored = onnx.load_from_string(data).graph.initializer
    return sum(math.prod(v.dims) for v in stored if v.data_type == onnx.TensorProto.FLOAT)


def assert_close(found: list[Any], expected: tuple[Tensor, ...], limit: float = 1e-5) -> None:
    for value, reference in zip(found, expected, strict=True):
        assert value.shape == tuple(reference.shape)
        assert value.dtype == np.float32
        scale = float(reference.detach().abs().max())
        assert np.abs(value - reference.detach().numpy()).max() <= limit * scale


def cases(dims: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    torch.manual_seed(0)
    for batch, cells in CASES:
        yield batch, cells[:dims]


def torchscript(blueprint: Blueprint, signal: Signal) -> Callable[..., list[Any]]:
    data = export_torchscript(blueprint, signal)
    program = open_program(data, "cpu", blueprint.inputs, blueprint.outputs, "it")

    def play(*inputs: Tensor) -> list[Any]:
        named = zip(blueprint.inputs, inputs, strict=True)
        return program.run(blueprint.outputs, {name: value.numpy() for name, value in named})

    return play
