"""TDIUC's questions are told apart by their type."""

from pathlib import Path

import pytest

from visionflan.datasets import tdiuc
from visionflan.specimens.tdiuc import draw_scene

TYPES = (
    "activity_recognition attribute color counting object_presence object_recognition "
    "positional_reasoning scene_recognition sentiment_understanding sport_recognition "
    "utility_affordance"
)


@pytest.mark.parametrize("kind", TYPES.split())
def test_a_type_of_question_belongs_to_the_task_of_its_name_alone(kind: str) -> None:
    row = tdiuc.Row("train2014/1", Path("1.jpg"), "What?", "this", kind)
    takers = [name for name, task in tdiuc.dataset.tasks.items() if task.to_example(row)]
    assert takers == [f"vqa_{kind}"]
    assert tdiuc.dataset.tasks[f"vqa_{kind}"].official_name == f"VQA_{kind}"


def test_an_absurd_question_belongs_to_no_task() -> None:
    row = tdiuc.Row("train2014/1", Path("1.jpg"), "What?", "doesnotapply", "absurd")
    assert not any(task.to_example(row) for task in tdiuc.dataset.tasks.values())


def test_the_archive_may_keep_its_own_directory(tmp_path: Path) -> None:
    tdiuc.specimen(tmp_path, 4)
    keys = [row.key for row in tdiuc.read(tmp_path)]
    (tmp_path / "TDIUC").mkdir()
    for folder in ("Questions", "Annotations"):
        (tmp_path / folder).rename(tmp_path / "TDIUC" / folder)
    assert [row.key for row in tdiuc.read(tmp_path)] == keys


def test_presence_is_asked_as_often_for_what_is_there_as_for_what_is_not() -> None:
    exchanges = [
        exchange
        for index in range(40)
        for exchange in draw_scene(index)[1]
        if exchange.question_type == "object_presence"
    ]
    assert [exchange.answer for exchange in exchanges].count("yes") == len(exchanges) / 2
