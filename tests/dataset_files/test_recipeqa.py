"""The questions of RecipeQA on four pictures, which are put together into one."""

from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets.recipeqa import dataset, visual_coherence
from visionflan.image_sources import ComputedImage
from visionflan.specimens import write_image, write_json

COLORS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (0, 0, 0)]


def write(root: Path, *choices: str) -> None:
    """Write one question of the copy on Kaggle, about pictures of one color each."""
    question = {"task": "visual_coherence", "choice_list": choices, "answer": 2, "qid": "1"}
    write_json(root / "train recipeqa.json", {"data": [question]})
    for name, color in zip(choices, COLORS, strict=False):
        path = root / "images" / "images-qa" / "train" / "images-qa" / Path(name).name
        write_image(path, Image.new("RGB", (20, 10), color))


def test_four_images_stand_in_two_rows_in_the_order_of_the_release(tmp_path: Path) -> None:
    write(tmp_path, "a_0.png", "b_0.png", "c_0.png", "d_0.png")
    (row,) = dataset.rows(tmp_path)
    example = visual_coherence(row)
    assert example is not None
    assert example.target == "C"
    (image,) = example.images
    assert isinstance(image, ComputedImage)
    page = image.make(image.source, image.location)
    points = [(x * page.width // 4, y * page.height // 4) for y in (1, 3) for x in (1, 3)]
    assert [page.getpixel(point) for point in points] == COLORS
    (row.folder / "d_0.png").unlink()
    with pytest.raises(FileNotFoundError):
        image.make(image.source, image.location)


@pytest.mark.parametrize("names", [("a", "b", "c"), ("a", "b", "c", "../d")])
def test_choices_that_are_not_four_names_are_broken(tmp_path: Path, names: tuple[str]) -> None:
    write(tmp_path, *(f"{name}.png" for name in names))
    (row,) = dataset.read(tmp_path)
    assert isinstance(row, BrokenRow)
    assert row.reason == "malformed_choices"
