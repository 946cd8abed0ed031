from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import pacs
from visionflan.specimens import write_image


@pytest.mark.parametrize("home", ["kfold", "images", ""])
def test_the_release_and_its_mirrors_are_read_alike(tmp_path: Path, home: str) -> None:
    for domain, kind in product(("photo", "sketch"), ("dog", "house")):
        write_image(tmp_path / home / domain / kind / "1.png", Image.new("RGB", (8, 8)))
    keys = [row.key for row in pacs.dataset.rows(tmp_path)]
    assert keys == [
        "photo/dog/1.png",
        "photo/house/1.png",
        "sketch/dog/1.png",
        "sketch/house/1.png",
    ]


def test_the_faulty_sketch_and_an_unknown_class_are_reported(tmp_path: Path) -> None:
    for name in ("dog/n02103406_4068-1.png", "dog/1.png", "unicorn/1.png"):
        write_image(tmp_path / "kfold/sketch" / name, Image.new("RGB", (8, 8)))
    rows = list(pacs.read(tmp_path))
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == [
        "known_defect",
        "unknown_label",
    ]
    assert len(rows) == 3


def test_an_image_has_an_object_task_by_its_domain_and_a_style_task_by_its_kind() -> None:
    tasks_of = {
        (domain, kind): {
            name
            for name, task in pacs.dataset.tasks.items()
            if task.to_example(pacs.Row("", Path(), domain, kind))
        }
        for domain, kind in product(pacs.STYLES, pacs.KINDS)
    }
    assert tasks_of["sketch", "giraffe"] == {"giraffe_image_category_classification"}
    assert tasks_of["photo", "guitar"] == {
        "photo_object_classification",
        "guitar_image_category_classification",
    }
    assert Counter(name for names in tasks_of.values() for name in names).keys() == (
        pacs.dataset.tasks.keys()
    )


@pytest.mark.shared
def test_the_real_images_are_all_read(shared: Path) -> None:
    root = shared / "real/pacs"
    rows = list(pacs.dataset.rows(root))
    assert Counter((row.domain, row.kind) for row in rows) == dict.fromkeys(
        product(pacs.STYLES, pacs.KINDS), 10
    )
    assert all(row.image.is_file() for row in rows)
    tasks_of = {name: len(list(pacs.dataset.examples(name, root))) for name in pacs.dataset.tasks}
    assert set(tasks_of.values()) == {40, 70}
