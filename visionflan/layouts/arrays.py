"""Read images that a release stores as arrays of numbers: pickled batches and IDX files.

A pickle can name any function and have it called. Here only plain values and arrays of bytes are
unpickled: each name is looked up in a short table of stand-ins, which only store their arguments,
and any other name is refused before it is called. numpy never sees the pickled state of an array,
only its shape and its bytes.

PNG files are written without compression, so that the bytes of an image, whose hash is its id,
depend on its pixels only and not on the version of a compression library.
"""

import gzip
import io
import math
import pickle
import pickletools
import struct
import tokenize
import zipfile
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

# Exceptions that unpickling a malformed or forged file can raise.
UNPICKLE_ERRORS = (
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


# Exceptions that numpy raises for a truncated or malformed archive.
NPZ_ERRORS = (
    *(OSError, ValueError, TypeError, AttributeError, LookupError, EOFError, OverflowError),
    *(SyntaxError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error),
    tokenize.TokenError,
)


class PickledArray:
    """Stores the pickled state of an array, in place of numpy's reconstruction function."""

    def __init__(self, *state: object) -> None:
        self.state: object = state

    def __setstate__(self, state: object) -> None:
        """Store the shape, the dtype and the bytes."""
        self.state = state

    def numbers(self) -> Bytes:
        """Return the array, which must be of unsigned bytes."""
        match self.state:
            case (int(), tuple(shape), PickledDtype(code="u1"), bool(by_column), bytes(content)):
                numbers: Bytes = np.frombuffer(content, np.uint8)
                return numbers.reshape(shape[::-1]).T if by_column else numbers.reshape(shape)
        raise ValueError("it contains an array that is not of unsigned bytes")


class PickledDtype:
    """Stores the code of a dtype, in place of numpy's class."""

    def __init__(self, code: object = "", *arguments: object) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code
        self.arguments = arguments

    def __setstate__(self, state: object) -> None:
        """Ignore the byte order, which single bytes do not have."""


class PickledText(bytes):
    """Bytes that Python 3 pickles as text, in a form that Python 2 can read."""

    def __new__(cls, text: str, encoding: str) -> Self:
        """Return the bytes that the text encodes as Latin-1."""
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"it uses the encoding {encoding!r}")
        return super().__new__(cls, text.encode("latin1"))

    def __setstate__(self, state: object) -> None:
        """Refuse a state, since bytes have none."""
        raise pickle.UnpicklingError("it sets a state on bytes")


STAND_INS: Mapping[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): PickledArray,
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): PickledDtype,
    ("_codecs", "encode"): PickledText,
}


class PlainUnpickler(pickle.Unpickler):
    """Unpickles plain values and arrays of bytes, and calls nothing that a pickle names."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Return the stand-in of a name that a pickled array needs, and refuse all others."""
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        raise pickle.UnpicklingError(f"it needs {module}.{name}, which no array needs")


def safe_unpickle(path: Path) -> dict[str, Any]:
    """Load a dictionary of plain values and arrays, pickled by Python 2 or 3, running no code."""
    content = require(path).read_bytes()
    try:
        refuse_large_memo(content)
        fields = PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(fields, dict):
            raise ValueError("it is not a dictionary")
        return {text(key): unwrap_array(value) for key, value in fields.items()}
    except UNPICKLE_ERRORS as error:
        raise ReleaseError(
            f"{path} is not a pickle of plain values and arrays of bytes, and none of its code was "
            f"run: {error}; use the file that the owners publish"
        ) from error


def refuse_large_memo(content: bytes) -> None:
    """Refuse a pickle with memo indices beyond its own length, for which memory is allocated."""
    for code, number, _ in pickletools.genops(content):
        puts = code.name in ("PUT", "BINPUT", "LONG_BINPUT")
        if puts and isinstance(number, int) and number > len(content):
            raise ValueError(f"in {len(content)} bytes it memoizes a value as number {number}")


def text(value: object) -> str:
    """Convert a string as Python 2 or 3 pickles it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        return value
    raise ValueError(f"it has {type(value).__name__} where a string should be")


def unwrap_array(value: object) -> object:
    """Convert the stand-in of an array to the array."""
    return value.numbers() if isinstance(value, PickledArray) else value


def read_pickled_batch(path: Path, labels: str) -> tuple[Bytes, list[int]]:
    """Load a batch of CIFAR: images of shape (n, 32, 32, 3), and their labels."""
    fields = safe_unpickle(path)
    pixels, label_ids = fields.get("data"), fields.get(labels)
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != 3 * 32 * 32:
        raise ReleaseError(f"{path} has no `data` of 3,072 bytes per image: unpack it again")
    if not isinstance(label_ids, list) or len(label_ids) != len(pixels):
        raise ReleaseError(f"{path} does not have one of `{labels}` per image: unpack it again")
    if wrong := [row for row, label in enumerate(label_ids) if type(label) is not int]:
        raise ReleaseError(f"{path}: the label of row {wrong[0]} is not a number: unpack it again")
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), label_ids


def read_labeled(path: Path, labels: str, names: Sequence[str]) -> Iterator[tuple[str, bytes, str]]:
    """Yield the key, the PNG image and the class name of each row of a batch of CIFAR."""
    pixels, label_ids = read_pickled_batch(path, labels)
    for row, label in enumerate(label_ids):
        if not 0 <= label < len(names):
            raise ReleaseError(
                f"{path}: the label of row {row} is {label}, but there are {len(names)} class "
                "names: unpack the release again"
            )
        yield f"{row:05d}", png(pixels[row]), names[label]


def read_class_names(path: Path, key: str) -> tuple[str, ...]:
    """Load the class names from the metadata file of CIFAR."""
    names = safe_unpickle(path).get(key)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise ReleaseError(f"{path} has no list `{key}` of names: unpack it again")
    return tuple(text(name) for name in names)


def read_idx(path: Path) -> Bytes:
    """Load an IDX file of bytes, plain or gzipped."""
    path = require(path, path.with_name(f"{path.name}.gz"))
    content = idx_content(path)
    dimensions = content[3] if content[:3] == b"\x00\x00\x08" and len(content) > 3 else 0
    start = 4 + 4 * dimensions
    if not dimensions or len(content) < start:
        raise ReleaseError(f"{path} is not an IDX file of bytes: unpack the release again")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if math.prod(shape) != len(content) - start:
        raise ReleaseError(
            f"{path} declares {math.prod(shape)} bytes but has {len(content) - start}: "
            "it is truncated, download it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def idx_content(path: Path) -> bytes:
    """Return the bytes of an IDX file, decompressed if it is gzipped."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ReleaseError(f"{path} is incomplete: {error}; download it again") from error


def load_npz(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Load the named arrays of an archive of numpy, in which a damaged member comes as bytes."""
    try:
        with require(path).open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in names}
    except NPZ_ERRORS as error:
        raise ReleaseError(f"{path} is not an archive of arrays: {error}") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise ReleaseError(f"{path}: {name} is not an array: download it again")
    return arrays


def write_pickle(path: Path, fields: Mapping[str, object]) -> None:
    """Write a dictionary with its strings as bytes, in the protocol of Python 2."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = {key.encode(): encode_strings(value) for key, value in fields.items()}
    path.write_bytes(pickle.dumps(encoded, protocol=2))


def encode_strings(value: object) -> object:
    """Encode the strings of a list as bytes, as Python 2 pickles them."""
    if isinstance(value, list):
        return [item.encode() if isinstance(item, str) else item for item in value]
    return value


def write_idx(path: Path, numbers: NDArray[np.uint8]) -> None:
    """Write an IDX file of bytes, gzipped if the suffix is `.gz`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">4B{numbers.ndim}I", 0, 0, 8, numbers.ndim, *numbers.shape)
    content = header + numbers.tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def png(pixels: Bytes) -> bytes:
    """Encode an image of shape (height, width) or (height, width, 3) as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def version_name(name: str, contents: Sequence[bytes], fingerprints: Sequence[str]) -> str:
    """Return `name` if the files have these MD5 sums, else a version derived from their SHA-256."""
    sums = [md5(content, usedforsecurity=False).hexdigest() for content in contents]
    if sums == list(fingerprints):
        return name
    return f"unknown version (sha256 {sha256(b''.join(contents)).hexdigest()[:16]})"
