from pathlib import Path

import pytest
from PIL import Image

from visionflan.datasets import office_home
from visionflan.specimens import write_image


def test_each_of_the_65_classes_has_a_name_of_its_own() -> None:
    assert len(office_home.NAMES) == len(set(office_home.NAMES.values())) == 65


@pytest.mark.parametrize("domain", ["Real World", "Real_World", "real_world"])
@pytest.mark.parametrize("home", ["OfficeHomeDataset_10072016", "."])
def test_copies_that_write_the_domain_otherwise_give_the_same_key(
    home: str, domain: str, tmp_path: Path
) -> None:
    write_image(tmp_path / home / domain / "Postit_Notes/00001.jpg", Image.new("RGB", (8, 8)))
    (row,) = office_home.dataset.rows(tmp_path)
    assert row.key == "Real World/Postit_Notes/00001.jpg"
