from pathlib import Path

import pytest

from visionflan.datasets.inaturalist import dataset
from visionflan.errors import ReleaseError
from visionflan.specimens import write_json, write_text


def test_an_image_of_2017_has_the_genus_of_its_species_and_no_common_name(tmp_path: Path) -> None:
    write_text(tmp_path / "train_val_images/Aves/Ardea alba/a.jpg", "")
    targets = {name: list(dataset.examples(name, tmp_path)) for name in dataset.tasks}
    assert {name: examples[0].target for name, examples in targets.items() if examples} == {
        "supercategory_classification": "birds",
        "class_classification": "Aves",
        "genus_classification": "Ardea",
    }


def test_the_mini_part_is_left_alone_where_the_full_release_is_there(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 12)
    keys = {row.key for row in dataset.rows(tmp_path)}
    (tmp_path / "2021_train").mkdir()
    assert {key for key in keys if key.startswith("train_mini/")}
    assert {row.key for row in dataset.rows(tmp_path)} == {
        key for key in keys if not key.startswith("train_mini/")
    }


def test_annotations_of_another_year_are_refused(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    write_json(tmp_path / "val.json", {"categories": [{"name": "a", "supercategory": "Aves"}]})
    with pytest.raises(ReleaseError, match="common_name"):
        list(dataset.read(tmp_path))
