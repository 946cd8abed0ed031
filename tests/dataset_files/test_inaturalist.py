from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
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
    with pytest.raises(ReleaseError, match="there is no image_dir_name"):
        list(dataset.read(tmp_path))


NAMED = "03583_Animalia_Chordata_Aves_Cuculiformes_Cuculidae_Coccyzus_erythropthalmus"


@pytest.mark.parametrize("folder", ["2021_valid", "2021_train", "2021_train_mini", "val"])
def test_the_name_of_a_directory_stands_for_missing_annotations(
    tmp_path: Path, folder: str
) -> None:
    write_text(tmp_path / folder / NAMED / "a.jpg", "")
    write_text(tmp_path / folder / "other" / "b.jpg", "")
    row, broken = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "unknown_label"
    assert not isinstance(row, BrokenRow)
    assert (row.species, row.supercategory) == ("Coccyzus erythropthalmus", "Birds")
    assert row.ranks["order"] == "Cuculiformes"


@pytest.mark.parametrize(
    ("taxa", "group"),
    [
        ("Plantae_Tracheophyta_Polypodiopsida_O_F_G_e", "Plants"),
        ("Animalia_Mollusca_Gastropoda_O_F_G_e", "Mollusks"),
        ("Animalia_Annelida_Clitellata_O_F_G_e", "Animalia"),
    ],
)
def test_the_super_category_follows_from_the_ranks(tmp_path: Path, taxa: str, group: str) -> None:
    write_text(tmp_path / "2021_valid" / f"00000_{taxa}" / "a.jpg", "")
    (row,) = dataset.rows(tmp_path)
    assert row.supercategory == group


def test_the_directory_of_torchvision_for_2017_is_read(tmp_path: Path) -> None:
    write_text(tmp_path / "2017/Aves/Ardea alba/a.jpg", "")
    (row,) = dataset.rows(tmp_path)
    assert (row.year, row.supercategory, row.species) == (2017, "Aves", "Ardea alba")
