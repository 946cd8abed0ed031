"""Pickles are loaded without running what they name, and IDX files completely or not at all."""

import gzip
import io
import os
import pickle
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from visionflan.errors import ReleaseError
from visionflan.layouts.arrays import (
    png,
    read_class_names,
    read_idx,
    read_labeled,
    read_pickled_batch,
    safe_unpickle,
    version_name,
    write_idx,
    write_pickle,
)

PIXELS = np.arange(2 * 3072, dtype=np.uint64).astype(np.uint8).reshape(2, 3072)
KIND = (
    b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)


def python2(value: object) -> bytes:
    """Write a value with the opcodes that Python 2 and its numpy write, in protocol 2."""
    match value:
        case dict():
            pairs = b"".join(python2(key) + python2(item) for key, item in value.items())
            return b"}(" + pairs + b"u"
        case list():
            return b"](" + b"".join(map(python2, value)) + b"e"
        case str() if len(value) < 256:
            return b"U" + bytes([len(value)]) + value.encode()
        case int():
            return b"J" + struct.pack("<i", value)
        case np.ndarray():
            shape = b"(" + b"".join(map(python2, value.shape)) + b"t"
            content = b"T" + struct.pack("<i", value.size) + value.tobytes()
            reconstruct = (
                b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
            )
            return reconstruct + b"(K\x01" + shape + KIND + b"\x89" + content + b"tb"
    raise TypeError(type(value))


def write_pickled(path: Path, content: bytes) -> Path:
    """Write a pickle of protocol 2."""
    path.write_bytes(b"\x80\x02" + content + b".")
    return path


def test_a_pickle_of_python_2_is_read_as_pickle_itself_reads_it(tmp_path: Path) -> None:
    fields = {"data": PIXELS, "labels": [3, 1], "batch_label": "testing batch 1 of 1"}
    path = write_pickled(tmp_path / "test_batch", python2(fields))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        plainly = pickle.loads(path.read_bytes(), encoding="bytes")
    fields_read = safe_unpickle(path)
    assert np.array_equal(fields_read["data"], plainly[b"data"])
    assert fields_read["labels"] == plainly[b"labels"] == [3, 1]
    assert fields_read["batch_label"] == b"testing batch 1 of 1"


@pytest.mark.parametrize("protocol", range(2, 5))
@pytest.mark.parametrize("by_column", [False, True])
def test_a_pickle_of_python_3_is_read_too(tmp_path: Path, protocol: int, by_column: bool) -> None:
    pixels = np.asfortranarray(PIXELS) if by_column else PIXELS
    path = tmp_path / "test_batch"
    path.write_bytes(pickle.dumps({"data": pixels, "labels": [3, 1]}, protocol=protocol))
    assert np.array_equal(safe_unpickle(path)["data"], PIXELS)


class Calls:
    """Makes a pickle that calls a function when it is read."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(5))
def test_a_pickle_that_calls_a_function_is_refused_and_not_run(
    tmp_path: Path, protocol: int
) -> None:
    mark = tmp_path / "run"
    path = tmp_path / "test_batch"
    path.write_bytes(pickle.dumps({"data": Calls(os.mkdir, str(mark))}, protocol=protocol))
    with pytest.raises(ReleaseError, match=r"mkdir.*no array needs.*use the file"):
        safe_unpickle(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()  # read by pickle itself, it does run


@pytest.mark.parametrize(
    "content",
    [
        b"c__builtin__\neval\nU\x011\x85R",
        b"cnumpy\nload\nU\x01x\x85R",
        b"cnumpy\nndarray.tofile\n",
        b"(U\x01xios\nsystem\n",
        b"(cos\nsystem\nU\x01xo",
        b"U\x01xQ",
        b"\x82\x01",
        b"cnumpy\ndtype\n(NU\x01xtb",
        b"cnumpy\ndtype\nN}U\x08__init__K\x01s\x86b",
        b"c_codecs\nencode\nX\x01\x00\x00\x00xX\x03\x00\x00\x00zip\x86R",
        b"c_codecs\nencode\nX\x01\x00\x00\x00xX\x06\x00\x00\x00latin1\x86R}b",
    ],
)
def test_what_else_a_forged_pickle_may_need_is_refused(tmp_path: Path, content: bytes) -> None:
    path = write_pickled(tmp_path / "test_batch", b"}(U\x01x" + content + b"u")
    with pytest.raises(ReleaseError, match="test_batch is not a pickle of plain values"):
        safe_unpickle(path)


@pytest.mark.parametrize("put", [b"r\x00\x00\x00\x02", b"r\xff\xff\xff\x7f", b"p99999999\n"])
def test_a_pickle_that_needs_memory_for_what_it_does_not_contain_is_refused(
    tmp_path: Path, put: bytes
) -> None:
    path = write_pickled(tmp_path / "test_batch", b"}" + put)
    with pytest.raises(ReleaseError, match="it memoizes a value as number"):
        safe_unpickle(path)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_only_one_error_is_raised(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    for prefix in (b"", b"\x80\x02}"):
        path.write_bytes(prefix + content)
        with suppress(ReleaseError):
            safe_unpickle(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": [1, 2]}, "no `data`"),
        ({"data": PIXELS[:, :3], "labels": [1, 2]}, "no `data`"),
        ({"data": PIXELS, "labels": [1]}, "not have one of `labels`"),
        ({"data": PIXELS}, "not have one of `labels`"),
        ({"data": PIXELS, "labels": [1, "cat"]}, "row 1 is not a number"),
        ({"data": PIXELS.astype(float), "labels": [1, 2]}, "unsigned bytes"),
    ],
)
def test_an_incomplete_batch_is_refused(
    tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    write_pickle(tmp_path / "test", fields)
    with pytest.raises(ReleaseError, match=message):
        read_pickled_batch(tmp_path / "test", "labels")


def test_a_label_without_a_name_is_reported_by_its_row(tmp_path: Path) -> None:
    write_pickle(tmp_path / "test", {"data": PIXELS, "labels": [1, 2]})
    with pytest.raises(ReleaseError, match="row 1 is 2, but there are 2 class names"):
        list(read_labeled(tmp_path / "test", "labels", ["cat", "dog"]))
    write_pickle(tmp_path / "meta", {"names": [1]})
    with pytest.raises(ReleaseError, match="no list `names`"):
        read_class_names(tmp_path / "meta", "names")


def test_pixels_are_red_green_and_blue_line_by_line(tmp_path: Path) -> None:
    planes = np.zeros((1, 3, 32, 32), np.uint8)
    planes[0, 0, 2, 5], planes[0, 1, 2, 5], planes[0, 2, 2, 5] = 10, 20, 30
    write_pickle(tmp_path / "test", {"data": planes.reshape(1, -1), "labels": [0]})
    ((_, encoded, _),) = read_labeled(tmp_path / "test", "labels", ["cat"])
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.getpixel((5, 2)) == (10, 20, 30)
        assert image.getpixel((2, 5)) == (0, 0, 0)


def test_an_image_is_encoded_by_its_pixels_alone() -> None:
    gray = PIXELS[0, :784].reshape(28, 28)
    assert png(gray) == png(np.asfortranarray(gray))
    assert len(png(np.zeros_like(gray))) == len(png(gray)) > gray.size
    with Image.open(io.BytesIO(png(gray))) as image:
        assert np.array_equal(np.asarray(image), gray)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_idx_file_is_read_packed_or_not(tmp_path: Path, suffix: str) -> None:
    numbers = PIXELS[:, :12].reshape(2, 3, 4)
    write_idx(tmp_path / f"images{suffix}", numbers)
    assert np.array_equal(read_idx(tmp_path / "images"), numbers)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x08", "not an IDX file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", "not an IDX file"),
        (b"\x00\x00\x08\x03\x00\x00", "not an IDX file"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x05\x01", "5 bytes but has 1"),
    ],
)
def test_an_incomplete_idx_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(ReleaseError, match=message):
        read_idx(tmp_path / "images")


def test_a_packed_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(gzip.compress(b"\x00\x00\x08\x01" * 9)[:-9])
    with pytest.raises(ReleaseError, match="is incomplete"):
        read_idx(tmp_path / "images")


def test_a_version_is_derived_from_content() -> None:
    empty = "d41d8cd98f00b204e9800998ecf8427e"
    assert version_name("official", [b"", b""], [empty, empty]) == "official"
    assert version_name("official", [b"", b"x"], [empty, empty]).startswith(
        "unknown version (sha256 "
    )
