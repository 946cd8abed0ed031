"""No directory of a specimen is named as unread: a warning about a sound layout would be noise."""

from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.builder.release_reader import ReleaseReader
from visionflan.builder.sampling import ReleasePass, TaskSampler


@pytest.mark.parametrize("name", catalog.names())
def test_every_directory_of_a_specimen_is_read(tmp_path: Path, name: str) -> None:
    dataset = catalog.load(name)
    dataset.write_specimen(tmp_path / name, 6)
    release = ReleasePass(name, dataset, tmp_path)
    samplers = [TaskSampler(f"{name}/{task}", dataset.tasks[task], 0, 5) for task in dataset.tasks]
    ReleaseReader().read(release, samplers)
    assert release.rows_read
    assert release.unread == {}


def test_a_directory_under_another_name_is_named(tmp_path: Path) -> None:
    dataset = catalog.load("gtsrb")
    dataset.write_specimen(tmp_path / "gtsrb", 6)
    (training,) = (tmp_path / "gtsrb").rglob("Final_Training")
    training.rename(training.with_name("Final_Training_2"))
    release = ReleasePass("gtsrb", dataset, tmp_path)
    sampler = TaskSampler("gtsrb/image_classification", dataset.tasks["image_classification"], 0, 5)
    ReleaseReader().read(release, [sampler])
    assert [Path(path).name for path in release.unread] == ["Final_Training_2"]
