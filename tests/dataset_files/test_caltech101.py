from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import caltech101
from visionflan.specimens import write_image


def test_each_of_the_101_classes_is_judged_once() -> None:
    tables = (caltech101.LIVING, caltech101.LIFELESS, caltech101.UNDECIDED)
    assert sum(map(len, tables)) == len(caltech101.NAMES) == 101


def test_names_are_words_that_a_person_writes() -> None:
    for name in caltech101.NAMES.values():
        assert "_" not in name
        assert len(name.split()) <= 3
    shared = [name for name, times in Counter(caltech101.NAMES.values()).items() if times > 1]
    assert shared == ["human face"]


def test_the_background_is_of_no_task_and_an_unknown_class_is_reported(tmp_path: Path) -> None:
    for folder in ("BACKGROUND_Google", "brain", "crab", "unicorn"):
        path = tmp_path / f"101_ObjectCategories/{folder}/image_0001.jpg"
        write_image(path, Image.new("RGB", (8, 8)))
    *rows, broken = caltech101.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "unknown_label"
    examples = [
        (caltech101.image_classification(row), caltech101.living_thing_classification(row))
        for row in rows
        if not isinstance(row, BrokenRow)
    ]
    answers = [tuple(example and example.target for example in pair) for pair in examples]
    assert answers == [(None, None), ("brain", None), ("crab", "yes")]


@pytest.mark.shared
def test_the_real_images_are_all_read(shared: Path) -> None:
    root = shared / "real/caltech101"
    rows = list(caltech101.dataset.rows(root))
    assert len(rows) == 41 * 12
    examples = list(caltech101.dataset.examples("image_classification", root))
    assert len(examples) == 40 * 12
    assert len({example.target for example in examples}) == 40
