from pathlib import Path

import pytest

from visionflan.datasets.cub200 import bird_classification, spoken
from visionflan.layouts.birds import BirdImage

NAMES = {
    "001.Black_footed_Albatross": "Black-footed Albatross",
    "009.Brewer_Blackbird": "Brewer's Blackbird",
    "022.Chuck_will_Widow": "Chuck-will's-widow",
    "034.Gray_crowned_Rosy_Finch": "Gray-crowned Rosy Finch",
    "103.Sayornis": "Phoebe",
    "105.Whip_poor_Will": "Whip-poor-will",
    "122.Harris_Sparrow": "Harris's Sparrow",
    "124.Le_Conte_Sparrow": "Le Conte's Sparrow",
    "126.Nelson_Sharp_tailed_Sparrow": "Nelson's Sharp-tailed Sparrow",
    "141.Artic_Tern": "Arctic Tern",
    "159.Black_and_white_Warbler": "Black-and-white Warbler",
    "163.Cape_May_Warbler": "Cape May Warbler",
    "187.American_Three_toed_Woodpecker": "American Three-toed Woodpecker",
}


@pytest.mark.parametrize("written", NAMES)
def test_the_name_of_a_class_gets_back_the_marks_that_the_release_left_out(written: str) -> None:
    assert spoken(written) == NAMES[written]


def test_the_full_name_of_a_species_is_accepted_for_a_shorter_one() -> None:
    example = bird_classification(BirdImage("a", "1", Path("a.jpg"), "017.Cardinal"))
    assert example is not None
    assert example.target == "Cardinal"
    assert example.references == ("Cardinal", "Northern Cardinal")
