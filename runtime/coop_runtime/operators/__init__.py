"""The operators that a graph may have, and what each makes of sizes: no tensor is computed.

Only whole numbers of which sizes are made (few, and known from the sizes of the inputs) are
carried along. Meanings are those of the ONNX standard operators, version 18.
"""

from collections.abc import Mapping

import numpy as np

from . import entries, moves, windows
from .known import Inputs, Known, Rule, known

__all__ = ["CHAIN_OPERATORS", "LOOP", "OPERATORS", "Inputs", "Known", "Rule", "known"]

LOOP = "Loop"

#: Operators that any graph may have: those that coop-export writes.
OPERATORS: Mapping[str, Rule] = {
    **dict.fromkeys(("Exp", "LeakyRelu", "Log", "Reciprocal", "Relu", "Sigmoid"), entries.MAP),
    **dict.fromkeys(("Clip", "Max", "Min", "Pow", "Sign", "Softplus", "Sqrt", "Tanh"), entries.MAP),
    **dict.fromkeys(("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"), entries.COMPARE),
    **dict.fromkeys(("And", "Not", "Or"), entries.COMPARE),
    **dict.fromkeys(("ReduceMean", "ReduceSum"), entries.reduced),
    "Abs": entries.elementwise(np.abs),
    "Add": entries.elementwise(np.add),
    "AveragePool": windows.pooled,
    "Cast": entries.cast,
    "Concat": moves.concatenated,
    "Constant": entries.constant,
    "ConstantOfShape": entries.filled,
    "Conv": windows.convolved,
    "ConvTranspose": windows.up_convolved,
    "Div": entries.divided,
    "Expand": moves.expanded,
    "Flatten": moves.flattened,
    "Gather": moves.gathered,
    "Gemm": windows.affine,
    "Identity": entries.elementwise(np.positive),
    "MatMul": windows.matrix_product,
    "Mul": entries.elementwise(np.multiply),
    "Neg": entries.elementwise(np.negative),
    "Pad": moves.padded,
    "Reshape": moves.reshaped,
    "Resize": moves.resized,
    "Shape": moves.shape_of,
    "Slice": moves.moved(moves.sliced),
    "Split": moves.split,
    "Squeeze": moves.moved(moves.squeezed),
    "Sub": entries.elementwise(np.subtract),
    "Transpose": moves.moved(moves.transposed),
    "Unsqueeze": moves.moved(moves.unsqueezed),
    "Where": entries.elementwise(like=1),
}

#: Operators that only the chain may have besides: random numbers, and the limits of a step.
CHAIN_OPERATORS: Mapping[str, Rule] = {
    **dict.fromkeys(("Ceil", "Cos", "Floor", "Sin"), entries.MAP),
    **dict.fromkeys(
        ("BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor"), entries.MAP
    ),
    "Mod": entries.divided,
    "Range": entries.counted,
}
