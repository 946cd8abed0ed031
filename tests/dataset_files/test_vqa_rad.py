"""VQA-RAD in both of its forms, and the answers that need mending."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.vqa_rad import OWNERS_LIST, Row, dataset, question_answer
from visionflan.errors import ReleaseError
from visionflan.specimens import write_json

RECORD = {"qid": 7, "image_name": "a.jpg", "question": "Is it normal?", "answer": "Yes"}


def test_the_split_files_are_read_where_the_owners_list_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_json(tmp_path / "trainset.json", [RECORD])
    write_json(tmp_path / "testset.json", [{**RECORD, "qid": 8}])
    assert [row.key for row in dataset.read(tmp_path)] == ["7", "8"]
    write_json(tmp_path / OWNERS_LIST, [RECORD])
    assert [row.key for row in dataset.read(tmp_path)] == ["7"]


def test_a_record_without_its_image_is_broken_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_json(tmp_path / "trainset.json", [{**RECORD, "image_name": None}, RECORD])
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.key == "trainset.json:0"
    assert row.key == "7"


def test_a_file_that_is_no_list_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_json(tmp_path / "trainset.json", RECORD)
    with pytest.raises(ReleaseError, match=r"trainset\.json"):
        list(dataset.read(tmp_path))


@pytest.mark.parametrize(
    ("answer", "target", "repaired"),
    [
        ("no", "No", ("first_letter_capitalized",)),
        ("Skull \tand medulla ", "Skull and medulla", ("trimmed_blanks",)),
        ("right lobe", "Right lobe", ("first_letter_capitalized",)),
        ("MRI", "MRI", ()),
    ],
)
def test_answers_are_fixed_by_name(answer: str, target: str, repaired: tuple[str, ...]) -> None:
    example = question_answer(Row("1", Path("a.jpg"), "Where?", answer))
    assert example is not None
    assert (example.target, example.repaired) == (target, repaired)
    assert " ".join(answer.split()) in (example.target, *example.references)


@pytest.mark.shared
def test_the_release_is_read_completely(shared: Path) -> None:
    root = shared / "real" / "vqa_rad"
    assert len([row for row in dataset.rows(root) if row.image.is_file()]) == 3064 + 451
    assert len(list(dataset.examples("question_answer", root))) == 3064 + 451
