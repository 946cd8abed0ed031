"""Write tiny ONNX models as onnx.proto3 of onnx/onnx defines them; the library is not needed."""

from collections.abc import Sequence
from pathlib import Path

FLOAT, UINT8 = 1, 2  # TensorProto.DataType
INT, INTS = 2, 7  # AttributeProto.AttributeType
CHANNELS_FIRST = ("batch", 3, "height", "width")
CHANNELS_LAST = ("batch", "height", "width", 3)


def varint(number: int) -> bytes:
    content = b""
    while number > 0x7F:
        content += bytes([number & 0x7F | 0x80])
        number >>= 7
    return content + bytes([number])


def field(number: int, value: int | str | bytes) -> bytes:
    """Return a field of a protobuf message: an integer, or a text or message with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        content = field(3, value) + field(20, INT)
    else:
        content = b"".join(field(8, one) for one in value) + field(20, INTS)
    return field(5, field(1, name) + content)


def node(kind: str, inputs: str, output: str, **attributes: int | Sequence[int]) -> bytes:
    names = b"".join(field(1, name) for name in inputs.split())
    extra = b"".join(attribute(name, value) for name, value in attributes.items())
    return field(1, names + field(2, output) + field(4, kind) + extra)


def value_info(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(field(1, field(1 if isinstance(dim, int) else 2, dim)) for dim in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def write_model(
    path: Path, nodes: Sequence[bytes], kind: int = FLOAT, shape: Sequence[int | str] = ()
) -> Path:
    """Write a model from `pixels` to `descriptor`."""
    graph = b"".join(nodes) + field(2, "graph")
    graph += field(11, value_info("pixels", kind, shape or CHANNELS_FIRST))
    graph += field(12, value_info("descriptor", FLOAT, ("batch", "dimensions")))
    opset = field(8, field(1, "") + field(2, 13))
    path.write_bytes(field(1, 8) + field(7, graph) + opset)
    return path


def pool(pixels: str = "pixels", cell: int = 40) -> list[bytes]:
    """Return the nodes that average the pixels in cells and join them into one vector."""
    square = [cell, cell]
    return [
        node("AveragePool", pixels, "cells", kernel_shape=square, strides=square),
        node("Flatten", "cells", "descriptor", axis=1),
    ]


def pool_of_bytes(cell: int = 40) -> list[bytes]:
    """Return the same nodes for pixels as bytes with the channels last."""
    return [
        node("Cast", "pixels", "numbers", to=FLOAT),
        node("Transpose", "numbers", "planes", perm=[0, 3, 1, 2]),
        *pool("planes", cell),
    ]
