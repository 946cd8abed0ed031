from itertools import combinations

import pytest
from PIL import Image, ImageChops, ImageStat

from visionflan.drawing import COLORS, FRAME, SIZE
from visionflan.drawing.icons import ICONS, icon


def drawn(name: str, color: str = "red") -> Image.Image:
    image = Image.new("RGB", (SIZE, SIZE), "white")
    icon(image, name, FRAME.part(0.1, 0.1, 0.9, 0.9), color)
    return image


@pytest.mark.parametrize("name", ICONS)
def test_a_thing_stays_in_its_box_and_fills_it(name: str) -> None:
    bounds = ImageChops.invert(drawn(name)).getbbox()
    assert bounds is not None
    left, top, right, bottom = bounds
    assert min(left, top) >= SIZE // 10 - 1
    assert max(right, bottom) <= SIZE - SIZE // 10 + 2
    assert max(right - left, bottom - top) > 0.7 * SIZE


@pytest.mark.parametrize("name", ICONS)
def test_a_thing_shows_its_color(name: str) -> None:
    counts = {rgb: count for count, rgb in drawn(name, "purple").getcolors() or ()}
    assert counts.get(COLORS["purple"], 0) > 0.015 * SIZE * SIZE


def test_no_two_things_look_alike_when_small() -> None:
    small = {name: drawn(name).convert("L").resize((16, 16)) for name in ICONS}
    for first, second in combinations(small, 2):
        difference = ImageStat.Stat(ImageChops.difference(small[first], small[second])).mean[0]
        assert difference > 10, (first, second)
