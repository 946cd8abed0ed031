"""VizWiz: its three parts, which answers are wrong, and what cannot be used."""

from pathlib import Path
from typing import Any

import pytest

from visionflan.dataset import BrokenRow, Example
from visionflan.datasets.vizwiz import Captioned, Judged, Question, Row, dataset
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_json

PRECANNED = "Quality issues are too severe to recognize  visual content."
IMAGE = Path("train/VizWiz_train_00000000.jpg")


def record(name: str, question: str, *answers: str) -> dict[str, Any]:
    return {
        "image": name,
        "question": question,
        "answers": [{"answer": answer} for answer in answers],
    }


def example_of(task: str, row: Row) -> Example | None:
    return dataset.tasks[task].to_example(row)


def test_wrong_answers_fit_the_question_and_share_no_word_with_any_answer(tmp_path: Path) -> None:
    cans = ["tomato soup", "kidney beans", "green beans", "coffee", "tea", "cola", "rice"]
    records = [record(f"{can}.jpg", "What is this?", can, can) for can in cans]
    records.append(record("red.jpg", "What color is it?", "red", "red"))
    records += [
        record(f"{index}.jpg", "What is that?", "black beans", "black beans", "tea", "")
        for index in range(20)
    ]
    write_json(tmp_path / "vqa" / "annotations" / "train.json", records)
    rows = [row for row in dataset.rows(tmp_path) if isinstance(row, Question)]
    assert rows[-1].key == "train/vqa/19.jpg"
    assert rows[-1].answers == ("black beans", "black beans", "tea")
    for row in rows[-20:]:
        assert len(row.wrong) == 3
        assert set(row.wrong) <= {"tomato soup", "coffee", "cola", "rice"}
    (red,) = (row for row in rows if row.image.name == "red.jpg")
    assert len(red.wrong) == 3
    assert set(red.wrong) < {*cans, "black beans"}


@pytest.mark.parametrize(
    ("answers", "target", "options"),
    [
        (("tea", "tea", "coffee"), "tea", {"tea", "cola", "unanswerable"}),
        (("tea", "tea", "unsuitable"), "tea", {"tea", "cola"}),
        (("unsuitable", "unsuitable image", "tea"), "unanswerable", {"unanswerable", "cola"}),
    ],
)
def test_unanswerable_is_an_option_where_it_is_right_or_nobody_said_it(
    answers: tuple[str, ...], target: str, options: set[str]
) -> None:
    example = example_of(
        "question_answer", Question("k", IMAGE, "What is this?", answers, ("cola",))
    )
    assert example is not None
    assert (example.target, set(example.options)) == (target, options)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (("tea", "coffee", "cola"), "no_agreement"),
        ((), "no_agreement"),
        (("yes",) * 5 + ("no",) * 3, "disputed"),
    ],
)
def test_questions_without_one_right_answer_are_refused(
    answers: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(UnusableError, match=reason):
        example_of("question_answer", Question("k", IMAGE, "Is it tea?", answers, ("no",)))


def test_captions_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    annotations = [
        {"image_id": 1, "caption": "A can  of beans. "},
        {"image_id": 1, "caption": "A can  of beans."},
        {"image_id": 1, "caption": "Quality issues.", "is_precanned": True},
        {"image_id": 1, "caption": PRECANNED},
        {"image_id": 1, "caption": "Beans", "is_rejected": False},
        {"image_id": 2, "caption": "spam", "is_rejected": True},
        {"image_id": 3, "caption": "of no image"},
    ]
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    write_json(tmp_path / "captions" / "val.json", {"images": images, "annotations": annotations})
    broken, first, second = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert isinstance(first, Captioned)
    example = example_of("image_captioning", first)
    assert example is not None
    assert example.target == "A can of beans.\nBeans"
    assert example.repaired == ("trimmed_blanks",)
    assert example.text == "Number of captions: 2"
    assert isinstance(second, Captioned)
    with pytest.raises(UnusableError, match="no_caption"):
        example_of("image_captioning", second)


def test_the_flaw_that_most_saw_is_the_answer_unless_two_are(tmp_path: Path) -> None:
    seen = [{"NON": 1, "BLR": 3, "FRM": 2}, {"BLR": 2, "FRM": 2}, {"XXX": 5}]
    records = [{"image": f"{index}.jpg", "flaws": flaws} for index, flaws in enumerate(seen)]
    write_json(tmp_path / "image_quality" / "train.json", records)
    first, tied, broken = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert isinstance(first, Judged)
    example = example_of("image_quality", first)
    assert example is not None
    assert (example.target, len(example.options)) == ("blur", 8)
    assert isinstance(tied, Judged)
    with pytest.raises(UnusableError, match="tied_judgment"):
        example_of("image_quality", tied)


def test_an_annotation_file_of_another_part_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "vqa" / "train.json", {"images": [], "annotations": []})
    with pytest.raises(ReleaseError, match=r"vqa.train\.json"):
        list(dataset.read(tmp_path))
