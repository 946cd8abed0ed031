"""A release that lost something is refused, with the name of the file; cutting must not pass.

Every file of every specimen is emptied, removed and cut at several places. What is left must be
refused, or be read as the same questions.
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

# A table of lines that ends between two of them is a shorter table: nothing in it tells that there
# were more, only its version is unknown. These may only become fewer.
SHORTER = {
    ("mmbench", "mmbench_dev_20230712.tsv"),
    ("miniimagenet", "test.csv"),
    ("pope", "coco_pope_*.json"),
}
# Subjects are published one by one, and some of them may be asked alone.
IN_PARTS = {("mmmu", "validation-*.parquet")}

NAMES = benchmarks.names()
Damage = Callable[[bytes], Iterator[bytes]]


def between_lines(content: bytes) -> Iterator[bytes]:
    places = [place for place, byte in enumerate(content) if byte == ord("\n")]
    yield from (content[: place + 1] for place in places[:-1])


def within(content: bytes) -> Iterator[bytes]:
    """Cut at places that are not between lines."""
    for part in range(1, 40):
        cut = content[: part * len(content) // 40]
        if not (cut.endswith(b"\n") or content[len(cut) :].startswith(b"\n")):
            yield cut


def emptied(content: bytes) -> Iterator[bytes]:
    yield b""


def rows(name: str, root: Path) -> list[BenchmarkRow]:
    return list(benchmarks.load(name).rows(root))


def files(root: Path, *, pictures: bool) -> list[Path]:
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return [path for path in found if is_image_file(path) == pictures]


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


def passed(name: str, root: Path, path: Path, damage: Damage) -> bool:
    """Whether some damage was taken for a release that asks something else; restores the file."""
    whole, content = rows(name, root), path.read_bytes()
    found, told = False, list[str]()
    for left in damage(content):
        path.write_bytes(left)
        try:
            found = found or rows(name, root) != whole
        except ReleaseError as fault:
            told.append(str(fault))
    path.write_bytes(content)
    assert all(path.name in each for each in told)
    return found


@pytest.mark.parametrize("damage", [emptied, within])
def test_a_file_that_was_cut_is_refused_by_its_name(name: str, root: Path, damage: Damage) -> None:
    for path in files(root, pictures=False):
        assert not passed(name, root, path, damage), path.name


def test_a_table_that_ends_between_lines_passes_only_where_nothing_tells(
    name: str, root: Path
) -> None:
    for path in files(root, pictures=False):
        cut = passed(name, root, path, between_lines)
        if name in OF_THE_PAPER:  # of one that is added nothing is listed
            assert cut == is_listed(name, path, SHORTER), path.name


def test_a_file_that_is_missing_is_told_by_its_name(name: str, root: Path) -> None:
    for path in [*files(root, pictures=False), *files(root, pictures=True)]:
        content = path.read_bytes()
        path.unlink()
        if is_listed(name, path, IN_PARTS):
            assert len(rows(name, root)) > 0
        else:
            with pytest.raises(ReleaseError) as fault:
                rows(name, root)
            # Where it was the only one of its kind, its folder is what can be named.
            known = path.stem, f"{path.parent} "
            assert any(each in str(fault.value) for each in known)
        path.write_bytes(content)
