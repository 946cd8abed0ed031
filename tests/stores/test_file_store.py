"""Files of a directory in a store, of whatever kind it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.faulty_store import FaultyStore, Outage, faulty_store
from visionflan.stores import is_url
from visionflan.stores.file_store import THREADS, FileStore
from visionflan.stores.patience import StoreError


@pytest.fixture
def faulty() -> Iterator[type[FaultyStore]]:
    with faulty_store() as store:
        yield store


@pytest.fixture(params=["file", "faulty"])
def store(request: pytest.FixtureRequest, tmp_path: Path, faulty: type[FaultyStore]) -> FileStore:
    """Return a store of each kind: with directories, and without."""
    urls = {"file": f"file://{tmp_path}/base", "faulty": "faulty://bucket/base/"}
    return FileStore(urls[request.param])


def write(store: FileStore, path: Path, name: str, content: bytes) -> None:
    path.write_bytes(content)
    store.upload(path, name)


def test_files_are_written_listed_read_and_deleted(store: FileStore, tmp_path: Path) -> None:
    local = tmp_path / "local"
    write(store, local, "a/b/one.bin", b"12345")
    write(store, local, "a/two.bin", b"")
    assert {name: file.size for name, file in store.list_files("a").items()} == {
        "b/one.bin": 5,
        "two.bin": 0,
    }
    assert list(store.list_files())[:2] == ["a/b/one.bin", "a/two.bin"]
    assert store.list_top()["a"]
    assert store.read("a/b/one.bin") == b"12345"
    assert store.read_range("a/b/one.bin", 1, 3) == b"234"
    store.download("a/b/one.bin", tmp_path / "there/one.bin", 5)
    assert (tmp_path / "there/one.bin").read_bytes() == b"12345"
    store.delete(["a/b/one.bin", "a/b/one.bin"])
    assert store.read("a/b/one.bin") is None
    assert list(store.list_files("a")) == ["two.bin"]


def test_another_content_of_the_same_size_is_another_version(
    store: FileStore, tmp_path: Path
) -> None:
    write(store, tmp_path / "local", "one", b"12345")
    first = store.list_files()["one"]
    write(store, tmp_path / "local", "one", b"54321")
    assert store.list_files()["one"].size == first.size
    assert store.list_files()["one"] != first


def test_a_file_is_created_once(store: FileStore) -> None:
    store.create("a/lock", b"first")
    with pytest.raises(FileExistsError):
        store.create("a/lock", b"second")
    assert store.read("a/lock") == b"first"


def test_what_is_not_there_has_no_files(store: FileStore) -> None:
    assert store.list_files("nothing") == {}
    assert FileStore(f"{store.url}/nothing").list_top() == {}


def test_empty_files_that_stand_for_directories_are_left_out(
    faulty: type[FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"data": 0, "data/": 0, "data/one": 1, "empty": 0}
    listed = {f"/bucket/{name}": {"size": size} for name, size in sizes.items()}
    monkeypatch.setattr(FaultyStore, "find", lambda self, root, **options: listed)
    assert list(FileStore("faulty://bucket").list_files()) == ["data/one", "empty"]


@pytest.mark.parametrize("name", ["a/../../b", "a//b", "./a", "a/one/two"])
def test_a_name_that_no_disk_can_have_is_named(
    name: str, faulty: type[FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {f"/bucket/{name}": {"size": 1}, "/bucket/a/one": {"size": 1}}
    monkeypatch.setattr(FaultyStore, "find", lambda self, root, **options: listed)
    with pytest.raises(StoreError, match=r"faulty://bucket has the file 'a?.*', which no disk can"):
        FileStore("faulty://bucket").list_files()


def test_a_copy_of_another_size_is_made_again(
    faulty: type[FaultyStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore("faulty://bucket")
    write(store, tmp_path / "local", "one", b"12345")
    get_file, cuts = FaultyStore.get_file, iter([b"1", b"12"])

    def cut(self: FaultyStore, source: str, target: str, **options: Any) -> None:
        get_file(self, source, target, **options)
        if content := next(cuts, b""):
            Path(target).write_bytes(content)

    monkeypatch.setattr(FaultyStore, "get_file", cut)
    store.download("one", tmp_path / "copy", 5)
    assert (tmp_path / "copy").read_bytes() == b"12345"
    with pytest.raises(StoreError, match="ConnectionError: 5 of 6 bytes arrived"):
        store.download("one", tmp_path / "copy", 6)


def test_a_file_that_was_deleted_meanwhile_is_named(
    faulty: type[FaultyStore], tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"^faulty://bucket/one was deleted while it was read"):
        FileStore("faulty://bucket").download("one", tmp_path / "one", 5)


def test_after_a_failure_the_files_that_wait_are_not_copied(
    faulty: type[FaultyStore], tmp_path: Path
) -> None:
    (tmp_path / "local").touch()
    names = [f"{number}" for number in range(1_000)]
    faulty.before = Outage(10_000)
    store = FileStore("faulty://bucket")
    with pytest.raises(StoreError):
        list(store.for_each(store.upload, [tmp_path / "local"] * len(names), names))
    assert len({path for _, path in faulty.calls}) <= THREADS


@pytest.mark.parametrize("url", ["nothing://bucket/name", "nothing::file://name"])
def test_a_url_of_no_known_store_is_named(url: str) -> None:
    with pytest.raises(StoreError, match=f"^{url} cannot be opened: "):
        FileStore(url)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/name", True),
        ("dir::file:///data", True),
        ("/data/a://b", False),
        ("data:name", False),
        ("", False),
    ],
)
def test_urls_are_told_from_paths(text: str, expected: bool) -> None:
    assert is_url(text) is expected
