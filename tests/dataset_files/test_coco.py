from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from visionflan.dataset import BrokenRow, Example
from visionflan.datasets import coco
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_json, write_text

GROUPS = {"animal": ("cat", "dog", "horse"), "vehicle": ("car", "bus")}


def row(*present: str, captions: tuple[str, ...] = (), wrong: tuple[str, ...] = ()) -> coco.Row:
    return coco.Row("7", Path("7.jpg"), captions, present, GROUPS, wrong)


def require_example(example: Example | None) -> Example:
    assert example is not None
    return example


def write_release(root: Path, split: str, numbers: list[int], **more: Any) -> None:
    form = "COCO_{}_{:012d}.jpg" if split.endswith("2014") else "{1:012d}.jpg"
    images = [{"id": number, "file_name": form.format(split, number)} for number in numbers]
    captions = [
        {"id": number, "image_id": number, "caption": f"Thing {number} \n"} for number in numbers
    ]
    content = {"images": images, "annotations": captions, **more}
    write_json(root / f"annotations/captions_{split}.json", content)


def test_the_kind_that_covers_most_is_the_only_present_one_among_the_options() -> None:
    example = require_example(coco.image_classification_animal(row("dog", "car", "cat")))
    assert (example.target, set(example.options)) == ("dog", {"dog", "horse"})
    assert coco.image_classification_animal(row("car")) is None
    with pytest.raises(UnusableError, match="no_wrong_option"):
        coco.image_classification_vehicle(row("car", "bus"))


def test_area_decides_which_kind_covers_most(tmp_path: Path) -> None:
    things = [(1, 30), (2, 50), (1, 40)]
    write_json(
        tmp_path / "annotations/instances_val2017.json",
        {
            "images": [{"id": 5, "file_name": "5.jpg"}],
            "categories": [
                {"id": number, "name": name, "supercategory": "animal"}
                for number, name in enumerate(("cat", "dog", "cow"), start=1)
            ],
            "annotations": [
                {"id": number, "image_id": 5, "category_id": kind, "area": area}
                for number, (kind, area) in enumerate(things)
            ],
        },
    )
    (only,) = coco.dataset.rows(tmp_path)
    assert only.present == ("cat", "dog")
    assert only.image == tmp_path / "images/val2017/5.jpg"


def test_an_image_that_is_in_both_releases_is_read_once(tmp_path: Path) -> None:
    write_release(tmp_path, "train2017", [1, 2, 3])
    write_release(tmp_path, "train2014", [1, 2])
    write_release(tmp_path, "val2014", [3, 4])
    (tmp_path / "val2014").mkdir()
    rows = list(coco.dataset.rows(tmp_path))
    assert [row.key for row in rows] == ["1", "2", "3", "4"]
    assert rows[-1].image == tmp_path / "val2014/COCO_val2014_000000000004.jpg"


def test_faults_of_a_release_are_reported(tmp_path: Path) -> None:
    write_release(tmp_path, "val2017", [1])
    stray = {"id": 9, "image_id": 8, "caption": "Lost"}
    write_release(tmp_path, "train2017", [2], annotations=[stray])
    broken = [row for row in coco.read(tmp_path) if isinstance(row, BrokenRow)]
    assert [(row.key, row.reason) for row in broken] == [("8", "image_not_listed")]
    write_release(tmp_path, "train2017", [2], annotations=[{"id": 9}])
    (broken_annotation,) = (row for row in coco.read(tmp_path) if isinstance(row, BrokenRow))
    assert broken_annotation.reason == "malformed_record"
    assert "captions_train2017.json: there is no image_id" in broken_annotation.detail
    write_text(tmp_path / "annotations/captions_train2017.json", "[")
    with pytest.raises(ReleaseError, match="not JSON"):
        list(coco.read(tmp_path))


def test_captions_are_fixed_and_those_of_no_image_left_out() -> None:
    captions = ("A dog  runs.\n", "There is no image here to describe.", "A dog  runs.")
    example = require_example(coco.image_caption(row(captions=captions)))
    assert example.target == "A dog runs."
    assert example.references == ("A dog runs.",)
    assert set(example.repaired) == {"trimmed_blanks", "caption_without_picture"}
    with pytest.raises(UnusableError, match="no_caption"):
        coco.image_caption(row(captions=("I am unable to see the image above.",)))


def test_half_of_the_sentences_are_of_another_image() -> None:
    answers = Counter(
        (example.text, example.target)
        for number in range(400)
        if (
            example := coco.itm(
                row(captions=("Ours",), wrong=("Theirs",))._replace(key=str(number))
            )
        )
    )
    assert answers.keys() == {("Ours", coco.MATCH), ("Theirs", coco.NO_MATCH)}
    assert 160 < answers["Ours", coco.MATCH] < 240


def test_without_a_surely_wrong_caption_there_is_no_choice() -> None:
    with pytest.raises(UnusableError, match="no_wrong_option"):
        coco.image_text_selection(row(captions=("Ours",)))


@pytest.mark.shared
def test_the_real_images_are_all_read(shared: Path) -> None:
    root = shared / "real/coco"
    rows = list(coco.dataset.rows(root))
    assert len(rows) == 159
    assert sum(len(row.captions) for row in rows) == 795
    assert all(row.image.is_file() for row in rows)
    assert all(len(row.wrong_captions) == coco.WRONG_CAPTIONS for row in rows)
    sizes = {group: len(kinds) for group, kinds in rows[0].kinds.items()}
    assert sum(sizes.values()) == 80
    for row in rows:
        for name, task in coco.dataset.tasks.items():
            if name.startswith("image_classification") and (example := task.to_example(row)):
                assert set(example.options) & set(row.present) == {example.target}
