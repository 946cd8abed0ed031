"""An incomplete release is refused with the name of the file; truncation must not go unnoticed.

Every file of every specimen is emptied, removed and truncated at several positions. What is left
must be refused, or be read as the same questions.
"""

from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.helpers.paper_benchmarks import OF_THE_PAPER
from visionflan.errors import ReleaseError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmark import BenchmarkRow
from visionflan.layouts import is_image_file

# A table of lines that ends between two of them is a shorter table: nothing in it shows that there
# were more, only its version is unknown. This list may only become shorter.
SHORTER = {
    ("mmbench", "mmbench_dev_20230712.tsv"),
    ("miniimagenet", "test.csv"),
    ("pope", "coco_pope_*.json"),
}
# Subjects are published one by one, and some of them may be evaluated alone.
IN_PARTS = {("mmmu", "validation-*.parquet")}

NAMES = benchmarks.names()
Damage = Callable[[bytes], Iterator[bytes]]


def between_lines(content: bytes) -> Iterator[bytes]:
    newlines = [index for index, byte in enumerate(content) if byte == ord("\n")]
    yield from (content[: index + 1] for index in newlines[:-1])


def within(content: bytes) -> Iterator[bytes]:
    """Truncate at positions that are not between lines."""
    for part in range(1, 40):
        cut = content[: part * len(content) // 40]
        if not (cut.endswith(b"\n") or content[len(cut) :].startswith(b"\n")):
            yield cut


def emptied(content: bytes) -> Iterator[bytes]:
    yield b""


def rows(name: str, root: Path) -> list[BenchmarkRow]:
    return list(benchmarks.load(name).rows(root))


def files(root: Path, *, images: bool) -> list[Path]:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return [path for path in paths if is_image_file(path) == images]


def is_listed(name: str, path: Path, known: set[tuple[str, str]]) -> bool:
    return any(name == ours and fnmatch(path.name, pattern) for ours, pattern in known)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(name: str, tmp_path: Path) -> Path:
    write = benchmarks.load(name).write_specimen
    assert write
    write(tmp_path / name)
    return tmp_path / name


def goes_unnoticed(name: str, root: Path, path: Path, damage: Damage) -> bool:
    """Return whether some damage is read as other questions; restores the file."""
    before, content = rows(name, root), path.read_bytes()
    unnoticed, messages = False, list[str]()
    for damaged in damage(content):
        path.write_bytes(damaged)
        try:
            unnoticed = unnoticed or rows(name, root) != before
        except ReleaseError as error:
            messages.append(str(error))
    path.write_bytes(content)
    assert all(path.name in message for message in messages)
    return unnoticed


@pytest.mark.parametrize("damage", [emptied, within])
def test_a_file_that_was_cut_is_refused_by_its_name(name: str, root: Path, damage: Damage) -> None:
    for path in files(root, images=False):
        assert not goes_unnoticed(name, root, path, damage), path.name


def test_a_table_that_ends_between_lines_passes_only_where_nothing_tells(
    name: str, root: Path
) -> None:
    for path in files(root, images=False):
        cut = goes_unnoticed(name, root, path, between_lines)
        if name in OF_THE_PAPER:  # of one that is added nothing is listed
            assert cut == is_listed(name, path, SHORTER), path.name


def test_a_file_that_is_missing_is_reported_by_its_name(name: str, root: Path) -> None:
    for path in [*files(root, images=False), *files(root, images=True)]:
        content = path.read_bytes()
        path.unlink()
        if is_listed(name, path, IN_PARTS):
            assert len(rows(name, root)) > 0
        else:
            with pytest.raises(ReleaseError) as caught:
                rows(name, root)
            # If it was the only one of its kind, the message can only name its directory.
            known = path.stem, f"{path.parent} "
            assert any(location in str(caught.value) for location in known)
        path.write_bytes(content)
