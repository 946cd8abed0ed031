import pytest

from visionflan.datasets.road_anomaly import dangers
from visionflan.errors import UnusableError

NAMES = {
    "animals01_Guiguinto_railway_station_Calves": ("animals",),
    "lost_tires08": ("lost tires",),
    "obstacles12_rocks5": ("rocks", "obstacles"),
    "obstacles07": ("obstacles",),
    "obstacles09_On_the_road_to_Gondar": ("obstacles",),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_an_image_tells_the_danger(name: str) -> None:
    assert dangers(name) == NAMES[name]


def test_a_name_without_a_kind_and_a_number_is_refused() -> None:
    with pytest.raises(UnusableError, match="no_danger_named"):
        dangers("2019")
