import pytest
from PIL import Image, ImageChops

from visionflan.drawing import BLACK, COLORS, FRAME, SIZE
from visionflan.drawing.styles import STYLES, styled_icon


def drawn(style: str, index: int = 0) -> Image.Image:
    return styled_icon("house", style, FRAME.part(0.1, 0.1, 0.9, 0.9), "red", "test", index)


def share(image: Image.Image, color: tuple[int, int, int]) -> float:
    counts = {rgb: count for count, rgb in image.getcolors(SIZE * SIZE) or ()}
    return counts.get(color, 0) / SIZE**2


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_chance_that_follows_from_the_identity(style: str) -> None:
    assert drawn(style).tobytes() == drawn(style).tobytes()
    assert len({drawn(style, index).tobytes() for index in range(8)}) > 2


def test_a_sketch_is_thin_gray_lines_on_paper() -> None:
    image = drawn("sketch")
    red, green, blue = image.split()
    assert ImageChops.difference(red, green).getbbox() is None
    assert ImageChops.difference(green, blue).getbbox() is None
    paper = image.getpixel((0, 0))
    assert isinstance(paper, tuple)
    assert 0.6 < share(image, (paper[0], paper[1], paper[2])) < 0.95


def test_a_cartoon_is_flat_and_outlined_in_black() -> None:
    image = drawn("cartoon")
    assert len(image.getcolors(SIZE * SIZE) or ()) < 12
    assert share(image, COLORS["red"]) > 0.05
    assert share(image, BLACK) > 0.05


@pytest.mark.parametrize("style", ["photo", "art painting"])
def test_photos_and_paintings_are_flat_nowhere(style: str) -> None:
    assert len(drawn(style).getcolors(SIZE * SIZE) or ()) > 400
