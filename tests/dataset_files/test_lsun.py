from pathlib import Path

from visionflan.datasets.lsun import SCENES, dataset
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
