"""IconQA: choices given by place, repeated choices, and problems that cannot be read."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.iconqa import Row, choose_txt, dataset, fill_in_blank
from visionflan.errors import UnusableError
from visionflan.specimens import write_json

IMAGE = Path("image.png")


def write_problem(root: Path, kind: str, **problem: object) -> None:
    write_json(root / "train" / kind / "5" / "data.json", {"question": "Which?", **problem})


def test_the_answer_is_the_choice_at_its_place(tmp_path: Path) -> None:
    write_problem(tmp_path, "choose_txt", choices=["odd", "even"], answer=1)
    (row,) = dataset.rows(tmp_path)
    assert (row.key, row.answer) == ("train/choose_txt/5", "even")


def test_the_directory_that_the_archive_makes_is_read_too(tmp_path: Path) -> None:
    write_problem(tmp_path / "iconqa_data" / "iconqa", "fill_in_blank", answer="3")
    assert [row.answer for row in dataset.rows(tmp_path)] == ["3"]


@pytest.mark.parametrize("index", [2, -1, "even", None])
def test_a_place_that_no_choice_has_makes_the_row_broken(tmp_path: Path, index: object) -> None:
    write_problem(tmp_path, "choose_txt", choices=["odd", "even"], answer=index)
    (row,) = dataset.read(tmp_path)
    assert isinstance(row, BrokenRow)


def test_repeated_choices_are_shown_once_and_named() -> None:
    row = Row("k", IMAGE, "choose_txt", "How many?", ("3", "4 ", "4"), "4")
    example = choose_txt(row)
    assert example is not None
    assert (example.options, example.repaired) == (("3", "4"), ("repeated_choice",))
    with pytest.raises(UnusableError, match="single_option"):
        choose_txt(row._replace(choices=("4", "4")))


def test_each_kind_has_its_own_task() -> None:
    row = Row("k", IMAGE, "fill_in_blank", "How many?", (), "4")
    assert choose_txt(row) is None
    assert fill_in_blank(row._replace(kind="choose_txt")) is None


@pytest.mark.shared
def test_the_sample_of_the_release_is_read_completely(shared: Path) -> None:
    root = shared / "real" / "iconqa"
    assert {task: len(list(dataset.examples(task, root))) for task in dataset.tasks} == {
        "choose_txt": 50,
        "fill_in_blank": 50,
    }
