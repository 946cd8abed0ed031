"""Which tasks are answered by yes or no, and which by one of listed options."""

from pathlib import Path

import pytest

from visionflan.analysis.answer_kinds import AnswerKind, answer_kind, build_answer_kinds
from visionflan.analysis.plan import StudySettings, plan_study
from visionflan.analysis.studies import load
from visionflan.analysis.task_table import TaskTable
from visionflan.recipes.tiny import tiny
from visionflan.storage.directory import BuildDirectory

KINDS = {
    "caltech101/living_thing_classification": AnswerKind(yes_no=True, listed=True),
    "tdiuc/vqa_object_presence": AnswerKind(yes_no=True, listed=False),
    "textcaps/caption_generation": AnswerKind(yes_no=False, listed=False),
}


def test_a_build_tells_them_from_its_training_instances(study_build: Path) -> None:
    kinds = build_answer_kinds(BuildDirectory(study_build))
    assert {task: kinds[task] for task in KINDS} == KINDS
    table = TaskTable.of_build(study_build)
    assert table.answer_kinds == kinds
    assert table.sizes.keys() == kinds.keys()


def test_the_catalog_does_not_tell_them() -> None:
    assert TaskTable.of_catalog().answer_kinds == {}


@pytest.mark.parametrize(("share", "most"), [(0.5, False), (0.51, True)])
def test_a_task_is_of_the_kind_of_most_of_its_answers(share: float, most: bool) -> None:
    assert answer_kind(share, 0) == AnswerKind(most, False)
    assert answer_kind(0, share) == AnswerKind(False, most)


def test_the_study_of_tasks_notes_the_composition_of_each_draw(study_build: Path) -> None:
    settings = StudySettings(
        name="tasks",
        build=study_build,
        recipe=tiny(),
        seeds=(0, 1),
        factors={"tasks": ("2/60", "all/60")},
        held_out_tasks=("pacs/photo_*",),
    )
    kinds = build_answer_kinds(BuildDirectory(study_build))
    for replicate, arms in plan_study(load("tasks"), settings).replicates:
        tasks = replicate.training_tasks
        notes = arms["all/60"].notes
        assert notes["yes/no"] == sum(kinds[task].yes_no for task in tasks) / len(tasks) > 0
        assert notes["options"] == sum(kinds[task].listed for task in tasks) / len(tasks) > 0
        assert arms["2/60"].notes["options"] in (0, 0.5, 1)
