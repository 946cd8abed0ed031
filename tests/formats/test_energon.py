"""An export has what Energon reads archives by, and an import honors Energon's list of splits."""

import json
import os
import sqlite3
import struct
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.test_webdataset import IMAGES, TALK, write
from tests.helpers.small_exports import write_exports
from visionflan.dataset import BrokenRow
from visionflan.errors import BuildError, ReleaseError
from visionflan.formats import webdataset
from visionflan.formats.base import ConversationRecord
from visionflan.formats.exporting import export
from visionflan.formats.shared.energon_index import DIRECTORY, energon_index
from visionflan.formats.shared.energon_splits import NameSet, read_splits
from visionflan.formats.shared.recognition import recognize
from visionflan.formats.webdataset import find_release
from visionflan.layouts.fields import FieldError
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return write_exports(tmp_path_factory.mktemp("exports")).build


@pytest.fixture
def exported(build: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Export the build with two samples in an archive."""
    monkeypatch.setattr(webdataset, "SHARD_BYTES", 4000)
    export(build, tmp_path / "export", "webdataset")
    return tmp_path / "export"


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def read(directory: Path) -> tuple[set[str], list[BrokenRow]]:
    """Return the ids of the records of a release, and what is left out."""
    entries = list(find_release(directory).conversations())
    records = [one for one in entries if isinstance(one, ConversationRecord)]
    assert len({one.id for one in records}) == len(records)
    return (
        {f"{one.split} {one.id}" for one in records},
        [one for one in entries if isinstance(one, BrokenRow)],
    )


def test_the_files_are_the_same_in_each_export(
    build: BuildDirectory, exported: Path, tmp_path: Path
) -> None:
    export(build, tmp_path / "again", "webdataset")
    assert contents(exported) == contents(tmp_path / "again")
    names = {".info.json", "dataset.yaml", "index.sqlite", "index.uuid", "split.yaml"}
    assert {path.name for path in (exported / DIRECTORY).iterdir()} == names
    one = [build.instances()[0].task]
    export(build, tmp_path / "part", "webdataset", one)
    assert (tmp_path / "part" / DIRECTORY / "index.uuid").read_bytes() == (
        exported / DIRECTORY / "index.uuid"
    ).read_bytes()


def test_the_index_names_the_bytes_of_each_member(exported: Path, build: BuildDirectory) -> None:
    counts = json.loads((exported / DIRECTORY / ".info.json").read_bytes())["shard_counts"]
    assert len(counts) > 3
    assert sum(counts.values()) == len(build.instances())
    with closing(sqlite3.connect(exported / DIRECTORY / "index.sqlite")) as database:
        samples = database.execute("SELECT * FROM samples").fetchall()
        parts = database.execute("SELECT * FROM sample_parts").fetchall()
    keys = {(number, index): key for number, key, index, *_ in samples}
    assert len(set(keys.values())) == len(samples) == len(build.instances())
    named = {
        (number, f"{keys[number, index]}.{part}", offset, size)
        for number, index, part, offset, size in parts
    }
    for number, name in enumerate(counts):
        with tarfile.open(exported / name) as archive:
            members = archive.getmembers()
            assert {
                (number, member.name, member.offset_data, member.size) for member in members
            } == {row for row in named if row[0] == number}
            end = archive.offset
        offsets = struct.unpack(f"<{counts[name] + 1}Q", (exported / f"{name}.idx").read_bytes())
        firsts = {member.name.partition(".")[0]: member.offset for member in reversed(members)}
        assert list(offsets) == [*sorted(firsts.values()), end]
        rows = [row[3:] for row in samples if row[0] == number]
        assert rows == [(start, stop - start) for start, stop in pairwise(offsets)]


def test_the_index_changes_its_id_with_its_content(tmp_path: Path, build: BuildDirectory) -> None:
    ids = set()
    for count in (1, 2):
        directory = tmp_path / f"{count}"
        directory.mkdir()
        webdataset.write(build, list(build.instances())[:count], directory, "train")  # type: ignore[arg-type]
        ids.add((directory / DIRECTORY / "index.uuid").read_text())
    assert len(ids) == 2


def test_each_archive_is_in_the_split_of_its_name(exported: Path) -> None:
    counts = json.loads((exported / DIRECTORY / ".info.json").read_bytes())["shard_counts"]
    parts = json.loads((exported / DIRECTORY / "split.yaml").read_bytes())["split_parts"]
    assert list(parts) == ["train", "val", "test"]
    assert parts["train"] == [name for name in counts if name.startswith("train-")]
    assert parts["val"] == [name for name in counts if name.startswith("held_out-")]
    assert parts["train"]
    assert parts["val"]
    assert not parts["test"]


def test_an_index_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / DIRECTORY / "index.sqlite").mkdir(parents=True)
    with (
        pytest.raises(BuildError, match=r"index\.sqlite cannot be written"),
        energon_index(tmp_path),
    ):
        raise AssertionError


def test_an_export_is_read_without_a_parser_of_yaml(
    exported: Path, build: BuildDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    records, broken = read(exported)
    assert records == {f"{one.split} {one.id}" for one in build.instances()}
    assert not broken
    (exported / DIRECTORY / "split.yaml").write_text("split_parts:\n  train: []\n")
    with pytest.raises(ReleaseError, match=r"split\.yaml is YAML: .*visionflan\[readers\]"):
        find_release(exported)


def write_prepared(directory: Path, splits: str, *names: str) -> Path:
    """Write archives of one sample each, with the list of splits of Energon."""
    for number, name in enumerate(names):
        record = {**json.loads(TALK), "id": name}
        members = [("a.jpg", IMAGES[number % 4]), ("a.json", json.dumps(record).encode())]
        write(directory / name, *members)
    (directory / DIRECTORY).mkdir(exist_ok=True)
    (directory / DIRECTORY / "split.yaml").write_text(splits)
    counts = {"energon_version": "7.4.1", "shard_counts": dict.fromkeys(names, 1)}
    (directory / DIRECTORY / ".info.json").write_text(json.dumps(counts))
    return directory


SPLITS = """
split_parts:
  train:
  - a/shard_{000..001}.tar
  - shard_{2,4}.tar
  val: [b/shard_000.tar]
  test: [shard_4.tar]
exclude:
- a/shard_001.tar/b
- shard_2.tar/a
- a/shard_002.tar
"""


def test_only_archives_of_the_split_for_training_are_read(tmp_path: Path) -> None:
    names = [f"a/shard_{number:03}.tar" for number in range(3)]
    names += ["b/shard_000.tar", "shard_2.tar", "shard_3.tar", "shard_4.tar"]
    directory = write_prepared(tmp_path / "d", SPLITS, *names)
    assert recognize(directory).name == "webdataset"
    records, broken = read(directory)
    assert records == {"train a/shard_000.tar", "train a/shard_001.tar"}
    assert {(one.key, one.reason, one.detail.partition(":")[0]) for one in broken} == {
        ("a/shard_002.tar", "excluded", "split.yaml excludes it"),
        ("b/shard_000.tar", "unread_file", "split.yaml puts it in the split 'val'"),
        ("shard_2.tar: a", "excluded", "split.yaml excludes it"),
        ("shard_3.tar", "unread_file", "split.yaml puts it in no split"),
        ("shard_4.tar", "unread_file", "split.yaml puts it in the split 'test'"),
    }
    records, broken = read(directory / "b/shard_000.tar")
    assert (records, broken) == ({"train b/shard_000.tar"}, [])


def test_an_archive_that_is_gone_is_named(exported: Path, build: BuildDirectory) -> None:
    (exported / "train-00001.tar").unlink()
    records, (row,) = read(exported)
    assert 0 < len(records) < len(build.instances())
    assert (row.key, row.reason) == ("train-00001.tar", "unread_file")
    assert row.detail == ".nv-meta/.info.json lists it, and it is not here"


def test_a_list_as_json_is_read_too(tmp_path: Path) -> None:
    directory = write_prepared(tmp_path / "d", "", "0.tar", "1.tar")
    (directory / DIRECTORY / "split.yaml").unlink()
    assert read_splits(directory) is None
    assert read(directory)[0] == {"train 0.tar", "train 1.tar"}
    splits = {"split_parts": {"train": ["0.tar"], "val": ["1.tar"]}}
    (directory / DIRECTORY / "split.json").write_text(json.dumps(splits))
    assert read(directory)[0] == {"train 0.tar"}


def remove_then(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "zero bytes": lambda path: path.write_bytes(bytes(100)),
    "not UTF-8": lambda path: path.write_bytes(b"\x80\xff\xfe"),
    "nested": lambda path: path.write_bytes(b"[" * 100_000),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "list": lambda path: path.write_text("[1, 2]"),
    "text": lambda path: path.write_text("train"),
    "null": lambda path: path.write_text("null"),
    "other types": lambda path: path.write_text(
        '{"split_parts": {"train": [7, null]}, "shard_counts": [], "exclude": "x"}'
    ),
    "braces": lambda path: path.write_text('{"split_parts": {"train": ["{0..{1..2}}.tar"]}}'),
    "surrogate": lambda path: path.write_text('{"split_parts": {"train": ["\\ud800"]}}'),
    "large": lambda path: os.truncate(path, 1 << 30),
    "directory": remove_then(Path.mkdir),
    "pipe": remove_then(os.mkfifo),
    "device": remove_then(lambda path: path.symlink_to("/dev/zero")),
    "dangling link": remove_then(lambda path: path.symlink_to("nowhere")),
}


READ, NOT_READ = (".info.json", "split.yaml"), ("dataset.yaml", "index.sqlite")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, damage) for name in READ for damage in DAMAGES),
        *((name, damage) for name in NOT_READ for damage in ("removed", "not UTF-8", "directory")),
    ],
)
def test_damage_is_named_and_loses_nothing(
    exported: Path, build: BuildDirectory, name: str, damage: str
) -> None:
    DAMAGES[damage](exported / DIRECTORY / name)
    assert recognize(exported).name == "webdataset"
    is_read = name in READ and damage != "removed"
    if name == "split.yaml" and is_read:
        with pytest.raises(ReleaseError, match=r"\.nv-meta/split\.yaml .*(correct|download) it"):
            find_release(exported)
        return
    records, broken = read(exported)
    assert records == {f"{one.split} {one.id}" for one in build.instances()}
    assert [(one.key, one.reason) for one in broken] == (
        [(".nv-meta/.info.json", "unread_file")] if is_read else []
    )
    assert all(one.detail for one in broken)


@given(
    ends=st.tuples(st.integers(0, 120), st.integers(0, 120)),
    width=st.integers(0, 4),
    number=st.integers(0, 130),
    digits=st.integers(0, 4),
)
def test_braces_stand_for_the_numbers_of_bash(
    ends: tuple[int, int], width: int, number: int, digits: int
) -> None:
    first, last = (f"{end:0{width}}" for end in ends)
    padded = any(len(end) > 1 and end[0] == "0" for end in (first, last))
    longest = max(len(first), len(last)) if padded else 0
    expanded = {f"{one:0{longest}}" for one in range(min(ends), max(ends) + 1)}
    name = f"{number:0{digits}}"
    assert (f"a{name}.tar" in NameSet([f"a{{{first}..{last}}}.tar"])) == (name in expanded)


@pytest.mark.parametrize("name", ["{0..9..2}.tar", "{a..c}.tar", "{{a,b}}.tar", "}{.tar", "{a}"])
def test_other_braces_are_refused(name: str) -> None:
    with pytest.raises(FieldError, match="braces other than"):
        NameSet([name])


def test_images_of_the_export_are_those_of_the_build(exported: Path, build: BuildDirectory) -> None:
    with closing(sqlite3.connect(exported / DIRECTORY / "index.sqlite")) as database:
        parts = database.execute(
            "SELECT tar_file_id, content_byte_offset, content_byte_size FROM sample_parts "
            "WHERE part_name LIKE '%jpg'"
        ).fetchall()
    names = list(json.loads((exported / DIRECTORY / ".info.json").read_bytes())["shard_counts"])
    hashes = []
    for number, offset, size in parts:
        content = (exported / names[number]).read_bytes()[offset : offset + size]
        hashes.append(sha256(content).hexdigest())
    assert hashes == [image for one in build.instances() for image in one.images]
