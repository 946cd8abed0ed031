"""Question files of the Robust Reading Competition, whichever challenge they come from."""

from pathlib import Path
from typing import Any

import pytest

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts.rrc import RrcQuestion, find_splits, read_questions
from visionflan.specimens import write_json


def image_path(record: dict[str, Any]) -> Path:
    return Path(record["file"])


def test_either_name_of_the_identifier_is_read_and_bad_records_are_kept(tmp_path: Path) -> None:
    common = {"question": "What?", "file": "a.png", "answers": ["one", None, 2]}
    records = [
        {**common, "questionId": 7},
        {**common, "question_id": 8},
        common,
        3,
        {"answers": []},
    ]
    write_json(tmp_path / "train.json", {"data": records})
    first, second, third, *bad = read_questions(tmp_path / "train.json", "train", image_path)
    assert first == RrcQuestion("train/7", Path("a.png"), "What?", ("one", "2"), "train")
    assert [second.key, third.key] == ["train/8", "train/record-2"]
    assert [row.key for row in bad if isinstance(row, BrokenRow)] == [
        "train.json:3",
        "train.json:4",
    ]


def test_blanks_are_trimmed_and_counted_and_answers_stand_once() -> None:
    question = RrcQuestion("1", Path("a.png"), " What  is it?", ("a  b", "a b", "c"))
    example = question.example()
    assert (example.text, example.target) == ("What is it?", "a b")
    assert example.references == ("a b", "c")
    assert example.repaired == ("trimmed_blanks",)
    assert not RrcQuestion("1", Path("a.png"), "What?", ("a",)).example().repaired


def test_the_first_place_of_a_split_counts(tmp_path: Path) -> None:
    for name in ("train_b.json", "train/train_a.json", "train/train_b.json"):
        write_json(tmp_path / name, {})
    files = find_splits(tmp_path, ("{split}", ""), "{split}_a.json", "{split}_b.json")
    assert files == {"train": tmp_path / "train" / "train_a.json"}


@pytest.mark.parametrize("content", [[], {"data": {}}, "data"])
def test_a_file_without_a_list_of_questions_is_refused_by_name(
    tmp_path: Path, content: object
) -> None:
    write_json(tmp_path / "train.json", content)
    with pytest.raises(ReleaseError, match=r"train\.json"):
        list(read_questions(tmp_path / "train.json", "train", image_path))
