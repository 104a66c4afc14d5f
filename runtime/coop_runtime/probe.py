"""A minimal ONNX model, c = a·b, to find out what an onnxruntime really does.

The runtime has no ``onnx`` package, so the model stands here as protobuf bytes, written
by hand from onnx.proto: a field is a tag byte (field number × 8 + wire type), then a
number (wire type 0) or a length and that many bytes (wire type 2). A test parses them.
"""

__all__ = ["MATMUL"]


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def _matrix(name: bytes, rows: bytes, columns: bytes) -> bytes:
    """Encode a ValueInfoProto: a float matrix with two named axes."""
    axes = b"".join(_field(1, _field(2, axis)) for axis in (rows, columns))
    tensor = b"\x08\x01" + _field(2, axes)  # elem_type = FLOAT, shape
    return _field(1, name) + _field(2, _field(1, tensor))


_NODE = _field(1, b"a") + _field(1, b"b") + _field(2, b"c") + _field(4, b"MatMul")
_GRAPH = (
    _field(1, _NODE)
    + _field(2, b"probe")
    + _field(11, _matrix(b"a", b"m", b"k"))
    + _field(11, _matrix(b"b", b"k", b"n"))
    + _field(12, _matrix(b"c", b"m", b"n"))
)
# ir_version = 8, graph, opset_import of the default domain at version 17
MATMUL = b"\x08\x08" + _field(7, _GRAPH) + _field(8, b"\x10\x11")
