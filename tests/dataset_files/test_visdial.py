"""What is special to VisDial: pointers into lists, and pictures from two folders of COCO."""

import json
from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.datasets.visdial import dataset


def write(root: Path, dialogs: list[dict[str, object]]) -> None:
    """Write training dialogues about one question in a release whose lists come last."""
    data = {"dialogs": dialogs, "questions": ["is it  sunny", "any people?"], "answers": ["yes"]}
    (root / "visdial_1.0_train.json").write_text(json.dumps({"split": "train", "data": data}))


def dialogue(image_id: int, *questions: int) -> dict[str, object]:
    """Make a dialogue of these questions, which all have the only answer."""
    return {"image_id": image_id, "dialog": [{"question": at, "answer": 0} for at in questions]}


def test_a_question_without_a_mark_gets_one_and_that_is_reported(tmp_path: Path) -> None:
    write(tmp_path, [dialogue(7, 1, 1, 0)])
    (example,) = dataset.examples("answer_question_2", tmp_path)
    assert example.text == "Q: any people?\nA: yes\nQ: any people?\nA: yes\nQ: is it sunny?"
    assert (example.target, example.repaired) == ("yes", ("trimmed_blanks", "question_mark"))
    assert not list(dataset.examples("answer_question_4", tmp_path))


def test_a_training_image_is_found_in_either_directory_of_coco(tmp_path: Path) -> None:
    root = tmp_path / "visdial"
    paths = [
        tmp_path / "coco" / split / f"COCO_{split}_{number:012d}.jpg"
        for number, split in ((7, "train2014"), (8, "val2014"))
    ]
    root.mkdir()
    for path in paths:
        path.parent.mkdir(parents=True)
        path.touch()
    write(root, [dialogue(7, 0), dialogue(8, 0)])
    assert [row.image for row in dataset.rows(root)] == paths


def test_a_round_that_points_to_nothing_is_broken(tmp_path: Path) -> None:
    write(tmp_path, [dialogue(7, -1), dialogue(8, 5), dialogue(9, 0)])
    rows = list(dataset.read(tmp_path))
    assert [isinstance(row, BrokenRow) for row in rows] == [True, True, False]
