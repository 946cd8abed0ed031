"""The official splits and the groups of real releases."""

from collections import Counter
from pathlib import Path

import pytest

from visionflan import catalog


@pytest.mark.shared
@pytest.mark.parametrize(
    ("home", "name", "counts"),
    [
        ("real", "vqa_rad", {"train": 3064, "test": 451}),
        ("real_more", "mnist_m", {"train": 151, "test": 22}),
        ("real_more", "spot_the_diff", {"train": 8566, "validation": 1493, "test": 1270}),
        ("real_more", "stanford_cars", {"train": 8144}),
    ],
)
def test_real_rows_name_their_official_split(
    shared: Path, home: str, name: str, counts: dict[str, int]
) -> None:
    dataset = catalog.load(name)
    rows = dataset.rows(shared / home / name)
    assert Counter(map(dataset.official_split, rows)) == counts


@pytest.mark.shared
def test_all_sizes_of_a_real_image_of_set5_are_one_group(shared: Path) -> None:
    dataset = catalog.load("set5")
    named = Counter(map(dataset.hold_out_group, dataset.rows(shared / "real_more/set5")))
    assert set(named) == {"baby", "bird", "butterfly", "head", "woman"}
    assert len(set(named.values())) == 1
