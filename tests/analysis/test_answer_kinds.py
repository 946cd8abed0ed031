"""Which tasks are answered by yes or no, and which by one of listed options."""

from pathlib import Path

import pytest

from tests.helpers.planted_study import plan
from visionflan.analysis.answer_kinds import (
    AnswerKind,
    answer_kind,
    build_answer_kinds,
    catalog_answer_kinds,
)
from visionflan.analysis.task_table import TaskTable
from visionflan.storage.directory import BuildDirectory

KINDS = {
    "caltech101/living_thing_classification": AnswerKind(yes_no=True, listed=True),
    "tdiuc/vqa_object_presence": AnswerKind(yes_no=True, listed=False),
    "textcaps/caption_generation": AnswerKind(yes_no=False, listed=False),
}


def test_the_catalog_knows_them_from_specimens() -> None:
    kinds = catalog_answer_kinds()
    assert len(kinds) == 209
    assert {task: kinds[task] for task in KINDS} == KINDS
    assert kinds["nus_wide/animal_classification"] == AnswerKind(yes_no=True, listed=True)
    assert not kinds["gqa/gqa"].yes_no  # only a part of its questions


def test_a_build_says_the_same_of_its_training_instances(study_build: Path) -> None:
    kinds = build_answer_kinds(BuildDirectory(study_build))
    assert {task: kinds[task] for task in KINDS} == KINDS
    catalog = catalog_answer_kinds()
    assert kinds == {task: catalog[task] for task in kinds}
    table = TaskTable.of_build(study_build)
    assert table.answer_kinds == kinds
    assert table.sizes.keys() == kinds.keys()


@pytest.mark.parametrize(("share", "most"), [(0.5, False), (0.51, True)])
def test_a_task_is_of_the_kind_of_most_of_its_answers(share: float, most: bool) -> None:
    assert answer_kind(share, 0) == AnswerKind(most, False)
    assert answer_kind(0, share) == AnswerKind(False, most)


def test_the_study_of_tasks_notes_the_composition_of_each_draw() -> None:
    kinds = catalog_answer_kinds()
    for replicate, arms in plan("tasks").replicates:
        tasks = replicate.training_tasks
        notes = arms["all/800"].notes
        assert notes["yes/no"] == sum(kinds[task].yes_no for task in tasks) / len(tasks)
        assert notes["options"] == sum(kinds[task].listed for task in tasks) / len(tasks)
        assert 0 < notes["yes/no"] < notes["options"] < 0.3
    drawn = {arms["2/800"].notes["options"] for _, arms in plan("tasks").replicates}
    assert drawn <= {0, 0.5, 1}
