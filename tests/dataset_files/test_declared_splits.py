"""Every dataset names a field for the official split and for the group, or why it has none."""

import pytest

from visionflan import catalog
from visionflan.dataset import BrokenRow

# The specimen of Flickr30k is the form of the release that names no split.
WITH_SPLITS = [n for n in catalog.names() if catalog.load(n).split_field and n != "flickr30k"]


@pytest.mark.parametrize("name", catalog.names())
def test_a_dataset_has_a_field_or_a_reason_and_no_third_thing(name: str) -> None:
    dataset = catalog.load(name)
    assert bool(dataset.split_field) != bool(dataset.no_split)
    assert bool(dataset.group_field) != bool(dataset.no_group)


@pytest.mark.parametrize("name", WITH_SPLITS)
def test_the_specimen_names_official_splits(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dataset = catalog.load(name)
    root = tmp_path_factory.mktemp(name)
    dataset.write_specimen(root, 12)
    rows = [row for row in dataset.read(root) if not isinstance(row, BrokenRow)]
    assert {dataset.official_split(row) for row in rows} != {""}
