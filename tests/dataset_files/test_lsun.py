from pathlib import Path

import pytest

from visionflan.datasets.lsun import SCENES, dataset
from visionflan.errors import ReleaseError
from visionflan.image_sources import LmdbEntry


def test_databases_and_exported_directories_are_read(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 20)
    rows = list(dataset.rows(tmp_path))
    assert {row.scene for row in rows} == set(SCENES.values())
    assert sum(isinstance(row.image, LmdbEntry) for row in rows) == 18
    assert sum(isinstance(row.image, Path) for row in rows) == 2


def test_reading_leaves_nothing_in_the_release(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 4)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    list(dataset.rows(tmp_path))
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_a_database_with_zeroed_pages_is_refused_in_a_sentence(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 4)
    file = min(tmp_path.glob("*_lmdb/data.mdb"))
    content = file.read_bytes()
    # The first two pages say where the others are; of those, nothing is left.
    file.write_bytes(content[: 2 * 4096] + bytes(len(content) - 2 * 4096))
    with pytest.raises(ReleaseError, match=r"data.mdb is damaged \(.+\): copy it again"):
        list(dataset.rows(tmp_path))
