"""Facts about ExpW that the tests of all dataset files cannot know."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import expw
from visionflan.image_sources import read_encoded
from visionflan.specimens import write_lines


def test_a_line_that_stands_twice_is_one_face_and_an_odd_one_is_broken(tmp_path: Path) -> None:
    lines = ["a b.jpg 0 1 2 30 40 9.5 3"] * 2 + [
        "c.jpg 0 1 2 30 40 9.5 7",
        "c.jpg 0 5 2 30 5 9.5 1",
    ]
    write_lines(tmp_path / "label.lst", lines)
    first, second, third = expw.read(tmp_path)
    image = tmp_path / "image" / "origin" / "a b.jpg"
    assert first == expw.Row("a b.jpg#0", image, (2, 1, 30, 40), "happy")
    assert isinstance(second, BrokenRow)
    assert second.reason == "malformed_record"
    assert isinstance(third, BrokenRow)
    assert third.reason == "empty_box"


def test_the_face_is_cut_out_of_the_image_and_not_beyond_it(tmp_path: Path) -> None:
    Image.new("RGB", (50, 40), "red").save(tmp_path / "a.png")
    row = expw.Row("a.png#0", tmp_path / "a.png", (10, -5, 60, 30), "sad")
    example = expw.expression_detection(row)
    assert example is not None
    assert example.target == "sadness"
    assert Image.open(BytesIO(read_encoded(example.images[0]))).size == (40, 30)
