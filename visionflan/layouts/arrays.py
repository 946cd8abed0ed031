"""Pictures that a release keeps as arrays of numbers: pickled batches and IDX files.

A pickle can name any function and have it called. Here it gets plain values and arrays of bytes
alone: whatever it names is looked up in a short table of stand-ins, which only keep what they are
told, and anything else is refused before it is called. numpy never sees what a pickle says of the
inside of an array, only its shape and its bytes. The same rule as for other files holds: what is
wrong is told with the file and the place.

PNG files are written without compression, so that the bytes of a picture, by which it is known,
depend on its pixels alone and not on the library that would pack them.
"""

import gzip
import io
import math
import pickle
import pickletools
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visionflan.errors import ReleaseError
from visionflan.layouts import require

Bytes = NDArray[np.uint8]

# What reading a file that is no pickle, or a forged one, can raise.
FAULTS = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ImportError,
    MemoryError,
    OverflowError,
)


class PickledArray:
    """Keeps what a pickle says of an array, in place of numpy's own maker of arrays."""

    def __init__(self, *told: object) -> None:
        self.state: object = told

    def __setstate__(self, state: object) -> None:
        """Keep the shape, the kind of number and the bytes as the pickle has them."""
        self.state = state

    def numbers(self) -> Bytes:
        """Make the array, which must be one of unsigned bytes."""
        match self.state:
            case (int(), tuple(shape), PickledKind(code="u1"), bool(by_column), bytes(content)):
                numbers: Bytes = np.frombuffer(content, np.uint8)
                return numbers.reshape(shape[::-1]).T if by_column else numbers.reshape(shape)
        raise ValueError("it holds an array that is not one of unsigned bytes")


class PickledKind:
    """Keeps the code of a kind of number, in place of numpy's own."""

    def __init__(self, code: object = "", *told: object) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code
        self.told = told

    def __setstate__(self, state: object) -> None:
        """Pass over the order of bytes, which single bytes do not have."""


class PickledText(bytes):
    """Bytes that Python 3 writes as text for Python 2 to read."""

    def __new__(cls, text: str, encoding: str) -> Self:
        """Give the bytes that stand for themselves in the text."""
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}")
        return super().__new__(cls, text.encode("latin1"))

    def __setstate__(self, state: object) -> None:
        """Refuse a state: bytes have none."""
        raise pickle.UnpicklingError("it gives bytes a state")


STAND_INS: Mapping[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): PickledArray,
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): PickledKind,
    ("_codecs", "encode"): PickledText,
}


class PlainUnpickler(pickle.Unpickler):
    """Reads plain values and arrays of bytes, and calls nothing that a pickle names."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Give the stand-in of a name that a pickled array needs, and refuse all others."""
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")


def safe_unpickle(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary of plain values and arrays, by Python 2 or 3, running no code."""
    content = require(path).read_bytes()
    try:
        refuse_large_memo(content)
        found = PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(found, dict):
            raise ValueError("it holds no dictionary")
        return {text(key): plain(value) for key, value in found.items()}
    except FAULTS as fault:
        raise ReleaseError(
            f"{path} is not a pickle of plain values and arrays of bytes, and nothing in it was "
            f"run: {fault}; take the file that the owners publish"
        ) from fault


def refuse_large_memo(content: bytes) -> None:
    """Refuse a pickle that numbers what it keeps beyond its own length: room is made for all."""
    for code, number, _ in pickletools.genops(content):
        puts = code.name in ("PUT", "BINPUT", "LONG_BINPUT")
        if puts and isinstance(number, int) and number > len(content):
            raise ValueError(f"in {len(content)} bytes it keeps a value as number {number}")


def text(value: object) -> str:
    """Read a string as Python 2 or 3 pickles it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        return value
    raise ValueError(f"it holds {type(value).__name__} in place of a string")


def plain(value: object) -> object:
    """Put the array in the place of what a pickle says of it."""
    return value.numbers() if isinstance(value, PickledArray) else value


def read_pickled_batch(path: Path, labels: str) -> tuple[Bytes, list[int]]:
    """Read a batch of CIFAR: pictures of shape (number, 32, 32, 3), and their labels."""
    found = safe_unpickle(path)
    pixels, given = found.get("data"), found.get(labels)
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != 3 * 32 * 32:
        raise ReleaseError(f"{path} holds no `data` of 3,072 bytes a picture: unpack it again")
    if not isinstance(given, list) or len(given) != len(pixels):
        raise ReleaseError(f"{path} has not one of `{labels}` for each picture: unpack it again")
    if wrong := [place for place, label in enumerate(given) if type(label) is not int]:
        raise ReleaseError(f"{path}: the label of row {wrong[0]} is no number: unpack it again")
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), given


def labeled(path: Path, labels: str, names: Sequence[str]) -> Iterator[tuple[str, bytes, str]]:
    """Yield the key, the picture and the name of the class of each row of a batch of CIFAR."""
    pixels, given = read_pickled_batch(path, labels)
    for place, label in enumerate(given):
        if not 0 <= label < len(names):
            raise ReleaseError(
                f"{path}: the label of row {place} is {label}, but there are {len(names)} names of "
                "classes: unpack the release again"
            )
        yield f"{place:05d}", png(pixels[place]), names[label]


def names_in(path: Path, key: str) -> tuple[str, ...]:
    """Read the names of the classes from a file of CIFAR that describes its batches."""
    names = safe_unpickle(path).get(key)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise ReleaseError(f"{path} holds no list `{key}` of names: unpack it again")
    return tuple(text(name) for name in names)


def read_idx(path: Path) -> Bytes:
    """Read an IDX file of bytes, as it is or packed by gzip."""
    path = require(path, path.with_name(f"{path.name}.gz"))
    content = idx_content(path)
    dimensions = content[3] if content[:3] == b"\x00\x00\x08" and len(content) > 3 else 0
    start = 4 + 4 * dimensions
    if not dimensions or len(content) < start:
        raise ReleaseError(f"{path} is not an IDX file of bytes: unpack the release again")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if math.prod(shape) != len(content) - start:
        raise ReleaseError(
            f"{path} says that it holds {math.prod(shape)} bytes but holds {len(content) - start}: "
            "it was cut off, take it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def idx_content(path: Path) -> bytes:
    """Read the bytes of an IDX file, unpacked where it is packed."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        raise ReleaseError(f"{path} is not whole: {fault}; take it again") from fault


def write_pickle(path: Path, fields: Mapping[str, object]) -> None:
    """Write a dictionary with its strings as bytes, in the protocol of Python 2."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {key.encode(): in_bytes(value) for key, value in fields.items()}
    path.write_bytes(pickle.dumps(kept, protocol=2))


def in_bytes(value: object) -> object:
    """Write the strings of a list as bytes, as Python 2 has them."""
    if isinstance(value, list):
        return [each.encode() if isinstance(each, str) else each for each in value]
    return value


def write_idx(path: Path, numbers: NDArray[np.uint8]) -> None:
    """Write an IDX file of bytes, packed by gzip where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">4B{numbers.ndim}I", 0, 0, 8, numbers.ndim, *numbers.shape)
    content = header + numbers.tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def png(pixels: Bytes) -> bytes:
    """Encode a picture of shape (height, width) or (height, width, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def version(name: str, contents: Sequence[bytes], fingerprints: Sequence[str]) -> str:
    """Give the name where the files have these MD5 sums, and what they are known by where not."""
    sums = [md5(content, usedforsecurity=False).hexdigest() for content in contents]
    if sums == list(fingerprints):
        return name
    return f"unknown version (sha256 {sha256(b''.join(contents)).hexdigest()[:16]})"
